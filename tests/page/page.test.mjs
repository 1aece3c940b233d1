// The page of cenote serve in a real browser: Debian's Chromium, driven by playwright-core. scripts/setup --page installs
// both.
//
//   CENOTE_SOURCE_DIR=. CENOTE_BINARY_DIR=build/dev node tests/page/page.test.mjs
//
// With CENOTE_SCREENSHOTS=DIR it writes a picture of each state into that folder.

import assert from "node:assert/strict";
import {readFileSync} from "node:fs";
import {request} from "node:http";
import {createRequire} from "node:module";
import {join} from "node:path";
import {after, before, test} from "node:test";

import {Program, Server, end, eventually, sleep, writeFile} from "./programs.mjs";

const modules = createRequire(join(process.env.CENOTE_SOURCE_DIR, "build", "page-test", "package.json"));
const {chromium} = modules("playwright-core");
const axe = readFileSync(modules.resolve("axe-core/axe.min.js"), "utf8");

const patience = 120_000; // Milliseconds: on a busy machine a browser starts slowly.
const wide = {width: 1280, height: 900};
const narrow = {width: 360, height: 740};
const pool = {POOL_SIZE: "6", MAX_OVERFLOW: "2"};

let browser;
let server;

before(async () => {
  browser = await chromium.launch({executablePath: process.env.CENOTE_CHROMIUM ?? "/usr/bin/chromium", timeout: patience});
  server = new Server("mariadb");
});

after(async () => {
  end(); // Whatever a test that failed has left: this process would wait for it.
  await browser?.close();
});

/// A tab of its own that writes down what goes wrong in it.
async function open(url, options = {}) {
  const context = await browser.newContext({viewport: wide, reducedMotion: "reduce", ...options});
  context.setDefaultTimeout(patience);
  const page = await context.newPage();
  page.problems = [];
  page.on("pageerror", error => page.problems.push(String(error)));
  page.on("console", message => {
    // A pool that the machine gives no time for a second does not tell its sessions: the page says so, and goes on.
    const isLate = message.text().includes("503") && /\/status\/(sessions|statements)$/.test(message.location().url);
    if (["error", "warning"].includes(message.type()) && !isLate)
      page.problems.push(`${message.text()} ${message.location().url}`);
  });
  page.on("request", asked => {
    if (!asked.url().startsWith(url))
      page.problems.push(`loads ${asked.url()}`);
  });
  await page.goto(url);
  return page;
}

const state = page => page.locator("#state").getAttribute("data-state");
const shows = (page, expected) => eventually(`the page shows ${expected}`, async () => await state(page) === expected);
const text = (page, selector) => page.locator(selector).innerText();

async function picture(page, name) {
  if (process.env.CENOTE_SCREENSHOTS)
    await page.screenshot({path: join(process.env.CENOTE_SCREENSHOTS, `${name}.png`), fullPage: true});
}

/// The charts follow a new width of the window a moment later.
async function fits(page) {
  await eventually("the page scrolls in one direction only",
                   () => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
}

/// What a screen reader, or somebody who sees little, would stumble over.
async function isAccessible(page) {
  await page.evaluate(axe);
  const found = await page.evaluate(async () => (await globalThis.axe.run(document, {
    runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "best-practice"],
  })).violations.map(x => `${x.id}: ${x.nodes.map(node => node.html.slice(0, 150)).join(" | ")}`));
  assert.deepEqual(found, []);
}

test("the page of cenote serve loads from the program alone, without a problem", async () => {
  const program = new Program(["cenote", "serve"], server.uri);
  const page = await open(await program.url());
  await shows(page, "serving");
  await eventually("all connections are open", async () => await text(page, "#idle") === "10");
  assert.match(await text(page, "#place"), /^127\.0\.0\.1:\d+\/\w* · version \d/);
  // At first the program itself has looked for the tables of jobs.
  await eventually("nobody runs a statement", async () => await text(page, "#statements-per-second") === "0/s");
  await fits(page);
  const spans = [0, 2.5e-6, 0.00085, 0.0123, 0.9996, 3.214, 59.96, 250, 7500, 273600, null];
  assert.deepEqual(await page.evaluate(async x => x.map((await import("/format.js")).span), spans),
                   ["0 s", "2.50 µs", "850 µs", "12.3 ms", "1.00 s", "3.21 s", "1 min 0 s", "4 min 10 s", "2 h 5 min", "3 d 4 h", "–"]);
  // The sample at 7 has grown to 10; what is older than 15 minutes goes.
  const known = [{at: -895}, {at: 0}, {at: 5}, {at: 7}];
  assert.deepEqual(await page.evaluate(async x => (await import("/live.js")).merge(x, [{at: 5}, {at: 10}, {at: 11}]), known),
                   [{at: 0}, {at: 5}, {at: 10}, {at: 11}]);
  assert.deepEqual(page.problems, []);
  program.child.kill("SIGTERM");
  assert.equal(await program.ended, 0);
});

test("its files are for nobody else's pages, and data only for this machine's names", async () => {
  const program = new Program(["cenote", "serve"], server.uri);
  const url = await program.url();
  const ask = (path, headers = {}) => new Promise((resolve, reject) =>
    request(url + path, {headers}, answer => resolve(answer.resume())).on("error", reject).end());
  const answer = await ask("/");
  assert.equal(answer.statusCode, 200);
  assert.match(answer.headers["content-security-policy"], /^default-src 'none';.* frame-ancestors 'none'/);
  assert.equal(answer.headers["x-content-type-options"], "nosniff");
  assert.equal(answer.headers["referrer-policy"], "no-referrer");
  assert.equal(answer.headers["cache-control"], "no-cache");
  assert.equal((await ask("/", {"If-None-Match": answer.headers.etag})).statusCode, 304);
  assert.equal((await ask("/chart.js")).headers["content-type"], "text/javascript; charset=utf-8");
  assert.equal((await ask("/status/history")).statusCode, 200);
  assert.equal((await ask("/status/history", {Host: "evil.example"})).statusCode, 403);
  assert.equal((await ask("/status/history", {Origin: "http://evil.example"})).statusCode, 403);
  await program.kill();
});

test("it shows live values under load, in light and dark, wide and narrow", async () => {
  const program = new Program(["loaded-service", "20"], server.uri, pool);
  const url = await program.url();
  const page = await open(url);
  await eventually("statements are counted", async () => parseFloat((await text(page, "#statements-per-second")).replace(",", "")) > 10);
  await eventually("times are measured", async () => /s \/ .*s$/.test(await text(page, "#statement")));
  const before = await text(page, "#statements-per-second");
  await eventually("the rate changes", async () => await text(page, "#statements-per-second") !== before);
  await eventually("errors are counted by cause", async () => /rejected by the server/.test(await text(page, "#errors")));
  await eventually("the session is told", async () => /monthly report <b>/.test(await text(page, "#sessions")));
  assert.match(await text(page, "#sessions"), /SELECT COUNT\(\*\) FROM information_schema\.TABLES/);
  assert.match(await text(page, "#statements"), /SELECT SLEEP\(\?\), \?/);
  await eventually("events are told", async () => (await text(page, "#events")).includes("opened"));
  await eventually("charts have points", () => page.evaluate(() => [...document.querySelectorAll("canvas")].every(canvas =>
    globalThis.Chart.getChart(canvas).data.datasets[0].data.length > 2)));
  assert.match(await text(page, "#summary-2"), /^Now [\d.,]+\/s; [\d.,]+\/s at most\.$/);
  await page.locator("#history-details summary").focus();
  await page.keyboard.press("Enter");
  await eventually("the history is a table, too", async () => (await page.locator("#history-table tbody tr").count()) > 0);
  await isAccessible(page);
  await picture(page, "load-wide-light");
  for (const [name, options] of [["load-wide-dark", {colorScheme: "dark"}], ["load-narrow-light", {viewport: narrow}],
                                 ["load-narrow-dark", {viewport: narrow, colorScheme: "dark"}]]) {
    const other = await open(url, options);
    await eventually("the page is filled", async () => /µ?s$/.test(await text(other, "#statement")));
    await fits(other);
    await isAccessible(other);
    await picture(other, name);
    assert.deepEqual(other.problems, []);
    await other.context().close();
  }
  assert.deepEqual(page.problems, []);
  await page.context().close();
  await program.kill();
});

test("the clients of a pool node are told, if there is a node", async () => {
  const program = new Program(["cenote", "serve", "--node-listen=127.0.0.1:0", "--node-name=depot"], server.uri);
  const page = await open(await program.url());
  await eventually("the node is told", async () => /^depot at 127\.0\.0\.1:\d+, clear text: 0 clients,/.test(await text(page, "#node-place")));
  assert.equal(await page.locator("#clients").isVisible(), false);
  const [, address] = (await text(page, "#node-place")).match(/at (\S+),/);
  const name = "worker <b>of many</b> with a long name";
  const client = new Program(["cenote", "sql", "--node", address, "--remote-name", name, "SELECT SLEEP(100)"], "");
  await eventually("the client is told", async () => (await text(page, "#clients")).includes(name));
  await eventually("its request is told", async () => await text(page, "#clients tbody td:nth-child(3)") === "1");
  await isAccessible(page);
  await picture(page, "node-wide");
  await page.setViewportSize(narrow);
  await fits(page);
  await picture(page, "node-narrow");
  await client.kill();
  await eventually("it has gone, and that is counted", async () => /: 0 clients, 1 lost,/.test(await text(page, "#node-place")));
  assert.deepEqual(page.problems, []);
  await program.kill();
});

test("the queues of jobs are told, if the database has their tables", async () => {
  const own = new Server("jobs");
  await new Program(["cenote", "jobs", "migrate"], own.uri).ended;
  await new Program(["cenote", "jobs", "submit", "scrape", "{}", "--queue", "a <b>queue</b>"], own.uri).ended;
  const program = new Program(["cenote", "serve"], own.uri);
  const page = await open(await program.url());
  await eventually("the queue is told", async () => (await text(page, "#job-queues")).includes("a <b>queue</b>"));
  assert.equal(await text(page, "#job-queues tbody td:nth-child(2)"), "1");
  await isAccessible(page);
  await picture(page, "jobs-wide");
  await page.setViewportSize(narrow);
  await fits(page);
  assert.deepEqual(page.problems, []);
  await program.kill();
  const without = new Program(["cenote", "serve"], server.uri);
  const other = await open(await without.url());
  await shows(other, "serving");
  assert.equal(await other.locator("#jobs").isVisible(), false);
  await without.kill();
});

test("an outage is shown within 3 s, and so is the recovery", async () => {
  const own = new Server("outage");
  const program = new Program(["loaded-service", "4"], own.uri, {...pool, MAX_RETRIES: "0"});
  const page = await open(await program.url(), {viewport: narrow});
  await shows(page, "serving");
  // A machine that is busy with other tests may be late now and then, but not each time.
  let fastest = Infinity;
  for (let i = 0; i < 3 && fastest > 3; ++i) {
    own.kill();
    const begin = Date.now();
    await shows(page, "down");
    fastest = Math.min(fastest, (Date.now() - begin) / 1000);
    assert.match(await text(page, "#state-text"), /^Down since \d\d:\d\d:\d\d: /);
    await fits(page);
    await eventually("the loss is told", async () => /lost/.test(await text(page, "#events")));
    if (i === 0) {
      await sleep(3000);
      await isAccessible(page);
      await picture(page, "outage-narrow");
    }
    own.start();
    await eventually("it serves again", async () => ["serving", "degraded"].includes(await state(page)));
  }
  console.log(`an outage was shown after ${fastest.toFixed(1)} s`);
  assert.ok(fastest <= 3, `an outage was shown after ${fastest} s`);
  await shows(page, "serving");
  await page.setViewportSize(wide);
  await picture(page, "recovery-wide");
  assert.deepEqual(page.problems, []);
  await program.kill();
});

test("it goes on by itself when the program has been restarted", async () => {
  const program = new Program(["loaded-service", "4"], server.uri, pool);
  const page = await open(await program.url());
  await shows(page, "serving");
  await eventually("there is some history", () => page.evaluate(() =>
    globalThis.Chart.getChart(document.querySelector("canvas")).data.datasets[0].data.length > 1));
  const url = await program.url();
  await program.kill();
  await shows(page, "unreachable");
  assert.equal(await text(page, "#state-text"), "cenote does not answer; asking each second");
  await picture(page, "unreachable-wide");
  const refused = page.problems.filter(x => !x.includes("ERR_CONNECTION"));
  program.restart(url);
  await shows(page, "serving");
  await eventually("values are live again", async () => parseFloat(await text(page, "#statements-per-second")) > 0);
  assert.deepEqual(refused, []);
  await program.kill();
});

test("it asks for the token, and keeps it for the tab alone", async () => {
  const file = writeFile("token", "t0ken\n");
  const program = new Program(["cenote", "serve", "--http-token-file", file], server.uri);
  const page = await open(await program.url(), {viewport: narrow});
  const field = page.getByLabel("Token", {exact: true});
  await field.waitFor();
  assert.equal(await page.locator("#data").isVisible(), false);
  await eventually("the field has the focus", () => field.evaluate(x => x === document.activeElement));
  await isAccessible(page);
  await fits(page);
  await picture(page, "token-narrow");
  for (const wrong of ["guess", "ключ"]) {
    await field.fill(wrong);
    await page.keyboard.press("Enter");
    await eventually("the token is refused", async () => await text(page, "#token-problem") === "That is not the token.");
  }
  // One that is refused late does not take the next one with it.
  await page.route(/\/status/, async (route, request) => {
    if (request.headers().authorization === "Bearer slow")
      await sleep(1000);
    await route.continue();
  });
  for (const typed of ["slow", "t0ken"]) {
    await field.fill(typed);
    await page.keyboard.press("Enter");
  }
  await shows(page, "serving");
  await sleep(1500);
  await shows(page, "serving");
  assert.equal(await field.isVisible(), false);
  assert.deepEqual(await page.evaluate(() => [localStorage.length, document.cookie, location.href.includes("t0ken")]),
                   [0, "", false]);
  await page.reload();
  await shows(page, "serving");
  const other = await open(await program.url());
  await other.getByLabel("Token", {exact: true}).waitFor();
  assert.deepEqual(page.problems.filter(x => !x.includes("401")), []);
  await program.kill();
});
