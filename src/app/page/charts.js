// The charts of the last 15 minutes, each with its legend and a sentence that says the same.

import * as format from "./format.js";
import {span} from "./live.js";

const {Chart} = globalThis;

const sum = counts => Object.values(counts).reduce((a, b) => a + b, 0);
/// Null if there is no value at all.
const largest = (samples, value) => samples.reduce((a, x) => value(x) === null ? a : Math.max(a ?? 0, value(x)), null);

const p50 = (name, of) => ({name, label: "p50", value: x => of(x).p50});
const p99 = (name, of) => ({name, label: "p99", value: x => of(x).p99});

function timeSummary(of) {
  return (samples, now) => `Now ${format.pair(of(now))}; p99 ${format.span(largest(samples, x => of(x).p99))} at most.`;
}

const definitions = [
  {
    title: "Connections",
    stacked: true,
    unit: format.number,
    series: [
      {name: "in-use", label: "in use", area: true, value: x => x.connections.in_use},
      {name: "idle", label: "idle", area: true, value: x => x.connections.idle},
      {name: "connecting", label: "connecting", area: true, value: x => x.connections.connecting},
      {name: "closing", label: "closing", area: true, value: x => x.connections.closing},
      {name: "limit", label: "limit", dashed: true, value: x => x.connections.limit},
    ],
    summary: (samples, now) => `Now ${now.connections.in_use} in use; at most `
      + `${largest(samples, x => x.connections.in_use)} of ${now.connections.limit}.`,
  },
  {
    title: "Waiting callers",
    unit: format.number,
    series: [{name: "in-use", label: "waiting", area: true, value: x => x.waiting}],
    summary: (samples, now) => `Now ${format.number(now.waiting)}; `
      + `${format.number(largest(samples, x => x.waiting))} at most.`,
  },
  {
    title: "Statements per second",
    unit: format.rate,
    series: [{name: "in-use", label: "statements per second", area: true, value: x => x.statements_per_second}],
    summary: (samples, now) => `Now ${format.rate(now.statements_per_second)}; `
      + `${format.rate(largest(samples, x => x.statements_per_second))} at most.`,
  },
  {
    title: "Wait for a connection",
    unit: format.span,
    series: [p99("p99", x => x.wait), p50("p50", x => x.wait)],
    summary: timeSummary(x => x.wait),
  },
  {
    title: "Time of a statement",
    unit: format.span,
    series: [p99("p99", x => x.statement), p50("p50", x => x.statement)],
    summary: timeSummary(x => x.statement),
  },
  {
    title: "Errors and retries",
    stacked: true,
    unit: format.number,
    series: [
      {name: "error", label: "errors", bar: true, value: x => sum(x.errors)},
      {name: "connecting", label: "failed connects", bar: true, value: x => sum(x.failed_connects)},
      {name: "retry", label: "retries", bar: true, value: x => sum(x.retries)},
    ],
    summary: samples => {
      const total = of => format.number(samples.reduce((a, x) => a + sum(of(x)), 0));
      return `Errors: ${total(x => x.errors)}, failed connects: ${total(x => x.failed_connects)}, `
        + `retries: ${total(x => x.retries)}.`;
    },
  },
];

function element(name, properties = {}, ...children) {
  const out = Object.assign(document.createElement(name), properties);
  out.append(...children);
  return out;
}

/// The points of a series, with a gap where the program did not run or was not reached.
function points(samples, value, now) {
  const out = [];
  samples.forEach((x, i) => {
    if (i > 0 && x.at - samples[i - 1].at > 12)
      out.push({x: samples[i - 1].at - now + 1, y: null});
    out.push({x: x.at - now, y: value(x)});
  });
  return out;
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

function dataset(series, stacked) {
  return {
    type: series.bar ? "bar" : "line",
    label: series.label,
    data: [],
    stack: stacked && !series.dashed ? "all" : series.name,
    fill: series.area ? (stacked ? "stack" : "origin") : false,
    borderWidth: series.area && stacked ? 0 : 1.5,
    borderDash: series.dashed ? [5, 4] : [],
    pointRadius: 0,
    barThickness: 2,
    spanGaps: false,
  };
}

function paint(chart, definition) {
  definition.series.forEach((series, i) => {
    const paint = colour(series.name);
    const set = chart.data.datasets[i];
    set.borderColor = paint;
    set.backgroundColor = series.area && !definition.stacked ? `${paint}33` : paint;
  });
  for (const axis of Object.values(chart.options.scales)) {
    axis.ticks.color = colour("muted");
    axis.grid.color = axis.grid.borderColor = colour("line");
  }
}

function makeOptions(definition) {
  return {
    animation: false,
    maintainAspectRatio: false,
    parsing: false,
    normalized: true,
    interaction: {mode: "index", intersect: false},
    plugins: {
      legend: {display: false},
      tooltip: {
        callbacks: {
          title: items => items.length > 0 ? `${format.age(-items[0].parsed.x)} ago` : "",
          label: item => `${item.dataset.label}: ${definition.unit(item.parsed.y)}`,
        },
      },
    },
    scales: {
      x: {
        type: "linear",
        offset: false, // Bars would ask for room at the ends.
        min: -span,
        max: 0,
        grid: {offset: false},
        ticks: {stepSize: 300, maxRotation: 0, callback: x => x === 0 ? "now" : `${-x / 60} min ago`},
      },
      y: {
        beginAtZero: true,
        suggestedMax: definition.unit === format.span ? 0.001 : 4, // While there is nothing.
        stacked: definition.stacked ?? false,
        grid: {},
        grace: "5%",
        ticks: {maxTicksLimit: 5, callback: x => Number.isInteger(x) || x < 1 || definition.unit !== format.number
          ? definition.unit(x) : ""},
      },
    },
  };
}

function makeFigure(definition, index) {
  const summary = element("p", {className: "summary", id: `summary-${index}`});
  const canvas = element("canvas", {role: "img", ariaLabel: `Chart: ${definition.title}, last 15 minutes`});
  canvas.setAttribute("aria-describedby", summary.id);
  const legend = element("ul", {className: "legend"}, ...definition.series.map(x =>
    element("li", {className: `series-${x.name}${x.dashed ? " dashed" : ""}`, textContent: x.label})));
  const figure = element("figure", {}, element("h3", {textContent: definition.title}),
                         ...(definition.series.length > 1 ? [legend] : []), summary,
                         element("div", {className: "plot"}, canvas));
  return {figure, canvas, summary};
}

export class Charts {
  constructor(parent) {
    this.charts = definitions.map((definition, index) => {
      const {figure, canvas, summary} = makeFigure(definition, index);
      parent.append(figure);
      const chart = new Chart(canvas, {
        data: {datasets: definition.series.map(x => dataset(x, definition.stacked))},
        options: makeOptions(definition),
      });
      paint(chart, definition);
      return {definition, chart, summary};
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      for (const {definition, chart} of this.charts) {
        paint(chart, definition);
        chart.update();
      }
    });
  }

  /// @param now by the program's clock.
  update(samples, now) {
    for (const {definition, chart, summary} of this.charts) {
      definition.series.forEach((series, i) => {
        chart.data.datasets[i].data = points(samples, series.value, now);
      });
      chart.update();
      if (samples.length > 0)
        summary.textContent = definition.summary(samples, samples.at(-1));
    }
  }
}
