// The reports in the state bucket: of verifications, plans and drift.
import { $, h, options, dateTime, tree } from "./dom.js";
import { get } from "./api.js";

const kinds = { verification: "Verification", plan: "Plan", drift: "Drift" };
let chosen = "";
let drawn = "";
let last = [];

$("reports").addEventListener("change", (e) => {
  chosen = e.target.value;
  show(last);
});

export async function show(reports) {
  last = reports;
  // Until one is chosen, the newest verification is the most telling.
  const shown = reports.find((r) => r.key === chosen) ?? reports.find((r) => r.kind === "verification") ?? reports[0];
  options($("reports"), reports.map((r) => [r.key, `${kinds[r.kind]} of ${r.workspace}, ${dateTime(r.time)}`]), shown?.key);
  if (!shown) {
    drawn = "";
    $("report").replaceChildren(h("p", { class: "empty" }, "No report yet. The first one is the plan of a spec."));
    return;
  }
  const key = `${shown.key}@${shown.version}`;
  if (drawn === key) return;
  const { value } = await get("report", { key: shown.key });
  drawn = key;
  $("report").replaceChildren({ verification, plan, drift }[shown.kind](value), h("p", { class: "muted code" }, shown.key));
}

const counter = (n, word, state) => h("span", { class: "badge", "data-state": n || state === "succeeded" ? state : "none" }, h("b", {}, String(n)), ` ${word}`);

function verification(v) {
  return h("div", {},
    h("div", { class: "facts" }, h("h2", {}, v.workspace), h("span", { class: "badge", "data-state": v.verdict === "Passed" ? "succeeded" : "failed" }, v.verdict),
      counter(v.passed, "passed", "succeeded"), counter(v.noted, "noted", "waiting"), counter(v.failed, "failed", "failed")),
    v.cause ? h("p", { class: "alert" }, v.cause) : null,
    h("dl", { class: "pairs" }, [["URL", v.url], ["revision", v.revision], ["spec digest", v.specDigest], ["author", v.change?.author], ["message", v.change?.message], ["time", dateTime(v.time)]]
      .filter(([, value]) => value).map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
    h("h3", {}, "What compute may reach"), h("ul", {}, (v.egress ?? []).map((line) => h("li", {}, line))),
    (v.sections ?? []).map((section) => {
      const bad = section.checks.filter((c) => c.result === "Failed").length;
      return h("details", { class: "panel checks", open: true },
        h("summary", {}, h("b", {}, section.step), " ", h("span", { class: "muted" }, `${section.checks.length} checks${bad ? `, ${bad} failed` : ""}`)),
        table(["Result", "What", "Of", "Seen"], section.checks.map((c) => [
          h("span", { class: "badge", "data-state": { Passed: "succeeded", Noted: "waiting" }[c.result] ?? "failed" }, c.result),
          h("span", { title: c.how }, c.what), h("span", { class: "code" }, c.object), [c.seen ?? "", c.remedy ? h("p", { class: "muted" }, c.remedy) : ""]])));
    }));
}

function table(columns, rows) {
  return h("div", { class: "scroll" }, h("table", {},
    h("thead", {}, h("tr", {}, columns.map((c) => h("th", { scope: "col" }, c)))),
    h("tbody", {}, rows.map((cells) => h("tr", {}, cells.map((c, i) => h("td", { "data-column": columns[i] }, c)))))));
}

const changed = { Create: "running", Replace: "waiting", Update: "waiting", Keep: "succeeded", Forbidden: "failed", Unwanted: "none" };
const differences = (list) => table(["Object", "Field", "Found", "Wanted"], list.map((d) => [d.object, d.field, h("span", { class: "code" }, d.found || "-"), h("span", { class: "code" }, d.wanted || "-")]));

function plan(p) {
  const all = (p.changes ?? []).flatMap((c) => c.differences ?? []);
  return h("div", {},
    h("div", { class: "facts" }, h("h2", {}, `Plan of ${p.workspace}`), h("span", { class: "muted" }, `${p.revision}, ${dateTime(p.time)}`)),
    p.refused ? h("p", { class: "alert lines" }, p.refused) : null,
    p.retirement ? h("p", { class: "alert" }, p.retirement.message) : null,
    p.renamed ? h("p", { class: "alert" }, p.renamed.message) : null,
    p.changes?.length ? table(["Action", "Step", "Object", "Reason"], p.changes.map((c) => [h("span", { class: "badge", "data-state": changed[c.action] ?? "none" }, c.action), c.step, h("span", { class: "code" }, c.object ?? ""), c.reason ?? ""])) : h("p", { class: "muted" }, "Nothing would change."),
    all.length ? [h("h3", {}, "Differences"), differences(all)] : null);
}

function drift(d) {
  return h("div", {},
    h("div", { class: "facts" }, h("h2", {}, `Drift of ${d.workspace}`), h("span", { class: "muted" }, `${d.revision}, ${dateTime(d.time)}`),
      h("span", { class: "badge", "data-state": d.repair ? "running" : "waiting" }, d.repair ? "repaired" : "reported")),
    d.deviations?.length ? table(["Object", "Field", "Found", "Wanted", "By"], d.deviations.map((x) => [x.object, x.field, h("span", { class: "code" }, x.found || "-"), h("span", { class: "code" }, x.wanted || "-"), x.by ? `${x.by.who}, ${x.by.call}, ${dateTime(x.by.time)}` : ""])) : tree(d));
}
