// What the test of the page starts: private MariaDB servers and programs of the build. All of it ends with this process.

import {execFileSync, spawn} from "node:child_process";
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from "node:fs";
import {tmpdir} from "node:os";
import {join} from "node:path";

const [source, build] = [process.env.CENOTE_SOURCE_DIR, process.env.CENOTE_BINARY_DIR];
const running = new Set();
export const folder = mkdtempSync(join(tmpdir(), "cenote-page-"));

/// Ends all programs.
export function end() {
  for (const child of running)
    child.kill("SIGKILL");
}

process.on("exit", () => {
  end();
  rmSync(folder, {recursive: true, force: true});
});
for (const signal of ["SIGINT", "SIGTERM"])
  process.on(signal, () => process.exit(1));

export const sleep = ms => new Promise(resolve => setTimeout(resolve, ms));

/// Waits for something for as long as a busy machine may need.
export async function eventually(what, condition, seconds = 120) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const value = await condition();
    if (value)
      return value;
    if (Date.now() > end)
      throw new Error(`not within ${seconds} s: ${what}`);
    await sleep(50);
  }
}

export function writeFile(name, content) {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/// A private server that ends with this process.
export class Server {
  constructor(name) {
    this.folder = join(folder, name);
    this.start();
  }

  start() {
    this.uri = this.#run("start", this.folder, "--with", String(process.pid), "--remove");
  }

  /// Ends it without a word.
  kill() {
    process.kill(Number(readFileSync(join(this.folder, "server.pid"), "utf8")), "SIGKILL");
  }

  #run(...words) {
    return execFileSync(join(source, "scripts", "mariadb"), words, {encoding: "utf8", stdio: ["ignore", "pipe", "pipe"]}).trim();
  }
}

/// A program that answers HTTP.
export class Program {
  constructor(words, uri, variables = {}) {
    this.words = words;
    const env = {PATH: process.env.PATH, HOME: process.env.HOME, TMPDIR: folder, DATABASE_URI: uri,
                 CENOTE_HTTP_LISTEN: "127.0.0.1:0", ...variables};
    // The sanitizers' options of whoever runs this.
    for (const [name, value] of Object.entries(process.env))
      if (name.endsWith("SAN_OPTIONS"))
        env[name] = value;
    this.env = env;
    this.start();
  }

  start() {
    this.log = "";
    // It ends with this process, however that ends.
    this.child = spawn("setpriv", ["--pdeathsig", "KILL", join(build, "bin", this.words[0]), ...this.words.slice(1)],
                       {env: this.env, cwd: folder});
    running.add(this.child);
    for (const stream of [this.child.stdout, this.child.stderr])
      stream.on("data", data => { this.log += data; });
    this.ended = new Promise(resolve => this.child.on("exit", code => {
      running.delete(this.child);
      resolve(code);
    }));
  }

  /// Where it answers.
  async url() {
    const [, url] = await eventually(`the program listens; it says: ${this.log}`,
                                     () => this.log.match(/HTTP: (http:\S+)/));
    return url;
  }

  /// Ends it without a word.
  async kill() {
    this.child.kill("SIGKILL");
    await this.ended;
  }

  /// Starts it again, at the same address.
  restart(url) {
    this.env.CENOTE_HTTP_LISTEN = url.replace("http://", "");
    this.start();
  }
}
