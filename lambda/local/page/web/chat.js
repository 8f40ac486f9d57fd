// What the chat products have got, as each of them would show it. Whatever a
// message says becomes text: what is no known element is shown as JSON.
import { $, h, link, setText, timeOf, dateTime, tree } from "./dom.js";

const products = [["slack", "Slack"], ["teams", "Microsoft Teams"], ["amazonq", "Amazon Q Developer"], ["webhook", "Webhook"]];
const render = { slack, teams, amazonq, webhook };
const MOST = 20; // threads that are shown before more are asked for
const LAST = 4; // replies that are shown of a thread, the newest ones
const whole = new Set(); // the threads of which all are shown
let all = [];
let product = "slack";
let most = MOST;

for (const [i, [id, label]] of products.entries()) {
  $("products").append(h("button", { type: "button", role: "radio", class: "segment", "data-product": id, "aria-checked": "false", onclick: () => choose(i), onkeydown: (e) => {
    const to = { ArrowRight: i + 1, ArrowDown: i + 1, ArrowLeft: i - 1, ArrowUp: i - 1 }[e.key];
    if (to === undefined) return;
    e.preventDefault();
    choose((to + products.length) % products.length, true);
  } }, label, " ", h("span", { class: "count" })));
}

function choose(i, focus) {
  product = products[i][0];
  most = MOST;
  paint();
  if (focus) $("products").children[i].focus();
}

export function show(messages, changed) {
  if (!changed && $("chat").children.length > 0) return;
  all = messages;
  paint();
}

function paint() {
  for (const b of $("products").children) {
    const is = b.dataset.product === product;
    b.setAttribute("aria-checked", String(is));
    b.tabIndex = is ? 0 : -1;
    setText(b.querySelector(".count"), String(all.filter((m) => m.product === b.dataset.product).length || ""));
  }
  const threads = new Map();
  for (const [i, m] of all.entries()) {
    if (m.product !== product) continue;
    // The first message of a thread has its id, where the product gives one.
    const key = m.thread || m.id || `#${i}`;
    threads.set(key, [...(threads.get(key) ?? []), m]);
  }
  const newest = [...threads.values()].sort((a, b) => Date.parse(b[0].time) - Date.parse(a[0].time));
  const list = newest.slice(0, most).reverse();
  $("chat").dataset.product = product;
  $("chat").replaceChildren(
    newest.length > most ? h("button", { type: "button", class: "quiet", onclick: () => { most += MOST; paint(); } }, `Show ${Math.min(MOST, newest.length - most)} older threads`) : "",
    ...list.map(thread),
    list.length ? "" : h("p", { class: "empty" }, `Nothing was sent to ${products.find((p) => p[0] === product)[1]} yet.`));
}

function thread(messages) {
  const [root, ...replies] = messages;
  const key = `${root.product} ${root.thread || root.id || root.time}`;
  const hidden = whole.has(key) ? 0 : Math.max(0, replies.length - LAST);
  return h("article", { class: "thread", "aria-label": `Thread of ${dateTime(root.time)}` }, message(root),
    replies.length ? h("div", { class: "replies", role: "group", "aria-label": `${replies.length} replies` },
      hidden ? h("button", { type: "button", class: "quiet more", onclick: () => { whole.add(key); paint(); } }, `Show ${hidden} earlier replies`) : null,
      replies.slice(hidden).map(message)) : null);
}

function message(m) {
  return h("div", { class: `message ${m.product}` },
    h("div", { class: "avatar", "aria-hidden": "true" }, "L"),
    h("div", { class: "said" },
      h("p", { class: "sender" }, h("b", {}, "Lakegate"), " ", h("span", { class: "tag" }, m.product === "webhook" ? "webhook" : "app"), " ", h("time", {}, timeOf(m.time))),
      render[m.product]?.(m.payload, m) ?? raw(m.payload)));
}

const raw = (value) => h("div", { class: "data" }, tree(value, (key, inner, depth) => depth < 1));

/** marked reads the few marks of *bold*, `code`, <url|text>, blocks of code and
 * line breaks. */
export function marked(value) {
  const out = document.createDocumentFragment();
  const all = String(value ?? "");
  const marks = /```\n?([\s\S]*?)\n?```\n?|\*\*([^*\n]+)\*\*|\*([^*\n]+)\*|`([^`\n]+)`|<(https?:\/\/[^|>\s]+)(?:\|([^>]+))?>|\[([^\]\n]+)\]\((https?:\/\/[^)\s]+)\)|(https?:\/\/[^\s<>]+)/g;
  let at = 0;
  for (const m of all.matchAll(marks)) {
    out.append(unescaped(all.slice(at, m.index)));
    at = m.index + m[0].length;
    if (m[1] !== undefined) out.append(h("pre", {}, unescaped(m[1])));
    else if (m[2] || m[3]) out.append(h("b", {}, unescaped(m[2] || m[3])));
    else if (m[4]) out.append(h("code", {}, unescaped(m[4])));
    else if (m[5]) out.append(link(m[5], m[6] || m[5]));
    else if (m[7]) out.append(link(m[8], m[7]));
    else out.append(link(m[9], m[9]));
  }
  out.append(unescaped(all.slice(at)));
  return out;
}

// Slack and Amazon Q want these three characters escaped.
const unescaped = (value) => value.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

// Slack: Block Kit, https://docs.slack.dev/reference/block-kit/blocks

function slack(p) {
  const blocks = [...(p.blocks ?? []).map(block),
    ...(p.attachments ?? []).map((a) => {
      const e = h("div", { class: "attachment" }, (a.blocks ?? []).map(block), a.blocks ? null : marked(a.text ?? a.fallback ?? ""));
      if (/^#[0-9a-f]{6}$/i.test(a.color ?? "")) e.style.borderColor = a.color;
      return e;
    })];
  if (blocks.length === 0) return p.text ? h("p", {}, marked(p.text)) : raw(p);
  return h("div", { class: "card slack" }, blocks);
}

const plain = (t) => (t?.type === "mrkdwn" ? marked(t.text) : emoji(t?.text ?? ""));

// The few names of emoji that reports use.
const signs = { white_check_mark: "✅", x: "❌", warning: "⚠️", hourglass_flowing_sand: "⏳", information_source: "ℹ️", rocket: "🚀", lock: "🔒", no_entry: "⛔", mag: "🔍", wastebasket: "🗑️", pause_button: "⏸️", large_green_circle: "🟢", red_circle: "🔴", large_yellow_circle: "🟡", large_blue_circle: "🔵" };
const emoji = (value) => value.replace(/:([a-z_]+):/g, (all, name) => signs[name] ?? all);

function block(b) {
  switch (b.type) {
    case "header": return h("h2", {}, plain(b.text));
    case "section": return h("div", { class: "section" }, b.text ? h("p", { class: "lines" }, plain(b.text)) : null,
      b.fields ? h("div", { class: "fields" }, b.fields.map((f) => h("p", { class: "lines" }, plain(f)))) : null,
      b.accessory ? action(b.accessory) : null);
    case "rich_text": return h("div", { class: "rich" }, (b.elements ?? []).map(rich));
    case "context": return h("p", { class: "context" }, (b.elements ?? []).map((e, i) => [i ? " · " : "", e.type === "image" ? e.alt_text ?? "" : plain(e)]));
    case "divider": return h("hr");
    case "actions": return h("div", { class: "actions" }, (b.elements ?? []).map(action));
    case "markdown": return h("p", { class: "lines" }, marked(b.text));
    default: return raw(b);
  }
}

function rich(e) {
  switch (e.type) {
    case "rich_text_section": return h("p", { class: "lines" }, (e.elements ?? []).map(span));
    case "rich_text_preformatted": return h("pre", {}, (e.elements ?? []).map(span));
    case "rich_text_quote": return h("blockquote", { class: "lines" }, (e.elements ?? []).map(span));
    case "rich_text_list": {
      const list = h(e.style === "ordered" ? "ol" : "ul", {}, (e.elements ?? []).map((item) => h("li", {}, (item.elements ?? []).map(span))));
      if (e.indent > 0) list.style.marginInlineStart = `${Math.min(e.indent, 8) * 1.5}em`;
      return list;
    }
    default: return raw(e);
  }
}

function span(e) {
  let text;
  switch (e.type) {
    case "text": text = e.text; break;
    case "link": return styled(link(e.url, e.text || e.url), e.style);
    case "emoji": return signs[e.name] ?? `:${e.name}:`;
    case "user": return `@${e.user_id}`;
    case "channel": return `#${e.channel_id}`;
    case "date": return e.fallback ?? String(e.timestamp);
    default: return JSON.stringify(e);
  }
  return styled(text, e.style);
}

function styled(inner, style = {}) {
  let out = inner;
  if (style.code) out = h("code", {}, out);
  if (style.bold) out = h("b", {}, out);
  if (style.italic) out = h("i", {}, out);
  if (style.strike) out = h("s", {}, out);
  return out;
}

function action(a) {
  const label = typeof a.text === "string" ? a.text : plain(a.text);
  if (!a.url) return h("span", { class: "button" }, label);
  const e = link(a.url, label);
  e.classList.add("button");
  if (a.style) e.classList.add(a.style === "danger" ? "danger" : "primary");
  return e;
}

// Microsoft Teams: an Adaptive Card, https://adaptivecards.io/explorer

function teams(p) {
  const cards = p.type === "AdaptiveCard" ? [p] : (p.attachments ?? []).filter((a) => a.content?.type === "AdaptiveCard").map((a) => a.content);
  if (cards.length === 0) return p.text ? h("p", { class: "lines" }, p.text) : raw(p);
  return cards.map((card) => h("div", { class: "card teams" }, (card.body ?? []).map(element),
    card.actions?.length ? h("div", { class: "actions" }, card.actions.map(teamsAction)) : null));
}

const teamsAction = (a) => action({ text: a.title ?? "", url: a.url, style: a.style === "destructive" ? "danger" : a.style === "positive" ? "primary" : undefined });

const sized = (e, x) => {
  if (["Medium", "Large", "ExtraLarge"].includes(x.size)) e.classList.add("large");
  if (x.size === "Small") e.classList.add("little");
  if (x.weight === "Bolder") e.classList.add("bold");
  if (x.isSubtle) e.classList.add("muted");
  if (x.fontType === "Monospace") e.classList.add("code");
  if (["Good", "Warning", "Attention", "Accent"].includes(x.color)) e.classList.add(x.color.toLowerCase());
  if (x.separator) e.classList.add("separated");
  return e;
};

function element(e) {
  if (e.isVisible === false) return null;
  switch (e.type) {
    case "TextBlock": return sized(h("p", { class: "lines" }, marked(e.text)), e);
    case "RichTextBlock": return sized(h("p", { class: "lines" }, (e.inlines ?? []).map(run)), e);
    case "FactSet": return h("dl", { class: "pairs" }, (e.facts ?? []).map((f) => [h("dt", {}, f.title), h("dd", {}, marked(f.value))]));
    case "Container": return styledContainer(e, (e.items ?? []).map(element));
    case "ColumnSet": return h("div", { class: "column-set" }, (e.columns ?? []).map((c) => styledContainer(c, (c.items ?? []).map(element), c.width === "stretch" ? "stretch" : "")));
    case "ActionSet": return h("div", { class: "actions" }, (e.actions ?? []).map(teamsAction));
    case "CodeBlock": return h("pre", {}, e.codeSnippet ?? "");
    default: return raw(e);
  }
}

function styledContainer(c, inner, more = "") {
  const style = ["good", "warning", "attention", "accent", "emphasis"].includes(c.style) ? `box-${c.style}` : "";
  return sized(h("div", { class: `container ${style} ${more}` }, inner), { separator: c.separator });
}

function run(r) {
  if (typeof r === "string") return r;
  const inner = r.selectAction?.url ? link(r.selectAction.url, r.text) : r.text ?? "";
  return sized(styled(h("span", {}, inner), { italic: r.italic, strike: r.strikethrough }), r);
}

// Amazon Q Developer in chat applications: a custom notification,
// https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html

function amazonq(p) {
  const c = p.content ?? {};
  if (!c.title && !c.description) return raw(p);
  return h("div", { class: "card amazonq" },
    c.title ? h("h2", {}, marked(c.title)) : null,
    h("div", { class: "lines" }, c.textType === "client-markdown" ? marked(c.description) : c.description ?? ""),
    c.nextSteps?.length ? [h("h3", {}, "Next steps"), h("ul", {}, c.nextSteps.map((step) => h("li", {}, marked(step))))] : null,
    c.keywords?.length ? h("p", { class: "keywords" }, c.keywords.map((k) => h("span", { class: "tag" }, k))) : null);
}

function webhook(p, m) {
  return h("div", { class: "card webhook" },
    h("h2", {}, p["detail-type"] ?? p.detailType ?? p.type ?? "Event"),
    m.headers && Object.keys(m.headers).length ? h("dl", { class: "pairs code" }, Object.entries(m.headers).map(([k, v]) => [h("dt", {}, k), h("dd", {}, v)])) : null,
    raw(p));
}
