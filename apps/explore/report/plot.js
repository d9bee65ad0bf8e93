// Plot: two measures of every fabric, a lane for what cannot be told from nothing, a strip for what does not run.
let marks = [], reached = 0;

function shownPoints() {
  const found = [];
  for (const point of data.points) {
    if (!wanted(point.name)) continue;
    const rows = chosen(rowsOf.get(point.name)), bad = rows.find((row) => !row.feasible);
    const [a, b] = [valueOf(rows, state.x), valueOf(rows, state.y)];
    let reason = bad ? `${state.workload === ALL ? bad.workload + ": " : ""}${bad.reason}` : null;
    if (!reason && state.workload === ALL && point.reason) reason = point.reason;
    if (!reason && (a === null || b === null)) reason = `${data.measures[a === null ? state.x : state.y].label} is not known of this fabric`;
    found.push({ ...point, a, b, reason });
  }
  return found;
}
// What no other betters in the two measures shown.
function frontOf(points) {
  const cost = (value, measure) => {
    const about = data.measures[measure], held = Math.max(value, about.floor);
    return about.better === "max" ? -held : held;
  };
  const costs = points.map((p) => [cost(p.a, state.x), cost(p.b, state.y)]);
  return points.filter((_, k) => !costs.some((c) => c[0] <= costs[k][0] && c[1] <= costs[k][1] && (c[0] < costs[k][0] || c[1] < costs[k][1])));
}

function plot() {
  const svg = byId("plot"), wide = Math.max(svg.clientWidth, 300), narrow = wide < 600;
  const points = shownPoints(), runs = points.filter((p) => !p.reason), not = points.filter((p) => p.reason);
  const x = axisOf(runs.map((p) => p.a), data.measures[state.x].floor, narrow ? 4 : 8);
  const y = axisOf(runs.map((p) => p.b), data.measures[state.y].floor, 7);
  const LANE = 40, left = 58 + (x.lane ? LANE : 0), right = wide - 14, top = 26, flat = y.lane && runs.every((p) => y.inLane(p.b));
  const bottom = flat ? top + 60 : (narrow ? 330 : 400) - (y.lane ? LANE : 0);
  const px = (v) => (x.inLane(v) ? left - LANE / 2 - 3 : left + x.at(v) * (right - left));
  const py = (v) => (y.inLane(v) ? bottom + LANE / 2 + 3 : bottom - y.at(v) * (bottom - top));
  const floorY = bottom + (y.lane ? LANE : 0), edgeX = left - (x.lane ? LANE : 0);
  const pitch = 20, perLine = Math.max(1, Math.floor((right - edgeX - 16) / pitch)), lines = Math.ceil(not.length / perLine);
  const strip = floorY + 70, tall = not.length ? strip + 26 + lines * pitch : floorY + 54;
  svg.replaceChildren();
  svg.setAttribute("viewBox", `0 0 ${wide} ${tall}`);
  svg.setAttribute("height", tall);
  const text = (at, content, more = {}) => draw("text", { ...at, ...more }, svg, content);
  for (const [value, label] of runs.length ? x.ticks : []) {
    draw("line", { x1: px(value), x2: px(value), y1: top, y2: floorY, class: "grid" }, svg);
    text({ x: px(value), y: floorY + 17, "text-anchor": "middle" }, label);
  }
  for (const [value, label] of runs.length && !flat ? y.ticks : []) {
    draw("line", { x1: edgeX, x2: right, y1: py(value), y2: py(value), class: "grid" }, svg);
    text({ x: edgeX - 6, y: py(value) + 4, "text-anchor": "end" }, label);
  }
  const [saidX, saidY] = [said(state.x), said(state.y)];
  const scale = (axis) => (axis.log ? "log" : "linear");
  // On a narrow screen the name alone, or the unit where that is too long.
  const named = (axis, { label, unit, rest }) => {
    if (!narrow) return `${label} (${[rest, scale(axis)].filter(Boolean).join("; ")})`;
    return 6.6 * label.length < wide - 30 || !unit ? label : unit;
  };
  text({ x: right, y: floorY + 38, "text-anchor": "end", class: "name" }, named(x, saidX));
  text({ x: 4, y: 14, class: "name" }, named(y, saidY));
  if (y.lane) {
    draw("rect", { x: edgeX, y: bottom + 3, width: right - edgeX, height: LANE - 3, class: "lane" }, svg);
    text({ x: edgeX - 6, y: bottom + LANE / 2 + 7, "text-anchor": "end" }, y.floor ? `≤ ${short(y.floor)}` : "0");
  }
  if (x.lane) {
    draw("rect", { x: edgeX, y: top, width: LANE - 3, height: floorY - top, class: "lane" }, svg);
    text({ x: edgeX + LANE / 2 - 2, y: floorY + 17, "text-anchor": "middle" }, x.floor ? `≤ ${short(x.floor)}` : "0");
  }
  if (!runs.length) text({ x: edgeX + 12, y: top + 30 }, points.length ? "None of these fabrics runs here; the strip below says why." : "No fabric fits these filters.");
  staircase(svg, frontOf(runs), px, py);
  runs.sort((p, q) => px(p.a) - px(q.a) || py(p.b) - py(q.b));
  const places = [...runs.map((p) => ({ p, x: px(p.a), y: py(p.b) }))];
  if (not.length) {
    draw("line", { x1: edgeX, x2: right, y1: strip - 16, y2: strip - 16, class: "grid" }, svg);
    text({ x: edgeX, y: strip + 3, class: "name" }, `Does not run, or not known: ${not.length}` + (narrow ? "" : ". Point at a cross for the reason."));
    not.forEach((p, k) => places.push({ p, x: edgeX + 10 + (k % perLine) * pitch, y: strip + 20 + Math.floor(k / perLine) * pitch }));
  }
  names(svg, places, wide, narrow, floorY);
  marks = places.map((place, k) => mark(svg, place, k, places));
  reached = Math.min(reached, Math.max(marks.length - 1, 0));
  const at = marks.findIndex((one) => one.dataset.name === state.fabric);
  if (at >= 0) reached = at;
  if (marks.length) marks[reached].setAttribute("tabindex", 0);
  const low = [x, y].find((axis) => axis.lane);
  byId("count").textContent = `${runs.length} shown, ${not.length} in the strip, of ${data.points.length} fabrics.` +
    (!low ? "" : low.floor ? ` Shaded: at or below ${short(low.floor)}, which a run cannot tell from 0.` : " Shaded: 0, for which a logarithm has no place.");
}

function staircase(svg, front, px, py) {
  const by = [...front].sort((p, q) => px(p.a) - px(q.a) || py(p.b) - py(q.b));
  if (by.length < 2) return;
  const corner = data.measures[state.x].better === "max";
  const path = by.map((p, k) => {
    const [u, v] = [px(p.a), py(p.b)];
    if (!k) return `M${u} ${v}`;
    return corner ? `V${v}H${u}` : `H${u}V${v}`;
  });
  draw("path", { d: path.join(""), class: "front" }, svg);
}

function names(svg, places, wide, narrow, floorY) {
  const ringed = places.filter((one) => !one.p.reason && (one.p.front || one.p.name === state.fabric));
  if (narrow) return;
  const taken = places.filter((one) => !one.p.reason).map((one) => [one.x, one.y, 7]);
  for (const one of placeNames(ringed.map(({ p, x, y }) => ({ name: p.name, x, y })), taken, wide - 6, floorY)) {
    if (one.far > 14) draw("line", { x1: one.x, y1: one.y, x2: Math.min(Math.max(one.x, one.left), one.left + one.wide), y2: one.base > one.y ? one.base - 12 : one.base + 3, class: "leader" }, svg);
    draw("text", { x: one.left + 2, y: one.base, class: "label" }, svg, one.name);
  }
}

function mark(svg, { p, x, y }, k, places) {
  const [colour, shape] = kindOf(p.architecture), picked = p.name === state.fabric;
  const made = draw("g", {
    transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})`, class: "mark" + (p.reason ? " not" : "") + (picked ? " picked" : ""),
    role: "button", tabindex: -1, "aria-pressed": picked, "aria-label": `${p.name}: ${summary(p)}`, "data-name": p.name,
  }, svg);
  draw("circle", { r: 11, class: "reach" }, made);
  if (p.reason) draw("path", { d: "M-4.5 -4.5L4.5 4.5M-4.5 4.5L4.5 -4.5", stroke: colour, class: "cross" }, made);
  else draw("path", { d: shape(p.front ? 7.5 : 5), fill: colour, class: p.front ? "point ring" : "point" }, made);
  const near = places.filter((one, j) => j !== k && Math.hypot(one.x - x, one.y - y) < 4).map((one) => one.p.name);
  const say = () => tip(p, x, y, near);
  made.addEventListener("pointerenter", say);
  made.addEventListener("focus", say);
  made.addEventListener("pointerleave", () => { byId("tip").hidden = true; });
  made.addEventListener("blur", () => { byId("tip").hidden = true; });
  made.addEventListener("click", () => { reached = k; pick(p.name); });
  made.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const to = event.key === "Home" ? 0 : event.key === "End" ? marks.length - 1 : step ? (k + step + marks.length) % marks.length : null;
    if (to !== null) {
      event.preventDefault();
      marks[k].setAttribute("tabindex", -1);
      marks[to].setAttribute("tabindex", 0);
      reached = to;
      marks[to].focus();
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      pick(p.name);
      marks[reached]?.focus();
    } else if (event.key === "Escape") byId("tip").hidden = true;
  });
  return made;
}
const pick = (name) => change({ fabric: name });
function summary(p) {
  if (p.reason) return p.reason;
  return [state.x, state.y].map((name, k) => `${data.measures[name].label} ${short(k ? p.b : p.a)}`).join(", ");
}

// What is known of a mark, beside it.
function tip(p, x, y, near) {
  const place = byId("tip"), svg = byId("plot");
  place.replaceChildren();
  make("strong", place, p.name);
  if (p.reason) make("p", place, p.reason);
  else {
    for (const [measure, value] of [[state.x, p.a], [state.y, p.b]]) {
      const { label, unit, rest } = said(measure);
      const rows = chosen(rowsOf.get(p.name)), standing = standingsOf(rows, measure).join(", ");
      const small = data.measures[measure].floor && value <= data.measures[measure].floor ? "≤ " + short(data.measures[measure].floor) : short(value);
      make("p", place, `${label}: ${small} ${unit}`.trim() + (standing ? ` (${standing})` : ""));
    }
    make("p", place, (p.front ? "On the study's front. " : "") + "Click or Enter selects.", { class: "small" });
  }
  if (near.length) make("p", place, `At the same place: ${near.slice(0, 4).join("; ")}${near.length > 4 ? ` and ${near.length - 4} more` : ""}.`, { class: "small" });
  place.hidden = false;
  const room = svg.clientWidth, width = Math.min(place.offsetWidth, room);
  place.style.left = `${Math.min(Math.max(x + 16 + width > room ? x - width - 16 : x + 16, 0), room - width)}px`;
  place.style.top = `${Math.max(Math.min(y - place.offsetHeight / 2, svg.clientHeight - place.offsetHeight), 0)}px`;
}
