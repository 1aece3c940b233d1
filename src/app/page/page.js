// The page for operators: what it shows, once a second.

import {Charts} from "./charts.js";
import * as format from "./format.js";
import {Live} from "./live.js";
import * as tables from "./tables.js";

const byId = id => document.getElementById(id);

function show(id, text) {
  const element = byId(id);
  if (element.textContent !== text)
    element.textContent = text;
}

const names = {
  starting: "Starting", serving: "Serving", degraded: "Degraded", down: "Down", paused: "Paused", draining: "Draining",
};

/// What the state line says: nothing that changes each second, for it is read aloud when it changes.
function describeState(live) {
  if (live.problem === "token")
    return ["token", "A token is needed", null];
  if (live.problem === "unreachable")
    return ["unreachable", "cenote does not answer; asking each second", live.problemSince + live.clockAhead];
  if (live.problem !== null)
    return ["failing", live.problem, live.problemSince + live.clockAhead];
  const {name, since, reasons} = live.status.state;
  const begin = name === "serving" || name === "degraded" ? "" : ` since ${format.clock(since)}`;
  const text = (names[name] ?? name) + begin + (reasons.length > 0 ? `: ${reasons.join("; ")}` : "");
  return [name, text, since];
}

function showState(live) {
  const [state, text, since] = describeState(live);
  byId("state").dataset.state = state;
  show("state-text", text);
  show("state-age", since === null ? "" : `for ${format.age(live.now() - since)}`);
  document.title = `${live.status?.status.pool ?? "cenote"}: ${names[state] ?? state}`;
}

const sum = (samples, kind) => samples.reduce((a, x) => a + Object.values(x[kind]).reduce((b, n) => b + n, 0), 0);

function showFigures(status, sample, lastMinute) {
  show("in-use", format.number(status.checked_out));
  show("limit", format.number(status.limit));
  show("idle", format.number(status.checked_in));
  show("transient", [[status.connecting, "connecting"], [status.closing, "closing"]]
    .filter(([n]) => n > 0).map(([n, name]) => `${format.number(n)} ${name}`).join(", "));
  show("waiting", format.number(status.waiting));
  show("in-flight", format.number(status.in_flight));
  if (!sample)
    return;
  show("statements-per-second", format.rate(sample.statements_per_second));
  show("wait", format.pair(sample.wait));
  show("statement", format.pair(sample.statement));
  const errors = sum(lastMinute, "errors");
  show("errors-minute", format.number(errors));
  byId("errors-minute").classList.toggle("alarming", errors > 0);
  show("retries-minute", format.number(sum(lastMinute, "retries")));
}

function showAll(live) {
  const {status, samples} = live;
  const lastMinute = samples.filter(x => x.at > live.now() - 60);
  show("pool", status.status.pool);
  show("place", `${status.status.endpoint} · version ${status.program}`);
  showFigures(status.status, samples.at(-1), lastMinute);
  tables.showSessions(live.sessions);
  tables.showNode(status.node);
  tables.showJobs(status.jobs);
  tables.showStatements(live.statements);
  tables.showServers(samples.at(-1));
  tables.showErrors(samples, lastMinute);
  tables.showEvents(live.events.events);
  if (byId("history-details").open)
    tables.showHistory(samples);
}

let charts = null;
let program = null;

function showToken(live) {
  const form = byId("token-form");
  const asks = live.problem === "token";
  if (asks && form.hidden)
    setTimeout(() => byId("token").focus());
  form.hidden = !asks;
  show("token-problem", asks && live.refusedToken ? "That is not the token." : "");
}

function changed(live) {
  showToken(live);
  showState(live);
  byId("data").classList.toggle("stale", live.problem !== null);
  if (live.problem === null) {
    // After an update of the program this page may not understand it any more.
    if ((program ??= live.status.program) !== live.status.program)
      location.reload();
    byId("data").hidden = false;
    charts ??= new Charts(byId("charts"));
    showAll(live);
  }
  charts?.update(live.samples, live.now());
}

const live = new Live(changed);

byId("token-form").addEventListener("submit", event => {
  event.preventDefault();
  const input = byId("token");
  const token = input.value.trim();
  input.value = "";
  live.setToken(token);
});

byId("history-details").addEventListener("toggle", () => tables.showHistory(live.samples));

live.start();
