"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";
const LETTER = { measured: "m", modelled: "f", quoted: "q", enumerated: "e", predicted: "p", bounded: "b", counted: "c" };
const COLOURS = { spatial: "var(--accent)", relay: "var(--second)", dense: "#3a8f5c", systolic: "#9a5bbf" };
const ALL = "all workloads: objectives";

function draw(tag, attributes, parent, text) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  parent.appendChild(made);
  return made;
}
const short = (v) => (v === null || v === undefined ? "–" : Math.abs(v) >= 1e5 || (v !== 0 && Math.abs(v) < 1e-3) ? v.toExponential(2) : String(+v.toPrecision(4)));
function options(id, names, chosen) {
  for (const name of names) byId(id).add(new Option(name, name, name === chosen, name === chosen));
  byId(id).addEventListener("change", plot);
}
function valuesOf() {
  const on = byId("workload").value, x = byId("x").value, y = byId("y").value;
  const words = byId("words").value.toLowerCase().split(/\s+/).filter(Boolean), kind = byId("architecture").value;
  const fits = (one) => (kind === "all" || one.architecture === kind) && words.every((w) => one.name.toLowerCase().includes(w));
  if (on === ALL) {
    const names = data.objectives.map((name) => name.split(":")[1]);
    return data.points.filter((p) => p.values && fits(p) && names.includes(x) && names.includes(y)).map((p) =>
      ({ ...p, a: p.values[names.indexOf(x)], b: p.values[names.indexOf(y)], said: names.map((n, k) => `${n} ${short(p.values[k])}`).join(", ") }));
  }
  return data.rows.filter((r) => r.workload === on && r.feasible && fits(r) && r.measures[x] && r.measures[y]).map((r) =>
    ({ ...r, a: r.measures[x][0], b: r.measures[y][0], said: Object.entries(r.measures).map(([n, m]) => `${n} ${short(m[0])} (${m[1]})`).join(", ") }));
}
function ticks(low, high) {
  const found = [], step = Math.max(1, Math.ceil((high - low) / 7));
  for (let k = Math.ceil(low); k <= high; k += step) found.push(k);
  return found.length > 1 ? found : [low, high];
}
function plot() {
  const svg = byId("plot");
  svg.replaceChildren();
  const shown = valuesOf().filter((p) => p.a !== null && p.b !== null);
  const log = (v, name) => Math.log10(Math.max(v, name.endsWith("tv") ? 1e-3 : 1e-12));
  if (!shown.length) { draw("text", { x: 60, y: 60 }, svg, "No fabric has both measures here; choose others."); return; }
  const xs = shown.map((p) => log(p.a, byId("x").value)), ys = shown.map((p) => log(p.b, byId("y").value));
  const pad = (v) => { const low = Math.min(...v), high = Math.max(...v), more = Math.max(0.05, (high - low) * 0.06); return [low - more, high + more]; };
  const [x0, x1] = pad(xs), [y0, y1] = pad(ys);
  const px = (v) => 70 + ((v - x0) / (x1 - x0)) * 790, py = (v) => 370 - ((v - y0) / (y1 - y0)) * 345;
  const label = (k) => short(+(10 ** k).toPrecision(3));
  for (const k of ticks(x0, x1)) { draw("line", { x1: px(k), x2: px(k), y1: 25, y2: 370, stroke: "var(--grid)" }, svg); draw("text", { x: px(k), y: 388, "text-anchor": "middle" }, svg, label(k)); }
  for (const k of ticks(y0, y1)) { draw("line", { x1: 70, x2: 880, y1: py(k), y2: py(k), stroke: "var(--grid)" }, svg); draw("text", { x: 64, y: py(k) + 4, "text-anchor": "end" }, svg, label(k)); }
  draw("text", { x: 880, y: 410, "text-anchor": "end" }, svg, byId("x").value);
  draw("text", { x: 70, y: 15 }, svg, byId("y").value);
  shown.forEach((p, k) => {
    const mark = draw("circle", { cx: px(xs[k]), cy: py(ys[k]), r: p.front ? 8 : 5, fill: COLOURS[p.architecture], "fill-opacity": 0.75, stroke: p.front ? "var(--ink)" : "none", "stroke-width": 2, tabindex: 0 }, svg);
    draw("title", {}, mark, `${p.name}: ${p.said}`);
    const say = () => { byId("tip").textContent = `${p.name}: ${p.said}`; };
    mark.addEventListener("pointerenter", say);
    mark.addEventListener("focus", say);
  });
  Object.entries(COLOURS).forEach(([name, colour], k) => {
    draw("circle", { cx: 560 + 85 * k, cy: 11, r: 5, fill: colour }, svg);
    draw("text", { x: 570 + 85 * k, y: 15 }, svg, name);
  });
}
function curve() {
  const svg = byId("curve"), values = data.hypervolume, most = Math.max(...values, 1e-12);
  const px = (k) => 70 + (k / Math.max(values.length - 1, 1)) * 810, py = (v) => 190 - (v / most) * 165;
  for (const share of [0, 0.5, 1]) { draw("line", { x1: 70, x2: 880, y1: py(share * most), y2: py(share * most), stroke: "var(--grid)" }, svg); draw("text", { x: 64, y: py(share * most) + 4, "text-anchor": "end", "font-size": 12, fill: "var(--quiet)" }, svg, short(share * most)); }
  draw("polyline", { points: values.map((v, k) => `${px(k)},${py(v)}`).join(" "), fill: "none", stroke: "var(--accent)", "stroke-width": 2 }, svg);
  draw("text", { x: 880, y: 212, "text-anchor": "end", "font-size": 12, fill: "var(--quiet)" }, svg, `${values.length} fabrics, in the order judged`);
}
let sorted = { name: "workload", down: false };
function table() {
  const place = byId("records"), rows = data.rows.filter((r) => r.feasible);
  const value = (r, name) => (name in r ? r[name] : r.measures[name] ? r.measures[name][0] : null);
  rows.sort((a, b) => {
    const [u, v] = [value(a, sorted.name), value(b, sorted.name)];
    if (u === null || v === null) return (u === null) - (v === null);
    const order = typeof u === "string" ? u.localeCompare(v) : u - v;
    return sorted.down ? -order : order;
  });
  const head = document.createElement("thead"), line = head.insertRow();
  for (const name of ["name", "workload", ...data.columns]) {
    const cell = document.createElement("th"), button = document.createElement("button");
    cell.scope = "col";
    cell.setAttribute("aria-sort", sorted.name === name ? (sorted.down ? "descending" : "ascending") : "none");
    button.textContent = name + (sorted.name === name ? (sorted.down ? " ▾" : " ▴") : "");
    button.addEventListener("click", () => { sorted = { name, down: sorted.name === name ? !sorted.down : !(name in rows[0]) }; table(); });
    cell.appendChild(button);
    line.appendChild(cell);
  }
  const body = document.createElement("tbody");
  for (const r of rows) {
    const made = body.insertRow();
    const first = document.createElement("th");
    first.scope = "row";
    first.textContent = r.name;
    made.appendChild(first);
    made.insertCell().textContent = r.workload;
    for (const name of data.columns) {
      const cell = made.insertCell(), m = r.measures[name];
      cell.textContent = m ? short(m[0]) + " " : "–";
      if (m) { const mark = document.createElement("small"); mark.textContent = LETTER[m[1]] || "?"; cell.title = `${m[1]}, ${m[2]} ${m[3]}`; cell.appendChild(mark); }
    }
  }
  place.replaceChildren(head, body);
}
const objectives = data.objectives.map((name) => name.split(":")[1]);
const measures = [...new Set([...objectives, ...data.columns])];
const several = data.points.some((p) => p.values);
const workloads = [...new Set(data.rows.map((r) => r.workload))];
options("workload", [ALL, ...workloads], several ? ALL : workloads[0]);
options("x", measures, objectives[0]);
options("y", measures, objectives[1] || objectives[0]);
options("architecture", ["all", ...new Set(data.rows.map((r) => r.architecture))], "all");
byId("words").addEventListener("input", plot);
plot();
curve();
table();
