// Asks the program for what it knows, again and again, whether or not it is there.

const pause = 1000;    // Milliseconds from one round to the next.
const patience = 5000; // Longest wait for an answer.
const tokenKey = "cenote-token";

/// 15 minutes.
export const span = 900;

class HttpError extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

async function ask(path, token) {
  const answer = await fetch(path, {
    headers: token ? {Authorization: `Bearer ${token}`} : {},
    cache: "no-store",
    credentials: "omit",
    signal: AbortSignal.timeout(patience),
  });
  const text = await answer.text();
  if (!answer.ok)
    throw new HttpError(answer.status, text.trim());
  return JSON.parse(text);
}

/// What an endpoint answers, or why it cannot: `{problem: text}`. The rest of the page goes on without it.
async function askPart(path, token) {
  try {
    return await ask(path, token);
  } catch (error) {
    if (error instanceof HttpError && error.status !== 401)
      return {problem: error.message};
    throw error;
  }
}

/// Puts newer samples behind older ones. The newest that was known grows until its interval is over: it is replaced.
export function merge(known, got) {
  if (got.length === 0)
    return known;
  const begin = got.at(-1).at - span;
  return [...known.filter(x => x.at < got[0].at), ...got].filter(x => x.at > begin);
}

/// What is known. `problem` is null, "token", "unreachable" or a text.
export class Live {
  constructor(changed) {
    this.changed = changed;
    this.problem = null;
    this.problemSince = null; // Of the browser's clock, in seconds.
    this.refusedToken = false;
    this.samples = [];
    this.clockAhead = 0; // The program's clock, compared with the browser's, in seconds.
    this.answeredAt = null;
    this.timer = null;
    this.rounds = null; // Identifies the rounds that go on: those of an earlier start() end.
    document.addEventListener("visibilitychange", () => this.start());
  }

  /// The time by the program's clock.
  now() {
    return Date.now() / 1000 + this.clockAhead;
  }

  /// What is no token at all goes into no header.
  setToken(token) {
    sessionStorage.setItem(tokenKey, /^[!-~]+$/.test(token) ? token : "?");
    this.start();
  }

  /// Asks at once, and then each second while the page is visible.
  start() {
    clearTimeout(this.timer);
    this.rounds = Symbol();
    if (!document.hidden)
      this.round(this.rounds);
  }

  async round(rounds) {
    const begin = Date.now();
    const problem = await this.update();
    if (this.rounds !== rounds)
      return;
    if (problem !== this.problem)
      this.problemSince = begin / 1000;
    this.problem = problem;
    this.changed(this);
    if (problem !== "token")
      this.timer = setTimeout(() => this.round(rounds), Math.max(0, begin + pause - Date.now()));
  }

  async update() {
    const token = sessionStorage.getItem(tokenKey);
    try {
      // After a pause, and after a restart, all samples are needed.
      const recent = this.answeredAt !== null && Date.now() - this.answeredAt < 5000;
      const [status, history, events, sessions, statements] = await Promise.all([
        ask("/status", token),
        ask(recent ? "/status/history?samples=3" : "/status/history", token),
        ask("/status/events", token),
        askPart("/status/sessions", token),
        askPart("/status/statements", token),
      ]);
      Object.assign(this, {status, events, sessions, statements, answeredAt: Date.now(), refusedToken: false});
      this.samples = merge(this.samples, history.samples);
      if (history.samples.length > 0)
        this.clockAhead = history.samples.at(-1).at - Date.now() / 1000;
      return null;
    } catch (error) {
      if (error.status === 401) {
        if (sessionStorage.getItem(tokenKey) === token) { // Otherwise another has been typed meanwhile.
          this.refusedToken = token !== null;
          sessionStorage.removeItem(tokenKey);
        }
        return "token";
      }
      if (error instanceof HttpError)
        return error.message || `cenote answers with status ${error.status}`;
      return "unreachable";
    }
  }
}
