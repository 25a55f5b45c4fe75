// One dashboard: what is chosen stands in the address, as in Grafana; panels are asked for again and again.

import { draw } from "./draw.js";
import { element, opener, target } from "./element.js";
import { chooseTheme, theme } from "./theme.js";

const RANGES = { "now-1h": "Last hour", "now-6h": "Last 6 hours", "now-24h": "Last 24 hours", "now-2d": "Last 2 days", "now-7d": "Last 7 days",
  "now-30d": "Last 30 days", "now-90d": "Last 90 days", "now-1y": "Last year", "now/d": "Today", "now/w": "This week", "now/M": "This month" };
const LATE_MS = 4000;
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
const uid = decodeURIComponent(location.pathname.split("/")[2]);
const query = new URLSearchParams(location.search);
const panels = new Map();
const byId = (id) => document.getElementById(id);
let page, timer, round = 0;

async function ask(path, parameters = query) {
  const answer = await fetch(`${path}?${parameters}`, { headers: { Accept: "application/json" } });
  return answer.json();
}

function withZone(more = {}) {
  const all = new URLSearchParams(query);
  for (const [name, value] of Object.entries({ zone, ...more })) all.set(name, value);
  return all;
}

/** Choose something: the address changes, and all of the page with it. */
function choose(change) {
  change(query);
  history.replaceState(null, "", `${location.pathname}?${query}`);
  load();
}

async function load() {
  const mine = (round += 1);
  try {
    const found = await ask(`/api/d/${encodeURIComponent(uid)}`, withZone());
    if (mine !== round) return;
    if (found.kind === "error") return trouble(found.text);
    page = found;
  } catch {
    trouble("the preview does not answer; is it still running?");
    timer = setTimeout(load, 5000);
    return;
  }
  trouble("");
  document.title = `${page.title} · Service Pulse`;
  byId("title").textContent = page.title;
  byId("variables").replaceChildren(...page.variables.filter((each) => each.shown).map(variable), ...page.links.map(pageLink));
  byId("controls").replaceChildren(...controls());
  listPages();
  layOut();
  refresh();
}

async function listPages() {
  const { dashboards } = await ask("/api/dashboards", "");
  const kept = [...query].filter(([name]) => ["from", "to"].includes(name) || page.variables.some((each) => name === `var-${each.name}`));
  const search = new URLSearchParams(kept);
  byId("pages").replaceChildren(...dashboards.map((each) =>
    element("a", { href: `/d/${each.uid}${kept.length ? `?${search}` : ""}`, "aria-current": each.uid === uid ? "page" : null }, each.title)));
  byId("foot").replaceChildren("A preview of the dashboards that ship for Grafana, from the same files and the same queries. ",
    "Alerts, users, sharing and all the rest are Grafana's: ", element("a", { href: "/manual" }, "how to run it"), ".");
}

// Panels -------------------------------------------------------------------------------------------------------------

function layOut() {
  const known = new Set(page.panels.map((each) => each.id));
  for (const [id, { box }] of panels) if (!known.has(id)) { box.remove(); panels.delete(id); }
  for (const each of page.panels) {
    const held = panels.get(each.id) || { box: element("section"), body: element("div", { class: "body" }), last: "" };
    const [x, y, w, h] = each.grid;
    held.box.className = `panel ${each.kind === "row" ? "row" : ""} ${each.bare ? "bare" : ""}`;
    held.box.dataset.panel = each.id;
    held.box.setAttribute("aria-label", each.title);
    held.box.style.gridArea = `${y + 1} / ${x + 1} / span ${h} / span ${w}`;
    held.box.style.setProperty("--tall", `${h * 38}px`);
    held.box.replaceChildren(...(each.title ? [top(each)] : []), ...(each.kind === "row" ? [] : [held.body]));
    panels.set(each.id, held);
    byId("grid").append(held.box);
  }
}

function top(panel) {
  const parts = [element("h2", { title: panel.title }, panel.title)];
  if (panel.about) parts.push(opener(["ⓘ"], () => [about(panel)], { class: "why", "aria-label": `What ${panel.title} means` }));
  return element("div", { class: "top" }, ...parts, ...panel.links.map(pageLink));
}

function about(panel) {
  const box = element("div", { class: "words" });
  box.innerHTML = panel.about; // made from markdown by the server, which lets no HTML of its own through
  return box;
}

async function refresh() {
  clearTimeout(timer);
  const [mine, began] = [round, performance.now()];
  const results = await Promise.all(page.panels.filter((each) => each.kind !== "row").map((each) => renew(each, mine)));
  if (mine !== round) return;
  const answered = results.every(Boolean);
  trouble(answered ? "" : "the preview does not answer; what you see is as old as the time above says");
  if (answered) beat();
  const seconds = secondsOf(query.get("refresh") ?? page.refresh);
  const rest = Math.max(seconds * 1000 - (performance.now() - began), answered ? 1000 : 5000); // never one on top of the other
  if (seconds) timer = setTimeout(refresh, rest);
}

async function renew(panel, mine) {
  const held = panels.get(panel.id);
  const late = setTimeout(() => held.box.classList.add("late"), LATE_MS);
  try {
    const points = Math.max(50, Math.round(held.body.clientWidth || 600));
    const answer = await ask(`/api/d/${encodeURIComponent(uid)}/panel/${panel.id}`, withZone({ points }));
    if (mine !== round) return true;
    const text = JSON.stringify(answer);
    if (text !== held.last || held.theme !== theme()) await draw(held.body, answer);
    Object.assign(held, { last: text, theme: theme() });
    held.box.dataset.state = answer.kind;
    return true;
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof SyntaxError)) throw error;
    if (error.message && !/fetch|network|JSON/i.test(error.message)) throw error;
    return false;
  } finally {
    clearTimeout(late);
    held.box.classList.remove("late");
  }
}

function secondsOf(text) {
  const [, number, unit] = /^(\d+)([smh])$/.exec(text || "") || [];
  return number ? Math.max(1, Number(number)) * { s: 1, m: 60, h: 3600 }[unit] : 0;
}

function beat() {
  const pulse = byId("pulse");
  if (!pulse) return;
  pulse.textContent = new Date().toLocaleTimeString([], { hour12: false });
  pulse.title = "when these numbers were asked for";
  pulse.classList.add("fresh");
  setTimeout(() => pulse.classList.remove("fresh"), 1200);
}

function trouble(text) {
  byId("trouble").hidden = !text;
  byId("trouble").textContent = text;
}

// What can be chosen -------------------------------------------------------------------------------------------------

function controls() {
  const every = query.get("refresh") ?? page.refresh;
  return [
    element("span", { id: "pulse" }),
    opener([rangeText()], rangeMenu, { "aria-label": "Time range" }),
    opener([every ? `every ${every}` : "not refreshing"], (close) => ["", ...page.refreshes].map((each) =>
      pick(each ? `every ${each}` : "do not refresh", each === every, () => { close(); choose((all) => all.set("refresh", each)); })), { "aria-label": "Refresh" }),
    element("button", { class: "button", type: "button", title: "dark or light", "aria-label": "Dark or light", onclick: otherTheme }, "◐"),
    element("button", { class: "button", type: "button", title: "numbers only, for a wall; Escape ends it", "aria-label": "For a wall", onclick: () => wall(true) }, "⛶"),
  ];
}

function rangeText() {
  const { from, to } = page.time;
  if ((to === "now" || to === from) && RANGES[from]) return RANGES[from];
  const [, number, unit] = /^now-(\d+)([mhdwMy])$/.exec(from) || [];
  if (to === "now" && number) return `Last ${number} ${{ m: "minutes", h: "hours", d: "days", w: "weeks", M: "months", y: "years" }[unit]}`;
  return `${instantText(from)} – ${instantText(to)}`;
}

function instantText(text) {
  if (!/^\d+$/.test(text)) return text;
  return new Date(Number(text)).toLocaleString("sv", { timeZone: zone }).slice(0, 16);
}

function rangeMenu(close) {
  const { from, to } = page.time;
  const set = (begin, end) => { close(); choose((all) => { all.set("from", begin); all.set("to", end); }); };
  const fields = [element("input", { type: "text", "aria-label": "From" }), element("input", { type: "text", "aria-label": "To" })];
  [fields[0].value, fields[1].value] = [instantText(from), instantText(to)];
  const given = (text) => (/^now/.test(text) || /^\d+$/.test(text) ? text : String(Date.parse(text.replace(" ", "T")) || text));
  const apply = () => set(...fields.map((field) => given(field.value.trim())));
  return [
    ...Object.entries(RANGES).map(([begin, text]) => pick(text, begin === from, () => set(begin, begin.startsWith("now/") ? begin : "now"))),
    element("div", { class: "row" }, "From, to", ...fields, element("button", { class: "button", type: "button", onclick: apply }, "Apply")),
  ];
}

function pick(text, isCurrent, onclick) {
  return element("button", { class: "pick", type: "button", "aria-current": isCurrent ? "true" : null, onclick }, text);
}

function variable(each) {
  const names = new Map(each.options);
  const chosen = each.value.map((value) => names.get(value) ?? (value === "$__all" ? "All" : value));
  const text = chosen.length > 2 ? `${chosen.length} chosen` : chosen.join(", ") || "none";
  return opener([element("span", { class: "key" }, each.label), text], (close) => choices(each, close), { "data-variable": each.name });
}

function choices(each, close) {
  if (each.error) return [element("div", { class: "error" }, each.error)];
  const chosen = new Set(each.value);
  const set = (values) => choose((all) => {
    all.delete(`var-${each.name}`);
    for (const value of values) all.append(`var-${each.name}`, value);
  });
  if (each.free) return [textField(each, (value) => { close(); set([value]); })];
  const items = each.options.map(([value, text]) => each.multi
    ? tick(text, chosen.has(value), (on) => { toggle(chosen, value, on); set(chosen.size ? chosen : ["$__all"]); close(); })
    : pick(text, chosen.has(value), () => { close(); set([value]); }));
  if (items.length < 12) return items;
  const search = element("input", { type: "search", placeholder: "search", oninput: () => {
    for (const item of items) item.hidden = !item.textContent.toLowerCase().includes(search.value.toLowerCase());
  } });
  return [search, ...items];
}

function toggle(chosen, value, on) {
  if (value === "$__all") chosen.clear();
  chosen.delete("$__all");
  if (on) chosen.add(value);
  else chosen.delete(value);
}

function tick(text, isOn, change) {
  const box = element("input", { type: "checkbox", onchange: () => change(box.checked) });
  box.checked = isOn;
  return element("label", {}, box, text);
}

function textField(each, done) {
  const field = element("input", { type: "text", "aria-label": each.label, onchange: () => done(field.value) });
  field.value = each.value[0] || "";
  return field;
}

function pageLink(link) {
  return element("a", { class: "button", href: link.href, ...target(link.href) }, link.title || link.href);
}

// Around it ----------------------------------------------------------------------------------------------------------

function otherTheme() {
  chooseTheme(theme() === "light" ? "dark" : "light");
  try { localStorage.setItem("theme", theme()); } catch { /* a browser that keeps nothing starts anew next time */ }
  refresh();
}

function wall(on) {
  document.documentElement.toggleAttribute("data-wall", on);
  if (on) document.documentElement.requestFullscreen?.().catch(() => {});
  dispatchEvent(new Event("resize"));
}

function storedTheme() {
  try { return localStorage.getItem("theme"); } catch { return null; }
}

addEventListener("keydown", (event) => event.key === "Escape" && wall(false));
addEventListener("fullscreenchange", () => document.fullscreenElement || wall(false), true);
addEventListener("range", ({ detail }) => choose((all) => ["from", "to"].forEach((name, at) =>
  all.set(name, String(Date.parse(detail[at].replace(" ", "T")))))));
chooseTheme(query.get("theme") || storedTheme());
if (query.has("kiosk")) document.documentElement.toggleAttribute("data-wall", true);
load();
