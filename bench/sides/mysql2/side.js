// The benchmark's side for mysql2: a promise pool shared by asynchronous functions. See ../README.md. A further option,
// --prepared, asks with statements prepared on the server (mysql2's `execute`) instead of with text (`query`).
"use strict";

const { setImmediate: nextTurn, setTimeout: sleep } = require("node:timers/promises");
const { parseArgs } = require("node:util");
const mysql = require("mysql2/promise");

const LARGE_ROWS = 10_000;
const LARGE_BODY = 1_000;
const POINT = "SELECT id, title, link, chapters FROM bench_point WHERE id = ?";
const UPDATE = "UPDATE bench_account SET balance = balance + 1 WHERE id = ?";
const INSERT = "INSERT INTO bench_entry (account) VALUES (?)";
const LARGE = "SELECT id, body FROM bench_large";

function makePool({ connections }) {
  if (!process.env.DATABASE_URI) throw new Error("DATABASE_URI is not set");
  const uri = new URL(process.env.DATABASE_URI);
  const socketPath = uri.searchParams.get("unix_socket");
  return mysql.createPool({
    ...(socketPath ? { socketPath } : { host: uri.hostname, port: Number(uri.port || 3306) }),
    user: decodeURIComponent(uri.username),
    password: decodeURIComponent(uri.password),
    database: decodeURIComponent(uri.pathname.slice(1)),
    connectionLimit: connections,
    queueLimit: 0,
  });
}

/** Makes the pool open all its connections, which it else does on demand. */
async function openConnections(pool, count) {
  const opened = await Promise.all(Array.from({ length: count }, () => pool.getConnection()));
  for (const connection of opened) connection.release();
}

/** A connection of the pool that has just answered; those that do not are thrown away. */
async function takeLiving(pool) {
  for (;;) {
    const connection = await pool.getConnection(); // Fails if the server is away.
    try {
      await connection.ping();
      return connection;
    } catch {
      connection.destroy();
    }
  }
}

// ---- workloads: each makes a function that does one operation, given the caller's number ----------------------------

/** What the workloads share: how to take a connection, how to ask on it, and how to ask one question on any. */
function waysToAsk(pool, { "pre-ping": prePing, prepared }) {
  const askOn = async (connection, sql, values) =>
    (await (prepared ? connection.execute(sql, values) : connection.query(sql, values)))[0];
  const take = () => (prePing ? takeLiving(pool) : pool.getConnection());
  const ask = async (sql, values) => {
    if (!prePing) return askOn(pool, sql, values);
    const connection = await take();
    try {
      return await askOn(connection, sql, values);
    } finally {
      connection.release();
    }
  };
  return { take, askOn, ask };
}

function point({ ask }, { rows }) {
  const expected = Array.from({ length: rows + 1 }, (_, id) => ({
    title: `Manga no. ${id}${"~".repeat(id % 40)} 漫画`,
    link: `https://manga.example/title/${id}/a-slug-of-usual-length`,
    chapters: 1 + ((id * 7) % 900),
  }));
  return async () => {
    const id = 1 + Math.floor(Math.random() * rows);
    const answer = await ask(POINT, [id]);
    const [row] = answer;
    const { title, link, chapters } = expected[id];
    if (answer.length !== 1 || row.id !== id || row.title !== title || row.link !== link || row.chapters !== chapters)
      throw new Error(`asked for row ${id}, got ${JSON.stringify(answer)}`);
  };
}

function transaction({ take, askOn }) {
  return async (caller) => {
    const connection = await take();
    try {
      await connection.beginTransaction();
      const updated = await askOn(connection, UPDATE, [caller]);
      const inserted = await askOn(connection, INSERT, [caller]);
      if (updated.affectedRows !== 1 || inserted.affectedRows !== 1)
        throw new Error(`account ${caller}: ${updated.affectedRows} updated, ${inserted.affectedRows} inserted`);
      await connection.commit();
    } catch (error) {
      await connection.rollback().catch(() => connection.destroy());
      throw error;
    } finally {
      connection.release();
    }
  };
}

function large({ ask }) {
  return async () => {
    const rows = await ask(LARGE);
    if (rows.length !== LARGE_ROWS || rows.some((row) => row.body.length !== LARGE_BODY))
      throw new Error(`${rows.length} rows, or a body that is not ${LARGE_BODY} bytes long`);
  };
}

function checkout({ take }) {
  return async () => (await take()).release();
}

const WORKLOADS = { point, transaction, large, checkout, recovery: point };

// ---- the round -------------------------------------------------------------------------------------------------------

/** A closed loop. Each caller keeps what it measured to itself until the round is over. */
async function call(number, operation, round) {
  const measured = { latencies: [], answers: [], errors: 0 };
  for (let turn = 1; round.stage !== "over"; ++turn) {
    // A pool with a free connection hands it out without a turn of the event loop: nobody would see the time pass.
    if (round.workload === "checkout" && turn % 100 === 0) await nextTurn();
    const asked = performance.now();
    try {
      await operation(number);
    } catch (error) {
      if (round.workload !== "recovery") throw error;
      if (round.stage === "measuring") ++measured.errors;
      await sleep(5);
      continue;
    }
    const answered = performance.now();
    if (round.stage !== "measuring") continue;
    measured.latencies.push(answered - asked);
    if (round.workload === "recovery") measured.answers.push(answered);
  }
  return measured;
}

async function watchTheTime(round, { "warm-up": warmUp, seconds }) {
  await sleep(warmUp * 1e3);
  process.stdout.write("ready\n");
  const began = performance.now();
  const cpu = process.cpuUsage();
  round.stage = "measuring";
  await sleep(seconds * 1e3);
  round.stage = "over";
  const { user, system } = process.cpuUsage(cpu);
  return { seconds: (performance.now() - began) / 1e3, cpu_ms: (user + system) / 1e3 };
}

/** The Unix time, in seconds, of the first answer after the longest time without one. */
function endOfLongestGap(answers) {
  let [longest, end] = [0, null];
  for (let i = 1; i < answers.length; ++i) {
    const gap = answers[i] - answers[i - 1];
    if (gap > longest) [longest, end] = [gap, (performance.timeOrigin + answers[i]) / 1e3];
  }
  return end;
}

const ascending = (a, b) => a - b;
const rounded = (x, digits) => Number(x.toFixed(digits));

async function measure(pool, options) {
  const { workload } = options;
  const operation = WORKLOADS[workload](waysToAsk(pool, options), options);
  const round = { workload, stage: "warm-up" };
  const callers = Array.from({ length: options.callers }, (_, i) => call(i + 1, operation, round));
  const [{ seconds, cpu_ms }, ...measured] = await Promise.all([watchTheTime(round, options), ...callers]);
  const latencies = measured.flatMap((x) => x.latencies).sort(ascending);
  if (latencies.length === 0) throw new Error("no operation ended within the round");
  const percentile = (share) => rounded(latencies[Math.floor(share * (latencies.length - 1))] * 1e3, 1);
  const figures = {
    operations: latencies.length,
    seconds: rounded(seconds, 4),
    p50_us: percentile(0.5),
    p99_us: percentile(0.99),
    cpu_ms: rounded(cpu_ms, 1),
  };
  if (workload === "recovery") {
    figures.resumed_at = endOfLongestGap(measured.flatMap((x) => x.answers).sort(ascending));
    figures.errors = measured.reduce((sum, x) => sum + x.errors, 0);
  }
  return figures;
}

// ---- the command line ------------------------------------------------------------------------------------------------

function parseOptions() {
  const number = (text) => ({ type: "string", default: text });
  const flag = { type: "boolean", default: false };
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      callers: number("1"),
      connections: number("10"),
      "warm-up": number("0.5"),
      seconds: number("1"),
      rows: number("10000"),
      "pre-ping": flag,
      prepared: flag,
    },
  });
  if (positionals.length !== 1 || !Object.hasOwn(WORKLOADS, positionals[0]))
    throw new Error(`name one workload: ${Object.keys(WORKLOADS).join(", ")}`);
  const options = { workload: positionals[0] };
  for (const [name, value] of Object.entries(values)) {
    options[name] = typeof value === "boolean" ? value : Number(value);
    if (!(options[name] >= 0)) throw new Error(`--${name} is not a number: ${value}`);
  }
  return options;
}

async function main() {
  const options = parseOptions();
  const pool = makePool(options);
  await openConnections(pool, options.connections);
  const figures = await measure(pool, options);
  await pool.end();
  process.stdout.write(`${JSON.stringify(figures)}\n`);
}

main().catch((error) => {
  process.stderr.write(`mysql2: ${(error.message || error.code || String(error)).split("\n")[0]}\n`);
  process.exit(1);
});
