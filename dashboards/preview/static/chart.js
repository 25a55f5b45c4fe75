// Panels with axes, drawn by Plotly; the server has already written every number as text in its unit.

import { element } from "./element.js";
import { apart, colour, faded } from "./theme.js";

const CONFIG = { displayModeBar: false, responsive: true, showTips: false, doubleClick: false };
const SHAPES = { stepAfter: "hv", stepBefore: "vh", smooth: "spline" };
const DASHES = { dash: "dash", dot: "dot" };
const FEW = 60;

/** Resolves once the charting library is there: it is large, and what needs no axis does not wait for it. */
export const charts = new Promise((resolve) => {
  const script = document.getElementById("plotly");
  if (window.Plotly) resolve();
  else script.addEventListener("load", resolve);
});

export function purge(body) {
  const plot = body.querySelector(".plot");
  if (plot) Plotly.purge(plot);
}

export function chart(body, drawing) {
  const { plot, legend } = place(body, drawing.legend.placement === "right");
  const colours = apart(drawing.traces.map((trace) => trace.colour));
  for (const trace of drawing.traces) trace.colour = colours.get(trace.colour);
  const hidden = (plot.hiddenNames ??= new Set());
  const listed = drawing.legend.shown ? drawing.traces.filter((trace) => trace.in_legend && !trace.ghost) : [];
  legend.replaceChildren(...listed.map((trace) => entry(trace, hidden, () => chart(body, drawing))), ...captions(drawing.marks)); // first: it takes its room
  const traces = drawing.traces.filter((trace) => !hidden.has(trace.name));
  const bands = traces.filter((trace) => trace.below).flatMap((trace) => bandsOf(trace, traces));
  const drawn = traces.map((trace) => traceOf(trace, drawing));
  const [left, right] = [drawing.axes.find((axis) => !axis.right), drawing.axes.find((axis) => axis.right)];
  const layout = layoutOf(left || right, {
    xaxis: { ...timeAxis(Math.max(3, Math.floor(plot.clientWidth / 110))), range: drawing.range },
    shapes: [...thresholdShapes(drawing.thresholds), ...markShapes(drawing.marks)],
    hovermode: "x unified",
    barmode: drawing.traces.some((trace) => trace.stack) ? "stack" : "overlay",
  });
  if (right) layout.yaxis2 = { ...valueAxis(right), overlaying: "y", side: "right", showgrid: false };
  if (!left) layout.yaxis.showticklabels = false;
  layout.yaxis3 = { overlaying: "y", visible: false, fixedrange: true };
  layout.yaxis4 = { ...layout.yaxis3, range: [0, 1] };
  Plotly.react(plot, [...bands, ...drawn, ...markTraces(drawing, left || right)], layout, CONFIG);
  follow(plot, drawing.traces);
}

export function heat(body, drawing) {
  const { plot } = place(body, false);
  const data = [{
    type: "heatmap", x: drawing.x, y: drawing.y, z: drawing.z, text: drawing.text, xgap: 1, ygap: 1, hoverongaps: false, showscale: false,
    colorscale: [[0, faded("blue", 0.12)], [0.35, faded("blue", 0.5)], [1, colour("blue")]],
    hovertemplate: "%{y} · %{x|%d %b %H:%M}<br>%{text}<extra></extra>",
  }];
  const layout = layoutOf(null, { xaxis: timeAxis(8) });
  layout.yaxis = { ...axisLook(), type: "category", showgrid: false, automargin: true, fixedrange: true };
  Plotly.react(plot, data, layout, CONFIG);
  follow(plot, []);
}

export function columns(body, drawing) {
  const { plot, legend } = place(body, false);
  const colours = apart(drawing.series.flatMap((each) => each.colours));
  for (const each of drawing.series) each.colours = each.colours.map((name) => colours.get(name));
  const listed = drawing.legend ? drawing.series : [];
  legend.replaceChildren(...listed.map((each) => element("button", { type: "button", style: { "--own": colour(each.colours[0]) } }, each.name)));
  const [names, values] = drawing.horizontal ? ["y", "x"] : ["x", "y"];
  const data = drawing.series.map((each) => ({
    type: "bar", name: each.name, orientation: drawing.horizontal ? "h" : "v", [names]: drawing.names, [values]: each.values,
    customdata: each.text, marker: { color: each.colours.map(colour), cornerradius: 3 }, hovertemplate: `%{${names}}: %{customdata}<extra></extra>`,
  }));
  const layout = layoutOf(null, { barmode: drawing.stacked ? "stack" : "group", bargap: 0.25 });
  layout[`${names}axis`] = { ...axisLook(), type: "category", showgrid: false, automargin: true, fixedrange: true };
  if (drawing.horizontal) layout.yaxis.autorange = "reversed";
  layout[`${values}axis`] = { ...valueAxis(drawing.axis) };
  Plotly.react(plot, data, layout, CONFIG);
  plot.removeAllListeners?.("plotly_click");
  plot.on("plotly_click", ({ points: [point] }) => go(drawing.series[point.curveNumber]?.links[point.pointIndex]));
}

function place(body, side) {
  let box = body.querySelector(".chart");
  if (!box) {
    box = element("div", { class: "chart" }, element("div", { class: "plot" }), element("div", { class: "legend" }));
    body.append(box);
  }
  box.classList.toggle("side", side);
  return { box, plot: box.firstElementChild, legend: box.lastElementChild };
}

function traceOf(trace, drawing) {
  const own = colour(trace.colour);
  const common = {
    name: trace.name, x: trace.x, y: trace.y, customdata: trace.text, yaxis: trace.ghost ? "y3" : trace.right && drawing.axes.length > 1 ? "y2" : "y",
    hovertemplate: `%{customdata}<extra>${escaped(trace.name)}</extra>`, showlegend: false,
  };
  if (trace.ghost) return { ...common, mode: "lines", line: { width: 0, color: colour("muted") }, opacity: 0 };
  if (trace.style === "bars") return { ...common, type: "bar", marker: { color: own, opacity: 0.85 }, offsetgroup: trace.stack || trace.name };
  const few = trace.y.filter((value) => value !== null).length <= FEW;
  const points = trace.style === "points" || trace.points === "always" || (trace.points === "auto" && few && trace.width > 0);
  const lines = trace.style !== "points";
  return {
    ...common, type: "scatter", mode: [lines && "lines", points && "markers"].filter(Boolean).join("+"),
    line: { color: own, width: trace.width, dash: DASHES[trace.dash] || "solid", shape: SHAPES[trace.shape] || "linear" },
    marker: { color: own, size: lines ? 4.5 : 6 }, connectgaps: !trace.gaps,
    ...(trace.stack ? { stackgroup: trace.stack, fillcolor: faded(trace.colour, Math.max(trace.fill, 40) / 100) } : {}),
    ...(trace.fill && !trace.stack && !trace.below ? { fill: "tozeroy", fillcolor: faded(trace.colour, trace.fill / 100) } : {}),
  };
}

/** The area between two lines, piece by piece: where one of them is unknown, there is none. */
function bandsOf(high, traces) {
  const low = traces.find((trace) => trace.name === high.below);
  if (!low) return [];
  const pieces = [[]];
  high.x.forEach((at, index) => {
    if (high.y[index] === null || low.y[index] === null) pieces.push([]);
    else pieces.at(-1).push(index);
  });
  return pieces.filter((piece) => piece.length > 1).map((piece) => ({
    type: "scatter", mode: "lines", line: { width: 0 }, fill: "toself", fillcolor: faded(high.colour, high.fill / 100), hoverinfo: "skip", showlegend: false,
    x: [...piece.map((at) => high.x[at]), ...piece.toReversed().map((at) => low.x[at])],
    y: [...piece.map((at) => high.y[at]), ...piece.toReversed().map((at) => low.y[at])],
  }));
}

function layoutOf(axis, more) {
  return {
    margin: { l: 12, r: 14, t: 8, b: 26, pad: 4 }, paper_bgcolor: "transparent", plot_bgcolor: "transparent", showlegend: false, dragmode: "zoom",
    font: { family: getComputedStyle(document.body).fontFamily, color: colour("muted"), size: 13 }, separators: ".,",
    hoverlabel: { bgcolor: colour("raised"), bordercolor: colour("line"), font: { color: colour("text"), size: 13 }, namelength: 40, align: "left" },
    ...(axis ? { yaxis: valueAxis(axis) } : {}), ...more,
  };
}

function axisLook() {
  return { gridcolor: colour("line"), linecolor: colour("line"), zeroline: false, showline: false, ticks: "", tickfont: { color: colour("muted") }, title: "" };
}

function timeAxis(nticks) {
  // Both ends of a stop belong to it and the first that fits is taken: a step of one day must not fit the one for hours.
  const stops = [[null, 59_999, "%H:%M:%S"], [6e4, 86_399_999, "%H:%M"], [864e5, 27 * 864e5, "%b %-d"], ["M1", null, "%b %Y"]];
  const tickformatstops = stops.map(([from, to, value]) => ({ dtickrange: [from, to], value }));
  return { ...axisLook(), type: "date", showgrid: false, fixedrange: false, tickformatstops, nticks };
}

function valueAxis(axis) {
  const look = { ...axisLook(), automargin: true, fixedrange: true, title: { text: axis.title, font: { size: 12 } } };
  if (axis.log) return { ...look, type: "log", autorange: true };
  return { ...look, range: [axis.low, axis.high], tickvals: axis.ticks, ticktext: axis.labels };
}

function thresholdShapes(thresholds) {
  return thresholds.flatMap((each, at) => {
    const next = thresholds[at + 1]?.from;
    const area = each.area && { type: "rect", xref: "paper", x0: 0, x1: 1, y0: each.from ?? -1e9, y1: next ?? 1e9,
      fillcolor: faded(each.colour, 0.07), line: { width: 0 }, layer: "below" };
    const line = each.line && each.from !== null && { type: "line", xref: "paper", x0: 0, x1: 1, y0: each.from, y1: each.from,
      line: { color: faded(each.colour, 0.8), width: 1.5, dash: "dash" } };
    return [area, line].filter(Boolean);
  });
}

function markShapes(marks) {
  return marks.map((mark) => ({
    type: mark.until ? "rect" : "line", xref: "x", yref: "paper", x0: mark.at, x1: mark.until || mark.at, y0: 0, y1: 1, layer: "below",
    line: { color: faded(mark.colour, 0.6), width: mark.until ? 0 : 1.2, dash: "dot" }, fillcolor: faded(mark.colour, 0.1),
  }));
}

/** A triangle where something began, told whole; and its name wherever somebody points while it lasted. */
function markTraces({ marks, traces }, axis) {
  if (!marks.length || !axis) return [];
  const instants = [...new Set(traces.flatMap((trace) => trace.x))];
  const during = marks.flatMap((mark) => instants.filter((at) => mark.until && at > mark.at && at <= mark.until).map((at) => [mark, at, mark.what]));
  const told = [...marks.map((mark) => [mark, mark.at, mark.text]), ...during];
  return [{
    type: "scatter", mode: "markers", x: told.map(([, at]) => at), y: told.map(() => 0.02), yaxis: "y4", cliponaxis: false, showlegend: false,
    marker: { symbol: "triangle-up", size: 9, color: told.map(([mark]) => colour(mark.colour)), opacity: told.map(([mark, at]) => (at === mark.at ? 1 : 0)) },
    customdata: told.map(([,, text]) => escaped(text)), hovertemplate: "%{customdata}<extra></extra>",
  }];
}

/** What the coloured bands are, in words: each once. */
function captions(marks) {
  return [...new Map(marks.map((mark) => [mark.what, mark])).values()].map((mark) =>
    element("span", { class: "mark", title: mark.text, style: { "--own": faded(mark.colour, 0.35) } }, mark.what));
}

function entry(trace, hidden, redraw) {
  const calcs = trace.calcs.length ? element("em", {}, trace.calcs.join("  ")) : null;
  const press = () => {
    if (!hidden.delete(trace.name)) hidden.add(trace.name);
    redraw();
  };
  const properties = { type: "button", "aria-pressed": String(!hidden.has(trace.name)), onclick: press, style: { "--own": colour(trace.colour) } };
  return element("button", properties, trace.name, calcs);
}

/** A range that somebody drags becomes the range of the page; a click on a line leads where it links. */
function follow(plot, traces) {
  plot.removeAllListeners?.("plotly_relayout");
  plot.removeAllListeners?.("plotly_click");
  plot.on("plotly_relayout", (change) => {
    const range = [change["xaxis.range[0]"], change["xaxis.range[1]"]];
    if (range.every(Boolean)) dispatchEvent(new CustomEvent("range", { detail: range }));
  });
  plot.on("plotly_click", ({ points: [point] }) => go(traces.find((trace) => trace.name === point.data.name)?.links));
}

function go(links) {
  if (links?.length) location.assign(links[0].href);
}

/** Plotly reads a little HTML in texts. */
function escaped(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
