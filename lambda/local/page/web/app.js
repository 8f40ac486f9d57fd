// The page: what is looked at, and what is asked for again and again.
import { $, h, options, say, setText, dateTime } from "./dom.js";
import { get, worldTime } from "./api.js";
import * as graph from "./graph.js";
import * as network from "./network.js";
import * as events from "./events.js";
import * as chat from "./chat.js";
import * as reports from "./report.js";

const views = ["execution", "network", "events", "chat", "reports"];
const tabs = views.map((name) => $(`tab-${name}`));
const state = { view: "execution", snapshot: null, arn: "", newest: true, workspace: "" };

function show(view, focus) {
  state.view = view;
  for (const [i, name] of views.entries()) {
    const chosen = name === view;
    tabs[i].setAttribute("aria-selected", String(chosen));
    tabs[i].tabIndex = chosen ? 0 : -1;
    $(`view-${name}`).hidden = !chosen;
    if (chosen && focus) tabs[i].focus();
  }
  if (location.hash !== `#${view}`) history.replaceState(null, "", `#${view}`);
  refresh();
}

for (const [i, tab] of tabs.entries()) {
  tab.addEventListener("click", () => show(views[i]));
  tab.addEventListener("keydown", (e) => {
    const to = { ArrowRight: i + 1, ArrowLeft: i - 1, Home: 0, End: views.length - 1 }[e.key];
    if (to === undefined) return;
    e.preventDefault();
    show(views[(to + views.length) % views.length], true);
  });
}

$("executions").addEventListener("change", (e) => {
  state.arn = e.target.value;
  state.newest = $("newest").checked = state.arn === state.snapshot.executions[0]?.arn;
  refresh();
});
$("newest").addEventListener("change", (e) => {
  state.newest = e.target.checked;
  refresh();
});
$("workspaces").addEventListener("change", (e) => {
  state.workspace = e.target.value;
  refresh();
});

// The theme is that of the system until somebody says otherwise. Where nothing
// can be stored, it is chosen anew each time.
const themes = ["system", "light", "dark"];
function theme(name) {
  if (name === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = name;
  setText($("theme"), `Theme: ${name}`);
}
const stored = (act) => {
  try {
    return act(window.localStorage);
  } catch {
    return null;
  }
};
let chosenTheme = stored((s) => s.getItem("theme"));
if (!themes.includes(chosenTheme)) chosenTheme = "system";
theme(chosenTheme);
$("theme").addEventListener("click", () => {
  chosenTheme = themes[(themes.indexOf(chosenTheme) + 1) % themes.length];
  stored((s) => s.setItem("theme", chosenTheme));
  theme(chosenTheme);
  say(`Theme: ${chosenTheme}`);
});

function clock() {
  const now = worldTime(state.snapshot?.speed ?? 0);
  if (now) {
    setText($("clock"), dateTime(now));
    graph.tick(now);
  }
}

const nameOf = { SUCCEEDED: "succeeded", RUNNING: "running", FAILED: "failed", TIMED_OUT: "timed out", ABORTED: "stopped" };

function choose(snapshot) {
  const all = snapshot.executions;
  if (state.newest || !all.some((x) => x.arn === state.arn)) state.arn = all[0]?.arn ?? "";
  options($("executions"), all.map((x) => [x.arn, `${x.name} · ${nameOf[x.status]}${x.redrives ? `, redriven ${x.redrives}×` : ""}`]), state.arn);
  if (!snapshot.workspaces.includes(state.workspace)) state.workspace = snapshot.workspaces[0] ?? "";
  options($("workspaces"), snapshot.workspaces.map((w) => [w, w]), state.workspace);
}

const shown = {
  async execution() {
    if (!state.arn) return graph.empty();
    const { value } = await get("execution", { arn: state.arn });
    graph.show(value, worldTime(state.snapshot.speed));
  },
  async network() {
    // Another one may be chosen before the answer comes.
    const { workspace } = state;
    const { value, changed } = await get("world", { workspace });
    network.show(value, workspace, changed);
  },
  events: () => events.catchUp(state.snapshot.lastEvent),
  async chat() {
    const { value, changed } = await get("messages");
    chat.show(value, changed);
  },
  reports: () => reports.show(state.snapshot.reports),
};

let asking = false;
let again = false;

// refresh asks for what is shown, one time after the other.
async function refresh() {
  if (asking) {
    again = true;
    return;
  }
  asking = true;
  try {
    const { value } = await get("snapshot");
    state.snapshot = value;
    choose(value);
    setText($("count-events"), String(value.events || ""));
    setText($("count-chat"), String(value.messages || ""));
    setText($("count-reports"), String(value.reports.length || ""));
    await shown[state.view]();
    if (state.view !== "execution" && state.arn && graph.isOpen()) await shown.execution();
    live("live", value.speed ? `Live, ${value.speed}× as fast` : "Live, virtual clock");
  } catch (e) {
    if (e instanceof TypeError && /fetch/i.test(e.message)) live("lost", "The world has ended");
    else {
      live("lost", "Something went wrong");
      console.error(e);
    }
  }
  asking = false;
  if (again) {
    again = false;
    refresh();
  }
}

function live(how, text) {
  $("live").dataset.state = how;
  setText($("live-text"), text);
}

async function start() {
  graph.prepare((await get("machines")).value);
  const wanted = location.hash.slice(1);
  show(views.includes(wanted) ? wanted : "execution");
  setInterval(() => document.hidden || refresh(), 400);
  setInterval(clock, 250);
  document.addEventListener("visibilitychange", () => document.hidden || refresh());
  window.addEventListener("hashchange", () => views.includes(location.hash.slice(1)) && show(location.hash.slice(1)));
}

start();
