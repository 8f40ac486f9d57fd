// The network of a workspace as a picture, and all objects as a table.
import { $, h, s, setText } from "./dom.js";

const roles = {
  workspace: "Web application, REST API", relay: "Cluster connectivity relay", s3: "Amazon S3", sts: "AWS STS", "kinesis-streams": "Amazon Kinesis", glue: "AWS Glue",
};
const short = { workspace: "REST API", frontEnd: "users’ front end", relay: "relay", s3: "S3", sts: "STS", "kinesis-streams": "Kinesis", glue: "Glue" };
const control = (e) => ["workspace", "relay", "frontEnd"].includes(e.role);

export function show(world, workspace, changed) {
  const key = `${workspace}/${world.objects.length}`;
  if (!changed && $("network").dataset.key === key) return;
  $("network").dataset.key = key;
  if (world.networks.length === 0) {
    $("network").replaceChildren(h("p", { class: "empty" }, "No network yet. It appears when EnsureVpc has run."));
  } else {
    // What somebody has scrolled to and opened stays so.
    const at = [...document.querySelectorAll(".picture")].map((p) => [p.scrollLeft, p.scrollTop]);
    const open = new Set([...document.querySelectorAll(".groups details[open]")].map((d) => d.dataset.group));
    $("network").replaceChildren(...world.networks.map((n) => h("div", {},
      h("div", { class: "picture", tabindex: "0", role: "region", "aria-label": `Picture of the network of ${workspace}` }, draw(n, workspace)),
      groups(n, open))));
    document.querySelectorAll(".picture").forEach((p, i) => at[i] && p.scrollTo(...at[i]));
  }
  setText($("count-objects"), String(world.objects.length));
  $("objects").replaceChildren(h("table", {},
    h("thead", {}, h("tr", {}, ["Kind", "Name", "Id", "More"].map((c) => h("th", { scope: "col" }, c)))),
    h("tbody", {}, world.objects.map((o) => h("tr", {}, h("td", {}, o.kind), h("td", {}, o.name), h("td", { class: "code" }, o.id), h("td", {}, o.more))))));
}

function groups(n, open) {
  return h("div", { class: "groups" }, n.groups.map((g) => h("details", { class: "panel", "data-group": g.id, open: open.has(g.id) },
    h("summary", {}, h("b", {}, g.name), " ", h("span", { class: "code" }, g.id), " ", h("span", { class: "muted" }, `${g.of ? `of ${g.of}, ` : ""}${g.in.length} rules in, ${g.out.length} out`)),
    h("div", { class: "columns" }, rules("In", g.in), rules("Out", g.out)))));
}

const rules = (title, list) => h("div", {}, h("h3", {}, title), list.length ? h("ul", { class: "code" }, list.map((r) => h("li", {}, r))) : h("p", { class: "muted" }, "none"));

const text = (x, y, value, attributes = {}) => s("text", { x, y, ...attributes }, value);
const box = (x, y, width, height, kind, rx = 8) => s("rect", { x, y, width, height, rx, class: kind });
const clip = (value, most) => (value.length > most ? value.slice(0, most - 1) + "…" : value);

function draw(n, workspace) {
  const left = 16, top = 16, pad = 14, column = 296, pill = 42, gap = 8;
  // The zone with the endpoints to the control plane is next to it.
  const zones = [...new Set(n.subnets.map((x) => x.zone))].sort();
  const leads = (zone) => n.subnets.some((x) => x.zone === zone && n.endpoints.some((e) => control(e) && e.addresses[x.id]));
  zones.sort((a, b) => leads(a) - leads(b));
  const drawn = { below: [], above: [] };
  const anchors = new Map();
  let y = top + 62, bottom = y;
  const width = Math.max(zones.length, 1) * (column + pad) + pad;
  zones.forEach((zone, i) => {
    const x = left + pad + i * (column + pad);
    drawn.above.push(text(x + 2, y, zone, { class: "zone" }));
    let at = y + 10;
    const mine = n.subnets.filter((v) => v.zone === zone);
    mine.sort((a, b) => inside(n, b).some(control) - inside(n, a).some(control) || a.cidr.localeCompare(b.cidr));
    for (const subnet of mine) {
      const ends = inside(n, subnet);
      const height = 52 + (ends.length ? ends.length * (pill + gap) + 2 : 0) + (subnet.compute ? 36 : ends.length ? 0 : 12);
      drawn.above.push(box(x, at, column, height, "subnet"),
        text(x + 12, at + 21, clip(subnet.name || subnet.id, 34), { class: "name" }),
        text(x + column - 12, at + 38, subnet.cidr, { class: "cidr", "text-anchor": "end" }),
        text(x + 12, at + 38, subnet.id, { class: "id" }));
      let row = at + 50;
      for (const e of ends) {
        drawn.above.push(endpoint(e, x + 8, row, column - 16, pill, e.addresses[subnet.id]));
        // One line for each endpoint, from where it is nearest to its service.
        anchors.set(e.id, { x: x + column - 8, y: row + pill / 2 });
        row += pill + gap;
      }
      if (subnet.compute) drawn.above.push(box(x + 8, row, column - 16, 28, "compute", 6), text(x + column / 2, row + 18, "clusters and SQL warehouses", { class: "small quiet", "text-anchor": "middle" }));
      at += height + 12;
    }
    bottom = Math.max(bottom, at);
  });
  if (zones.length === 0) {
    drawn.above.push(text(left + pad, y + 20, "no subnets yet", { class: "quiet" }));
    bottom = y + 40;
  }
  // Gateway endpoints are in route tables, not in subnets.
  for (const e of n.endpoints.filter((v) => v.gateway)) {
    drawn.above.push(endpoint(e, left + width - pad - column, bottom, column, pill, ""));
    anchors.set(e.id, { x: left + width - pad, y: bottom + pill / 2 });
    bottom += pill + gap;
  }
  const closed = n.exits.length === 0;
  let foot = bottom + 4;
  for (const g of n.groups) {
    drawn.above.push(box(left + pad, foot, width - 2 * pad, 26, "group", 6),
      text(left + pad + 10, foot + 17, `security group ${clip(g.name, 26)}${g.of ? ` of ${g.of}` : ""}`, { class: "small" }),
      text(left + width - pad - 10, foot + 17, `${g.in.length} in, ${g.out.length} out`, { class: "small quiet", "text-anchor": "end" }));
    foot += 32;
  }
  drawn.above.push(text(left + pad + 2, foot + 16, closed ? "No route leads out of the VPC." : n.exits.map((v) => `Route ${v.destination} leads to ${v.target}.`).join(" "), { class: closed ? "closed" : "exit" }));
  const vpcBottom = foot + 30;

  // On the other side: the control plane, and the services of AWS.
  const right = left + width + 110, other = 330;
  let line = top;
  const side = [];
  const targets = new Map();
  const service = (role, x, w) => {
    side.push(box(x, line, w, 32, "service", 6), text(x + 12, line + 21, roles[role] ?? role, { class: "name small" }));
    targets.set(role, { x, y: line + 16 });
    line += 40;
  };
  const began = line;
  side.push(text(right + pad, line + 24, "Databricks control plane", { class: "title" }), text(right + pad, line + 42, n.region, { class: "id" }));
  line += 56;
  service("workspace", right + pad, other - 2 * pad);
  service("relay", right + pad, other - 2 * pad);
  line += 4;
  if (n.workspaces.length === 0) {
    side.push(text(right + pad, line + 16, "no workspace yet", { class: "quiet" }));
    line += 30;
  }
  for (const w of n.workspaces) {
    side.push(box(right + pad, line, other - 2 * pad, 88, "workspace"),
      text(right + pad + 12, line + 24, clip(w.name, 28), { class: "title" }),
      s("circle", { cx: right + pad + 17, cy: line + 42, r: 4.5, class: `state ${stateClass(w.status)}` }),
      text(right + pad + 28, line + 46, `${w.status}${w.status === "RUNNING" ? "" : " " + clip(w.message, 30)}`, { class: "small" }),
      text(right + pad + 12, line + 64, clip(w.url.replace("https://", ""), 40), { class: "id" }),
      text(right + pad + 12, line + 79, `id ${w.id}`, { class: "id" }),
      s("title", {}, w.url));
    line += 98;
  }
  const plane = box(right, began, other, line - began + 6, "plane", 12);
  const aws = [...new Set(n.endpoints.filter((e) => !control(e)).map((e) => e.role))];
  const amazon = [];
  if (aws.length) {
    line += 34;
    const from = line;
    side.push(text(right + pad, line + 24, "Services of AWS", { class: "title" }));
    line += 38;
    for (const role of aws.sort((a, b) => (anchors.get(first(n, a))?.y ?? 0) - (anchors.get(first(n, b))?.y ?? 0))) service(role, right + pad, other - 2 * pad);
    amazon.push(box(right, from, other, line - from + 4, "amazon", 12));
  }
  for (const e of n.endpoints) {
    const a = anchors.get(e.id), b = targets.get(e.role === "frontEnd" ? "workspace" : e.role);
    if (!a || !b) continue;
    const bend = 80;
    drawn.below.push(s("path", { d: `M${a.x} ${a.y} L${left + width} ${a.y} C${left + width + bend} ${a.y} ${b.x - bend} ${b.y} ${b.x} ${b.y}`, class: `way ${stateClass(e.state)}` }));
  }
  const height = Math.max(vpcBottom, line + 10) + 16;
  const total = right + other + 16;
  const title = `VPC ${n.name || n.id} (${n.cidr}) of ${workspace}: ${n.subnets.length} subnets, ${n.endpoints.length} endpoints, ` +
    (n.workspaces.length ? n.workspaces.map((w) => `workspace ${w.name} is ${w.status}`).join(", ") : "no workspace yet");
  return s("svg", { class: "map", viewBox: `0 0 ${total} ${height}`, width: total, height, role: "img", "aria-label": title },
    box(left, top, width, vpcBottom - top, "vpc", 12), plane, amazon,
    text(left + pad, top + 24, `VPC ${n.name || n.id}`, { class: "title" }),
    text(left + width - pad, top + 24, n.cidr, { class: "cidr", "text-anchor": "end" }),
    text(left + pad, top + 41, `${n.id}, account ${n.account}, ${n.region}`, { class: "id" }),
    text(left + width + 55, top + 14, "PrivateLink", { class: "small quiet", "text-anchor": "middle" }),
    drawn.below, drawn.above, side);
}

const inside = (n, subnet) => n.endpoints.filter((e) => e.addresses[subnet.id]).sort((a, b) => control(b) - control(a) || b.role.localeCompare(a.role));
const first = (n, role) => n.endpoints.find((e) => e.role === role)?.id;

function stateClass(state) {
  if (state === "available" || state === "RUNNING") return "good";
  return ["failed", "rejected", "FAILED", "BANNED", "deleted"].includes(state) ? "bad" : "busy";
}

function endpoint(e, x, y, width, height, address) {
  return s("g", { class: "endpoint", "data-role": e.role, "data-state": e.state },
    s("title", {}, `${e.id} ${e.service}, ${e.state}${e.privateDns ? ", private DNS" : ""}`),
    box(x, y, width, height, "pill", 6),
    s("circle", { cx: x + 14, cy: y + 14, r: 4.5, class: `state ${stateClass(e.state)}` }),
    text(x + 25, y + 18, clip(e.gateway ? `${short[e.role] ?? e.role} gateway endpoint` : short[e.role] ?? e.role, 26), { class: "name small" }),
    text(x + width - 10, y + 18, address, { class: "cidr small", "text-anchor": "end" }),
    text(x + 25, y + 34, `${e.state}${e.privateDns ? " · private DNS" : ""}`, { class: "small quiet" }),
    text(x + width - 10, y + 34, `…${e.id.slice(-6)}`, { class: "id", "text-anchor": "end" }));
}
