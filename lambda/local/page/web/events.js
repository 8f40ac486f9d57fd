// The events, the newest first. Only the rows that are in sight are in the page,
// so that thousands of them cost no more than a few.
import { $, h, setText, timeOf, tree } from "./dom.js";
import { get } from "./api.js";

const HEIGHT = 44, MORE = 6;
const MOST = 20000; // events that are kept, which is more than the bus keeps
let all = []; // the oldest first
let found = []; // those that the filter lets through, the newest first
let last = "";
let active = -1, activeID = "";

/** catchUp asks for the events after those that are known. */
export async function catchUp(newest) {
  if (newest !== last) {
    const { value } = await get("events", { after: last });
    all = (value.whole ? value.events : all.concat(value.events)).slice(-MOST);
    for (const e of value.events) e.search = `${e.type} ${e.workspace ?? ""} ${e.source} ${e.text ?? ""}`.toLowerCase();
    last = all.at(-1)?.id ?? "";
    filter();
  } else {
    paint();
  }
}

function filter() {
  const wanted = $("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  const bus = $("bus").value;
  found = all.filter((e) => (!bus || e.bus === bus) && wanted.every((w) => e.search.includes(w))).reverse();
  active = found.findIndex((e) => e.id === activeID);
  setText($("shown"), found.length === all.length ? `${all.length} events` : `${found.length} of ${all.length} events`);
  paint(true);
}

function paint(anew) {
  const list = $("list"), rows = $("rows");
  const from = Math.max(0, Math.floor(list.scrollTop / HEIGHT) - MORE);
  const to = Math.min(found.length, Math.ceil((list.scrollTop + list.clientHeight) / HEIGHT) + MORE);
  const key = `${from}-${to}-${active}`;
  if (!anew && rows.dataset.key === key) return;
  rows.dataset.key = key;
  rows.style.height = `${found.length * HEIGHT}px`;
  rows.replaceChildren(...found.slice(from, to).map((e, i) => row(e, from + i)));
  if (active >= from && active < to) list.setAttribute("aria-activedescendant", `event-${active}`);
  else list.removeAttribute("aria-activedescendant");
  if (found.length === 0) rows.append(h("p", { class: "empty" }, all.length ? "No event is like that." : "No events yet."));
}

function row(e, i) {
  const r = h("div", {
    class: "row", role: "option", id: `event-${i}`, "aria-selected": String(i === active), "aria-setsize": String(found.length), "aria-posinset": String(i + 1),
    "data-kind": kindOf(e.type), onclick: () => choose(i),
  }, h("time", {}, timeOf(e.time)), h("span", { class: "type" }, e.type), h("span", { class: "of" }, e.workspace ?? ""), h("span", { class: "text" }, e.text ?? ""));
  r.style.top = `${i * HEIGHT}px`;
  return r;
}

function kindOf(type) {
  if (/Failed|Rejected/.test(type)) return "bad";
  if (/Ready|Retired|Recovered/.test(type)) return "good";
  if (/Drifted|Suspended/.test(type)) return "busy";
  return "";
}

async function choose(i) {
  if (i < 0 || i >= found.length) return;
  active = i;
  activeID = found[i].id;
  const list = $("list");
  const y = i * HEIGHT;
  if (y < list.scrollTop) list.scrollTop = y;
  else if (y + HEIGHT > list.scrollTop + list.clientHeight) list.scrollTop = y + HEIGHT - list.clientHeight;
  paint(true);
  const id = activeID;
  const { value } = await get("event", { id });
  if (id !== activeID) return;
  $("event").replaceChildren(
    h("h2", {}, value["detail-type"]),
    h("p", { class: "muted" }, `${value.source}, ${value.time}`),
    h("div", { class: "data" }, tree(value, (key, inner, depth) => depth < 2 || Object.keys(inner).length < 9)));
}

$("list").addEventListener("scroll", () => requestAnimationFrame(() => paint()), { passive: true });
$("list").addEventListener("keydown", (e) => {
  const page = Math.max(1, Math.floor($("list").clientHeight / HEIGHT) - 1);
  const to = { ArrowDown: active + 1, ArrowUp: active - 1, Home: 0, End: found.length - 1, PageDown: active + page, PageUp: active - page }[e.key];
  if (to === undefined) return;
  e.preventDefault();
  choose(Math.min(found.length - 1, Math.max(0, to)));
});
$("filter").addEventListener("input", () => {
  $("list").scrollTop = 0;
  filter();
});
$("bus").addEventListener("change", filter);
window.addEventListener("resize", () => paint(true));
