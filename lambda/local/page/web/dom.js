// Everything that is shown goes into the page as text: no string is ever read as
// HTML.

const SVG = "http://www.w3.org/2000/svg";

function fill(e, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) e.addEventListener(name.slice(2), value);
    else e.setAttribute(name, value === true ? "" : value);
  }
  e.append(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false && c !== ""));
  return e;
}

/** h makes an HTML element; strings among its children become text. */
export const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);

/** s makes an SVG element. */
export const s = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

export const $ = (id) => document.getElementById(id);

/** setText changes a text only if it differs, so that nothing is painted anew. */
export function setText(e, text) {
  if (e.textContent !== text) e.textContent = text;
}

/** say tells those who do not see the page. */
export const say = (text) => setText($("said"), text);

/** time of day in UTC, as clocks of the cloud have it. */
export const timeOf = (t) => new Date(t).toISOString().slice(11, 19);

/** dateTime is a day and a time in UTC. */
export const dateTime = (t) => new Date(t).toISOString().slice(0, 19).replace("T", " ");

/** duration for people, of milliseconds. */
export function duration(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${String(seconds % 60).padStart(2, "0")}s`;
  return `${Math.floor(seconds / 3600)}h${String(Math.floor((seconds % 3600) / 60)).padStart(2, "0")}m`;
}

/** link is a link if it leads to this machine, and its text with the address
 * otherwise: what an emulated service names is not to be opened. */
export function link(url, ...text) {
  let to;
  try {
    to = new URL(url);
  } catch {
    to = undefined;
  }
  if (to && /^https?:$/.test(to.protocol) && ["127.0.0.1", "localhost"].includes(to.hostname)) {
    return h("a", { href: to.href, rel: "noreferrer noopener", target: "_blank" }, text);
  }
  return h("span", { class: "address", title: String(url) }, text);
}

/** options shows the choices of a select, and leaves the chosen one chosen. */
export function options(select, choices, chosen) {
  const wanted = JSON.stringify(choices);
  if (select.dataset.choices !== wanted) {
    select.dataset.choices = wanted;
    select.replaceChildren(...choices.map(([value, text]) => h("option", { value }, text)));
  }
  if (chosen !== undefined && select.value !== chosen) select.value = chosen;
  select.disabled = choices.length === 0;
}

/** tree shows a JSON value. What is deep is made when it is opened. */
export function tree(value, open = () => false, depth = 0) {
  if (value === null || typeof value !== "object") {
    const kind = value === null ? "null" : typeof value;
    return h("span", { class: `json-${kind}` }, JSON.stringify(value));
  }
  const entries = Object.entries(value);
  const [left, right] = Array.isArray(value) ? ["[", "]"] : ["{", "}"];
  if (entries.length === 0) return h("span", { class: "json-mark" }, left + right);
  const list = h("ul", { class: "tree" });
  for (const [key, inner] of entries) {
    const label = h("span", { class: "json-key" }, key);
    if (inner === null || typeof inner !== "object" || Object.keys(inner).length === 0) {
      list.append(h("li", {}, label, ": ", tree(inner)));
      continue;
    }
    const n = Object.keys(inner).length;
    const details = h("details", { open: open(key, inner, depth) },
      h("summary", {}, label, h("span", { class: "json-mark" }, Array.isArray(inner) ? ` [${n}]` : ` {${n}}`)));
    const show = () => {
      if (details.open && details.children.length === 1) details.append(tree(inner, open, depth + 1));
    };
    details.addEventListener("toggle", show);
    show();
    list.append(h("li", {}, details));
  }
  return list;
}

/** parse reads JSON, and keeps text that is none as text. */
export function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
