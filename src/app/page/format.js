// Numbers with their units, as people read them.

const none = "–";

export function number(x) {
  if (x === null || x === undefined)
    return none;
  return x.toLocaleString("en", {maximumFractionDigits: x < 10 && !Number.isInteger(x) ? 1 : 0});
}

export function rate(x) {
  return `${number(x)}/s`;
}

const digits = x => x < 9.995 ? x.toFixed(2) : x < 99.95 ? x.toFixed(1) : x.toFixed(0);

/// A span of time: 850 µs, 12.3 ms, 3.21 s, 4 min 10 s, 2 h 5 min, 3 d 4 h.
export function span(seconds) {
  if (seconds === null || seconds === undefined)
    return none;
  if (seconds === 0)
    return "0 s";
  if (seconds < 999.5e-6)
    return `${digits(seconds * 1e6)} µs`;
  if (seconds < 0.9995)
    return `${digits(seconds * 1e3)} ms`;
  if (seconds < 59.95)
    return `${digits(seconds)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600)
    return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 24 * 60)
    return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  const hours = Math.round(seconds / 3600);
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/// The age of something that is told again and again: whole seconds.
export function age(seconds) {
  return seconds < 60 ? `${Math.max(0, Math.floor(seconds))} s` : span(Math.floor(seconds));
}

export function pair(times) {
  return times.p50 === null ? none : `${span(times.p50)} / ${span(times.p99)}`;
}

const two = x => String(x).padStart(2, "0");

/// The time of day, with the date if it is not today's.
export function clock(unixTime, now = Date.now() / 1000) {
  const x = new Date(unixTime * 1000);
  const time = `${two(x.getHours())}:${two(x.getMinutes())}:${two(x.getSeconds())}`;
  const isToday = x.toDateString() === new Date(now * 1000).toDateString();
  return isToday ? time : `${x.getFullYear()}-${two(x.getMonth() + 1)}-${two(x.getDate())} ${time}`;
}

/// A text of bounded length.
export function shortened(text, limit = 240) {
  return text.length > limit ? `${text.slice(0, limit)} …` : text;
}
