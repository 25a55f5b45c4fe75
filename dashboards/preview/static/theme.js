// Which colour a name means, on dark and on light ground.

const NAMED = {
  dark: { green: "#62b98a", red: "#ea6d76", yellow: "#dcb850", orange: "#e39557", blue: "#6ea3e0", purple: "#ab8fd9",
    text: "#e8ecef", muted: "#98a2ab", faint: "#69737c", line: "#2a3138", surface: "#181d22", raised: "#20262c" },
  light: { green: "#1d8453", red: "#c23b47", yellow: "#a37a05", orange: "#bb6418", blue: "#2f6fb7", purple: "#7450ad",
    text: "#1b2126", muted: "#5d6872", faint: "#8a949c", line: "#e3e6e4", surface: "#ffffff", raised: "#f0f2f1" },
};
const SERIES = {
  dark: ["#6ea3e0", "#dcb850", "#5fb8a6", "#d98ba8", "#ab8fd9", "#e39557", "#93bf6c", "#86c5de", "#c7a684", "#98a2ab"],
  light: ["#2f6fb7", "#a37a05", "#1c7f6e", "#b0487a", "#7450ad", "#bb6418", "#557f1e", "#2b86a3", "#8a6238", "#5d6872"],
};

export function theme() {
  return document.documentElement.dataset.theme === "light" ? "light" : "dark";
}

export function chooseTheme(wanted) {
  const light = wanted ? wanted === "light" : matchMedia("(prefers-color-scheme: light)").matches;
  document.documentElement.dataset.theme = light ? "light" : "dark";
}

const KEPT = "colours";
const SIZE = SERIES.dark.length;
const places = new Map(kept());

function kept() {
  try { return JSON.parse(sessionStorage.getItem(KEPT)) || []; } catch { return []; }
}

/** A name keeps its colour on all pages. A new one gets what the fewest names have, best one that is not taken. */
function placeOf(name, taken = new Set()) {
  if (!places.has(name)) {
    const names = [...places.values()];
    const cost = (place) => names.filter((each) => each === place).length + (taken.has(place) ? names.length + 1 : 0);
    places.set(name, [...Array(SIZE).keys()].reduce((best, place) => (cost(place) < cost(best) ? place : best)));
    try { sessionStorage.setItem(KEPT, JSON.stringify([...places])); } catch { /* then each page gives its own */ }
  }
  return places.get(name);
}

/** What has no name, such as "(unknown)", is grey. */
function named(name) {
  return name.startsWith("(") ? NAMED[theme()].faint : SERIES[theme()][placeOf(name)];
}

/** The colours of one chart: those of their names, but no two names share one as long as there are enough. */
export function apart(wanted) {
  const [taken, told] = [new Set(), new Map(wanted.map((each) => [each, each]))];
  const names = [...told.keys()].filter((each) => /^name:[^(]/.test(each)).map((each) => each.slice("name:".length));
  const known = [...places.keys()].filter((name) => names.includes(name)); // who was there first keeps its colour
  for (const name of new Set([...known, ...names])) {
    let place = placeOf(name, taken);
    for (let tried = 0; taken.has(place) && tried < SIZE; tried += 1) place = (place + 1) % SIZE;
    taken.add(place);
    told.set(`name:${name}`, `palette:${place}`);
  }
  return told;
}

export function colour(name) {
  if (String(name).startsWith("name:")) return named(name.slice("name:".length));
  const [kind, place] = String(name || "text").split(":");
  if (kind === "palette") return SERIES[theme()][Number(place) % SERIES[theme()].length];
  const base = kind.replace(/^(super-light|semi-dark|light|dark)-/, "").replace(/^gr[ae]y$/, "muted");
  if (base === "transparent") return "transparent";
  return NAMED[theme()][base] || (/^(#[0-9a-f]{3,8}|rgba?\([\d., %]+\))$/i.test(base) ? base : NAMED[theme()].text);
}

export function faded(name, share) {
  const hex = colour(name);
  if (!/^#[0-9a-f]{6}$/i.test(hex)) return hex;
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  return `rgba(${red}, ${green}, ${blue}, ${share})`;
}
