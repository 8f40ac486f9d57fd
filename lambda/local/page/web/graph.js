// The graph of an execution, drawn from the plan: steps follow each other from
// left to right, and what runs side by side is in a frame.
import { $, h, s, setText, say, duration, dateTime, timeOf, tree, parse } from "./dom.js";
import { get } from "./api.js";

const words = {
  none: "not started", running: "running", waiting: "waits", retrying: "tries again", succeeded: "succeeded", failed: "failed",
  stopped: "stopped", missed: "not reached", skipped: "nothing to do",
};
const marks = {
  none: "", running: "M8 2.5a5.5 5.5 0 1 1-5.5 5.5", waiting: "M5 3.5h6M5 12.5h6M5.5 3.5c0 2.5 5 6.5 5 9M10.5 3.5c0 2.5-5 6.5-5 9",
  retrying: "M12.5 5.5A5 5 0 1 0 13 9M13 3v3h-3", succeeded: "M3.5 8.5l3 3 6-7", failed: "M4 4l8 8M12 4l-8 8", stopped: "M4.5 4.5h7v7h-7z",
  missed: "M4 8h8", skipped: "M3.5 8.5l3 3 6-7",
};
const byMachine = new Map();
let machine = null; // what is drawn: { graph, nodes, order }
let current = null; // the execution that is shown
let opened = null; // the name of the step whose detail is open
let opener = null;
let wantsFocus = false;

export function prepare(machines) {
  for (const m of machines) byMachine.set(m.name, m);
  $("legend").append(...["running", "waiting", "retrying", "succeeded", "skipped", "failed", "stopped", "missed"].map((name) =>
    h("span", { class: "key", "data-state": name }, mark(name), words[name])));
}

function mark(name) {
  return s("svg", { class: "mark", viewBox: "0 0 16 16", "aria-hidden": "true" }, s("path", { d: marks[name] || "M8 7.5v1" }));
}

export function empty() {
  current = machine = null;
  $("summary").replaceChildren();
  $("graph").replaceChildren(h("p", { class: "empty" }, "No execution yet. One starts when a spec is committed."));
}

function draw(name) {
  const m = byMachine.get(name);
  machine = { name, nodes: new Map(), order: [], docs: new Map() };
  $("graph").replaceChildren(sequence(m.graph, true));
}

function sequence(nodes, top) {
  return h("ol", { class: top ? "sequence whole" : "sequence" }, nodes.map((n) => h("li", { class: n.branches ? "item wide" : "item" }, n.branches ? frame(n) : button(n))));
}

function frame(n) {
  const time = h("span", { class: "time" });
  const head = h("p", { class: "frame-name", title: n.doc }, n.name, time);
  const e = h("section", { class: "frame", "data-state": "none", "aria-label": `${n.name}: side by side` }, head,
    h("ul", { class: n.branches.length > 5 ? "branches many" : "branches" }, n.branches.map((b) => h("li", { class: "branch" }, sequence(b)))));
  machine.nodes.set(n.name, { e, time, frame: true });
  return e;
}

function button(n) {
  const time = h("span", { class: "time" });
  const icon = h("span", { class: "icon" }, mark("none"));
  const more = h("span", { class: "hidden" });
  const e = h("button", { type: "button", class: n.waits ? "node waits" : "node", "data-state": "none", "data-name": n.name, title: n.doc, onclick: () => open(n.name, e) },
    icon, h("span", { class: "label" }, n.name), more, time);
  e.addEventListener("keydown", (event) => {
    const to = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!to) return;
    event.preventDefault();
    const i = machine.order.indexOf(n.name) + to;
    machine.nodes.get(machine.order[i])?.e.focus();
  });
  machine.nodes.set(n.name, { e, icon, more, time, leave: n.leave });
  machine.docs.set(n.name, n.doc);
  machine.order.push(n.name);
  return e;
}

/** stateOf is what the graph shows of a step. */
function stateOf(x, name) {
  const step = x.steps[name];
  if (!step) return x.status === "RUNNING" ? "none" : "missed";
  if (step.state === "succeeded" && step.outcome === "Skipped") return "skipped";
  return step.state;
}

export function show(x, now) {
  if (machine?.name !== x.machine) {
    draw(x.machine);
    if (opened && !machine.nodes.has(opened)) close();
  }
  if (x === current) return;
  const before = current;
  current = x;
  for (const [name, n] of machine.nodes) {
    const state = stateOf(x, name);
    if (n.e.dataset.state !== state) {
      n.e.dataset.state = state;
      n.icon?.replaceChildren(mark(state));
      if (state === "failed" && !n.frame && before?.arn === x.arn) say(`${name} failed`);
    }
    const step = x.steps[name];
    const left = x.left && n.leave === x.left;
    if (!n.frame) {
      setText(n.more, `: ${words[state]}${step?.outcome ? `, ${step.outcome}` : ""}${left ? `, the execution ended as ${x.left}` : ""}`);
      n.e.classList.toggle("left", Boolean(left));
    }
  }
  summarize(x);
  tick(now);
  if (before && before.arn === x.arn && before.status !== x.status) say(`The execution ${words[badges[x.status]] ?? x.status}`);
  if (opened) detail(opened);
}

const badges = { RUNNING: "running", SUCCEEDED: "succeeded", FAILED: "failed", TIMED_OUT: "failed", ABORTED: "stopped" };

function summarize(x) {
  const all = machine.order.length;
  const done = machine.order.filter((name) => x.steps[name]?.state === "succeeded").length;
  const failure = x.failure && h("div", { class: "alert" },
    h("p", {}, h("strong", {}, `${x.failure.class}: `), x.failure.message),
    h("p", {}, h("strong", {}, "What to do: "), x.failure.remedy));
  $("summary").replaceChildren(
    h("p", { class: "facts" },
      h("span", { class: "badge", "data-state": badges[x.status] }, mark(badges[x.status]), x.status.replace("_", " ").toLowerCase()),
      h("span", {}, h("b", {}, x.workspace || x.name), " ", h("span", { class: "muted" }, x.machine)),
      h("span", {}, "started ", h("b", {}, timeOf(x.start))),
      h("span", {}, x.status === "RUNNING" ? "for " : "took ", h("b", { id: "took" })),
      h("span", {}, h("b", {}, `${done} of ${all}`), " steps"),
      x.redrives ? h("span", {}, h("b", {}, `redriven ${x.redrives}×`)) : null,
      x.left ? h("span", {}, "ended early: ", h("b", {}, x.left)) : null),
    h("progress", { max: String(all), value: String(done), "aria-label": "Steps that are done" }),
    failure ?? "");
}

/** tick lets the durations of what runs grow. */
export function tick(now) {
  if (!current || !machine) return;
  const until = (at) => Date.parse(at) || now;
  const took = $("took");
  if (took) setText(took, duration(until(current.stop) - Date.parse(current.start)));
  for (const [name, n] of machine.nodes) {
    const step = current.steps[name];
    const ms = step ? until(step.state === "waiting" && current.status === "RUNNING" ? undefined : step.exited) - Date.parse(step.entered) : 0;
    setText(n.time, ms >= 1000 ? duration(ms) : "");
  }
}

export const isOpen = () => opened !== null;

function open(name, by) {
  opened = name;
  opener = by;
  const panel = $("detail");
  panel.hidden = false;
  panel.replaceChildren();
  for (const [other, n] of machine.nodes) n.e.classList.toggle("chosen", other === name);
  wantsFocus = true;
  detail(name);
}

export function close() {
  if (!opened) return;
  machine?.nodes.get(opened)?.e.classList.remove("chosen");
  opened = null;
  $("detail").hidden = true;
  opener?.focus();
}

document.addEventListener("keydown", (e) => {
  if (e.key === "Escape" && opened) {
    e.preventDefault();
    close();
  }
});

// detail shows a step as the console shows a state: what flowed in and out, and
// how long and how often it ran.
async function detail(name) {
  const x = current;
  const panel = $("detail");
  const state = stateOf(x, name);
  let step = null;
  if (x.steps[name]) step = (await get("step", { arn: x.arn, name })).value;
  if (opened !== name || current !== x) return;
  const version = JSON.stringify([x.arn, name, state, step?.visits, step?.attempts, step?.exited]);
  if (panel.dataset.version === version && panel.children.length > 0) return;
  panel.dataset.version = version;
  const chosen = panel.querySelector("[role=tab][aria-selected=true]")?.dataset.part;
  const part = panel.contains(document.activeElement) ? document.activeElement.dataset.part : undefined;
  const focused = wantsFocus || document.activeElement?.id === "detail-title";
  wantsFocus = false;
  panel.replaceChildren(
    h("div", { class: "detail-head" },
      h("h2", { id: "detail-title", tabindex: "-1" }, name),
      h("button", { type: "button", class: "quiet", onclick: close, "aria-keyshortcuts": "Escape" }, "Close", h("kbd", { "aria-hidden": "true" }, "Esc"))),
    h("div", { class: "detail-body" },
      h("p", { class: "muted" }, machine.docs.get(name)),
      h("p", { class: "facts" }, h("span", { class: "badge", "data-state": state }, mark(state), words[state]),
        step?.outcome ? h("span", { class: "outcome" }, step.outcome) : null),
      step?.reason ? h("p", { class: "reason" }, step.reason) : null,
      step ? facts(step) : h("p", { class: "muted" }, x.status === "RUNNING" ? "The execution has not come here yet." : "The execution did not come here."),
      step?.failures ? [...step.failures].reverse().map((f, i) => failure(f, i === 0 && state === "failed")) : null,
      step ? parts(step, name, chosen) : null));
  if (focused) $("detail-title").focus();
  else if (part) panel.querySelector(`[data-part="${part}"]`)?.focus();
}

function facts(step) {
  const ended = step.exited && Date.parse(step.exited);
  const row = (name, value) => (value ? [h("dt", {}, name), h("dd", {}, value)] : []);
  return h("dl", { class: "pairs" },
    row("entered", dateTime(step.entered)),
    row("exited", ended ? dateTime(step.exited) : ""),
    row("took", ended ? duration(ended - Date.parse(step.entered)) : ""),
    row("times entered", step.visits > 1 ? String(step.visits) : ""),
    row("attempts", String(step.attempts ?? 0)));
}

function failure(f, final) {
  return h("div", { class: final ? "alert" : "alert past" },
    h("p", {}, h("strong", {}, f.class), " ", h("span", { class: "when" }, `${timeOf(f.time)}${f.again ? ", tried again" : ""}`)),
    h("p", { class: "cause" }, f.message),
    final ? h("p", { class: "remedy" }, h("strong", {}, "What to do: "), f.remedy) : null);
}

function parts(step, name, chosen) {
  const input = parse(step.input);
  const output = step.output ? parse(step.output) : undefined;
  const added = output && typeof output === "object" ? Object.keys(output).filter((k) => JSON.stringify(output[k]) !== JSON.stringify(input?.[k])) : [];
  const all = [
    ["output", "Output", output, added],
    ["input", "Input", input, []],
    ["payload", "Task input", step.payload && step.payload !== step.input ? parse(step.payload) : undefined, []],
  ].filter(([id, , value]) => value !== undefined || id === "output");
  const list = h("div", { role: "tablist", class: "parts", "aria-label": "Data" });
  const body = h("div", { role: "tabpanel", class: "data", tabindex: "0", id: "data" });
  const choose = (id, focus) => {
    for (const tab of list.children) {
      const is = tab.dataset.part === id;
      tab.setAttribute("aria-selected", String(is));
      tab.tabIndex = is ? 0 : -1;
      if (is && focus) tab.focus();
    }
    const [, label, value, keys] = all.find((p) => p[0] === id);
    body.setAttribute("aria-label", label);
    body.replaceChildren(value === undefined ? h("p", { class: "muted" }, `${name} has no output${current.status === "RUNNING" ? " yet" : ""}.`) : value !== null && typeof value === "object"
      ? [keys.length ? h("p", { class: "muted" }, "added: ", keys.join(", ")) : null, tree(value, (key, inner, depth) => keys.includes(key) && depth === 0 || depth > 0 && Object.keys(inner).length < 9)].filter(Boolean).reduce((d, c) => (d.append(c), d), document.createDocumentFragment())
      : tree(value));
  };
  for (const [i, [id, label]] of all.entries()) {
    list.append(h("button", { type: "button", role: "tab", "data-part": id, "aria-controls": "data", onclick: () => choose(id), onkeydown: (e) => {
      const to = { ArrowRight: i + 1, ArrowLeft: i - 1 }[e.key];
      if (to !== undefined) choose(all[(to + all.length) % all.length][0], true);
    } }, label));
  }
  choose(all.some(([id]) => id === chosen) ? chosen : "output");
  return [list, body];
}
