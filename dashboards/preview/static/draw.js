// Panels without an axis: numbers, bars, tables, words, and what stands where there is nothing.

import { chart, charts, columns, heat, purge } from "./chart.js";
import { element, linked } from "./element.js";
import { colour, faded } from "./theme.js";

const DRAWERS = { stat, bars, table, words, empty, error, series: chart, heat, columns };

export async function draw(body, drawing) {
  const hasAxes = ["series", "heat", "columns"].includes(drawing.kind);
  if (hasAxes) await charts;
  if (!hasAxes || body.dataset.kind !== drawing.kind) {
    purge(body);
    body.replaceChildren();
  }
  body.dataset.kind = drawing.kind;
  (DRAWERS[drawing.kind] || error)(body, drawing);
}

function empty(body, { text }) {
  body.append(element("div", { class: "dim" }, text));
}

function error(body, { text }) {
  body.append(element("div", { class: "dim error" }, text || "the preview does not know this kind of panel"));
}

function words(body, { html }) {
  const columns = element("div");
  columns.innerHTML = html; // made from markdown by the server, which lets no HTML of its own through
  body.append(element("div", { class: "words" }, columns));
}

function stat(body, drawing) {
  const box = element("div", { class: `stat ${drawing.colour}${drawing.wide ? " wide" : ""}` });
  for (const value of drawing.values) box.append(statValue(value, drawing.colour));
  body.append(box);
}

function statValue(value, mode) {
  const filled = mode.startsWith("background");
  const letters = Math.max(4, value.prefix.length * 0.6 + value.text.length + value.suffix.length * 0.6);
  const number = element("div", { class: "number", style: { "--letters": letters } },
    value.prefix && element("small", {}, value.prefix), value.text, value.suffix && element("small", {}, value.suffix));
  if (!filled && mode !== "none" && !value.is_empty) number.style.color = colour(value.colour);
  const one = element("div", { class: value.is_empty ? "one nothing" : "one" },
    linked(value.links, number), value.named && value.name ? small(value) : null);
  if (filled && !value.is_empty) one.style.background = faded(value.colour, 0.28);
  if (value.spark.length > 1) one.prepend(spark(value));
  return one;
}

/** The small print, broken only between its parts; the first carries the colour too, if there is one. */
function small(value) {
  const parts = value.name.split(" · ");
  const style = value.colour === "text" || parts.length === 1 ? {} : { color: colour(value.colour), "font-weight": 600 };
  const spans = parts.map((part, at) => element("span", at ? {} : { style }, part, at < parts.length - 1 ? " ·" : ""));
  return element("div", { class: "name" }, ...spans.flatMap((span) => [span, " "]));
}

function spark({ spark: points, colour: name }) {
  const numbers = points.map(([, value]) => value).filter((value) => value !== null);
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
  const place = ([, value], at) => `${((at / (points.length - 1)) * 100).toFixed(2)},${(30 - ((value - low) / (high - low || 1)) * 26).toFixed(2)}`;
  const line = points.map((point, at) => (point[1] === null ? null : place(point, at))).filter(Boolean).join(" ");
  const make = (kind, properties) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", kind);
    for (const [key, text] of Object.entries(properties)) made.setAttribute(key, text);
    return made;
  };
  const picture = make("svg", { viewBox: "0 0 100 32", preserveAspectRatio: "none", "aria-hidden": "true" });
  picture.append(make("polyline", { points: line, fill: "none", stroke: colour(name), "stroke-width": "1.5", "vector-effect": "non-scaling-stroke" }));
  return picture;
}

function bars(body, { values, vertical }) {
  const box = element("div", { class: vertical ? "bars vertical" : "bars" });
  for (const value of values) {
    const size = { [vertical ? "height" : "width"]: `${value.share * 100}%`, background: colour(value.colour) };
    box.append(element("div", { class: "one" },
      element("div", { class: "name", title: value.name }, linked(value.links, value.name)),
      element("div", { class: "track" }, element("div", { class: "fill", style: size })),
      element("div", { class: "value" }, `${value.prefix}${value.text}${value.suffix}`)));
  }
  body.append(box);
}

function table(body, { columns: heads, rows, left_out: leftOut }) {
  const head = element("tr", {}, ...heads.map((each) => {
    const style = { "text-align": each.align };
    if (each.width) style.width = `${each.width}px`;
    return element("th", { scope: "col", style }, each.name);
  }));
  const lines = rows.map((row) => element("tr", {}, ...row.map((cell, at) => tableCell(cell, heads[at].align))));
  const box = element("div", { class: "table" }, element("table", {}, element("thead", {}, head), element("tbody", {}, ...lines)));
  if (leftOut) box.append(element("div", { class: "more" }, `${leftOut} more rows are not shown here`));
  body.append(box);
}

function tableCell(cell, align) {
  const made = element("td", { class: cell.is_empty ? "nothing" : null, title: cell.text, style: { "text-align": align } });
  const text = linked(cell.links, cell.text);
  if (cell.how === "color-text") made.style.color = colour(cell.colour);
  if (cell.how === "color-background") made.style.background = faded(cell.colour, 0.25);
  if (cell.how !== "gauge") {
    made.append(text);
    return made;
  }
  const fill = element("b", { style: { width: `${cell.share * 100}%`, background: colour(cell.colour) } });
  made.append(element("div", { class: "gauge" }, element("i", {}, fill), element("span", {}, text)));
  return made;
}
