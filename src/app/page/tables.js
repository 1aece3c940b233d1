// The tables: rows as arrays of cells, written into the page without replacing what stays the same, so that marked text
// stays marked.

import * as format from "./format.js";

const shown = 10; // Rows of a long table.

/// @param columns of each the class, or "row" for the cell that names its row.
function fill(table, columns, rows) {
  const body = table.tBodies[0];
  while (body.rows.length > rows.length)
    body.deleteRow(-1);
  rows.forEach((cells, i) => {
    const row = body.rows[i] ?? addRow(body, columns);
    cells.forEach((text, j) => {
      if (row.cells[j].textContent !== text)
        row.cells[j].textContent = text;
    });
  });
  table.hidden = rows.length === 0;
}

function addRow(body, columns) {
  const row = body.insertRow();
  for (const column of columns) {
    const cell = document.createElement(column.isHeader ? "th" : "td");
    if (column.isHeader)
      cell.scope = "row";
    cell.className = column.class ?? "";
    row.append(cell);
  }
  return row;
}

function note(id, text) {
  const element = document.getElementById(id);
  if (element.textContent !== text)
    element.textContent = text;
}

const table = id => document.getElementById(id);
const plural = (n, one, many) => `${format.number(n)} ${n === 1 ? one : many}`;

export function showSessions(answer) {
  const all = answer.sessions ?? [];
  const columns = [{class: "number"}, {isHeader: true}, {class: "code"}, {class: "number wide"}, {class: "wide"}];
  fill(table("sessions"), columns, all.slice(0, shown).map(x => [
    format.span(x.age), x.owner || "without a name", x.last_statement ? format.shortened(x.last_statement) : "none so far",
    x.running === null ? "–" : format.span(x.running), x.in_transaction ? "open" : "–",
  ]));
  note("sessions-note", answer.problem ? answer.problem
    : all.length === 0 ? "No session is checked out."
    : all.length > shown ? `${plural(all.length - shown, "further session", "further sessions")}: GET /status/sessions.` : "");
}

export function showStatements(answer) {
  const all = answer.statements ?? [];
  const columns = [{class: "number"}, {isHeader: true, class: "code"}, {class: "number"}, {class: "number wide"},
                   {class: "number widest"}, {class: "number wide"}, {class: "number wide"}, {class: "number widest"}];
  fill(table("statements"), columns, all.slice(0, shown).map(x => [
    format.span(x.total), format.shortened(x.digest), format.number(x.calls), format.number(x.errors),
    format.number(x.rows), format.span(x.mean), format.span(x.p99), format.span(x.max),
  ]));
  note("statements-note", answer.problem ? answer.problem
    : !answer.enabled ? "Statements are not counted: pool.statement-statistics is off."
    : all.length === 0 ? "No statement has been answered so far."
    : all.length > shown ? `${plural(all.length - shown, "further one", "further ones")}: GET /status/statements.` : "");
}

/// Those that have most at the node first.
const load = x => x.in_flight + x.waiting + x.sessions;

/// @param node undefined if the pool is not published.
export function showNode(node) {
  document.getElementById("node").hidden = !node;
  if (!node)
    return;
  const counts = `${format.number(node.lost)} lost, ${format.number(node.turned_away)} turned away since the start`;
  note("node-place", `${node.name} at ${node.address}, ${node.tls ? "TLS" : "clear text"}`
    + `${node.draining ? ", draining" : ""}: ${plural(node.clients.length, "client", "clients")}, ${counts}.`);
  const all = node.clients.toSorted((a, b) => load(b) - load(a));
  const columns = [{isHeader: true}, {class: "wide"}, {class: "number"}, {class: "number"}, {class: "number"},
                   {class: "number wide"}, {class: "number wide"}, {class: "number widest"}];
  fill(table("clients"), columns, all.slice(0, shown).map(x => [
    x.admin ? `${x.name} (admin)` : x.name, x.subject ? `${x.address}, ${x.subject}` : x.address,
    format.number(x.in_flight), format.number(x.waiting), format.number(x.sessions), format.number(x.answered),
    format.number(x.failed), format.age(x.connected),
  ]));
  note("clients-note", all.length > shown ? `${plural(all.length - shown, "further client", "further clients")}: GET /status.` : "");
}

/// @param jobs undefined if the database has no tables of jobs.
export function showJobs(jobs) {
  document.getElementById("jobs").hidden = !jobs;
  if (!jobs)
    return;
  const columns = [{isHeader: true}, {class: "number"}, {class: "number"}, {class: "number"}, {class: "number wide"},
                   {class: "number"}];
  const all = jobs.queues.toSorted((a, b) => (b.oldest ?? 0) - (a.oldest ?? 0));
  // From 1000 discarded ones of a kind on there may be more: see the metrics.
  fill(table("job-queues"), columns, all.slice(0, shown).map(x => [
    x.paused ? `${x.queue} (paused)` : x.queue, format.number(x.waiting), format.number(x.running),
    x.oldest === null ? "–" : format.age(x.oldest), format.number(x.scheduled),
    x.discarded > 1000 ? `> ${format.number(1000)}` : format.number(x.discarded),
  ]));
  const nodes = jobs.nodes === 0 ? "No node works on them." : `${plural(jobs.nodes, "node works", "nodes work")} on them.`;
  note("jobs-note", all.length === 0 ? "There are no jobs."
    : all.length > shown ? `${nodes} ${plural(all.length - shown, "further queue", "further queues")}: cenote jobs stats.` : nodes);
}

export function showServers(sample) {
  const states = {closed: "closed: connects are tried", open: "open: requests fail at once",
                  half_open: "half open: one connect is tried"};
  const rows = Object.entries(sample?.breaker ?? {});
  fill(table("servers"), [{isHeader: true}, {}], rows.map(([server, state]) => [server, states[state] ?? state]));
  note("servers-note", rows.length === 0 ? "Nothing is known of the servers yet." : "");
}

const kinds = [["errors", ""], ["failed_connects", "connect: "], ["retries", "retry after "]];
const outcomes = {
  rejected: "rejected by the server", unknown: "outcome unknown", rolled_back: "rolled back", not_sent: "not sent",
  unavailable: "unavailable",
};

/// The counts of all samples by cause, the most frequent first.
function causes(samples) {
  const out = new Map();
  for (const sample of samples)
    for (const [kind, prefix] of kinds)
      for (const [code, count] of Object.entries(sample[kind])) {
        const name = prefix + (outcomes[code] ?? code.replaceAll("_", " "));
        out.set(name, (out.get(name) ?? 0) + count);
      }
  return [...out].sort((a, b) => b[1] - a[1]);
}

export function showErrors(samples, lastMinute) {
  const recent = new Map(causes(lastMinute));
  const rows = causes(samples);
  fill(table("errors"), [{isHeader: true}, {class: "number"}, {class: "number"}],
       rows.map(([name, count]) => [name, format.number(recent.get(name) ?? 0), format.number(count)]));
  note("errors-note", rows.length === 0 ? "None in the last 15 minutes." : "");
}

export function showEvents(events) {
  fill(table("events"), [{class: "time"}, {}], events.toReversed().map(x => [
    format.clock(x.at), x.count > 1 ? `${x.text} (and ${format.number(x.count - 1)} more like this)` : x.text,
  ]));
  note("events-note", events.length === 0 ? "None since the start." : "");
}

const count = counts => Object.values(counts).reduce((a, b) => a + b, 0);

/// One row per minute, the newest first.
export function showHistory(samples) {
  const minutes = Map.groupBy(samples, x => Math.floor(x.at / 60));
  const columns = [{isHeader: true, class: "time"}, {class: "number"}, {class: "number"}, {class: "number"},
                   {class: "number wide"}, {class: "number wide"}, {class: "number"}, {class: "number wide"}];
  const rows = [...minutes].reverse().map(([minute, list]) => {
    const max = value => list.reduce((a, x) => Math.max(a, value(x) ?? 0), 0);
    const total = value => list.reduce((a, x) => a + value(x), 0);
    return [
      format.clock(minute * 60).slice(0, -3), format.number(max(x => x.connections.in_use)),
      format.number(max(x => x.waiting)), format.rate(total(x => x.statements_per_second) / list.length),
      format.span(max(x => x.wait.p99)), format.span(max(x => x.statement.p99)),
      format.number(total(x => count(x.errors))), format.number(total(x => count(x.retries))),
    ];
  });
  fill(table("history-table"), columns, rows);
}
