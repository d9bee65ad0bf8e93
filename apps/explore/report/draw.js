"use strict";
// Drawing: the data, and the numbers, axes and marks that all pictures of the page share.
const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";

function draw(tag, attributes, parent, text) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  parent.appendChild(made);
  return made;
}
function make(tag, parent, text, attributes = {}) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  if (parent) parent.appendChild(made);
  return made;
}

const HIGH = "⁰¹²³⁴⁵⁶⁷⁸⁹";
const power = (k) => "10" + (k < 0 ? "⁻" : "") + [...String(Math.abs(k))].map((digit) => HIGH[digit]).join("");
function short(value) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  if (size === 0 || (size < 1e5 && size >= 1e-3)) return String(+value.toPrecision(4)).replace("-", "−");
  let k = Math.floor(Math.log10(size));
  const head = +(value / 10 ** k).toPrecision(3);
  return (head === 1 ? "" : String(head).replace("-", "−") + "·") + power(k);
}

// An axis that the data choose: logarithmic where values span a decade, linear else. Values at or below `floor`, and
// those a logarithm has no place for, go to a lane of their own at its lower end.
function axisOf(values, floor = 0, most = 7) {
  const over = values.filter((value) => value > floor);
  const log = over.length > 0 && Math.max(...over) >= 10 * Math.min(...over) && values.every((value) => value >= 0);
  const lane = over.length < values.length && (log || floor > 0), placed = lane ? over : values;
  const of = log ? Math.log10 : (value) => value;
  const ends = placed.length ? [Math.min(...placed), Math.max(...placed)] : [floor || 1, 2 * (floor || 1)];
  if (lane && floor) ends[0] = floor;
  let [low, high] = ends.map(of);
  const more = (high - low) * 0.06 || (log ? 0.15 : Math.abs(high) * 0.1 || 1);
  high += more;
  if (!(lane && floor)) low -= more;
  if (!log && !floor && ends[0] >= 0) low = ends[0] < 0.4 * ends[1] ? 0 : Math.max(low, 0);
  return {
    log, lane, floor,
    inLane: (value) => lane && !(value > floor),
    at: (value) => Math.min(1, Math.max(0, (of(value) - low) / (high - low))),
    ticks: log ? logTicks(low, high, most) : linearTicks(low, high, most),
  };
}
function logTicks(a, b, most) {
  const decades = [];
  for (let k = Math.ceil(a - 1e-9); k <= b + 1e-9; k++) decades.push(k);
  if (decades.length >= 3) {
    const step = Math.ceil(decades.length / most);
    return decades.filter((k) => k % step === 0).map((k) => [10 ** k, k >= -2 && k <= 4 ? String(+(10 ** k).toPrecision(1)) : power(k)]);
  }
  for (const parts of [[1, 2, 5], [1, 2, 3, 5, 7], [1, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9]]) {
    const found = [];
    for (let k = Math.floor(a); k <= Math.ceil(b); k++) {
      for (const part of parts) {
        const value = +(part * 10 ** k).toPrecision(3);
        if (Math.log10(value) >= a - 1e-9 && Math.log10(value) <= b + 1e-9) found.push([value, short(value)]);
      }
    }
    if (found.length >= 3) return found;
  }
  return linearTicks(10 ** a, 10 ** b, most).filter(([value]) => value > 0);
}
function linearTicks(a, b, most) {
  const rough = (b - a) / Math.max(most - 1, 2), scale = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((part) => part * scale >= rough) * scale, found = [];
  for (let k = Math.ceil(a / step - 1e-9); k * step <= b + step * 1e-9; k++) found.push([+(k * step).toPrecision(12), short(k * step)]);
  return found;
}

// Marks differ in shape as well as in colour.
const KINDS = {
  spatial: ["var(--accent)", (r) => `M${r} 0A${r} ${r} 0 1 1 ${-r} 0A${r} ${r} 0 1 1 ${r} 0Z`],
  relay: ["var(--second)", (r) => `M${-r * 0.9} ${-r * 0.9}H${r * 0.9}V${r * 0.9}H${-r * 0.9}Z`],
  dense: ["var(--third)", (r) => `M0 ${-r * 1.2}L${r * 1.1} ${r * 0.8}H${-r * 1.1}Z`],
  systolic: ["var(--fourth)", (r) => `M0 ${-r * 1.3}L${r * 1.3} 0L0 ${r * 1.3}L${-r * 1.3} 0Z`],
};
const kindOf = (architecture) => KINDS[architecture] || KINDS.spatial;

// Places for names beside their marks, nearest first; a name that would cover another, or a mark, is left out.
function placeNames(marks, taken, width, height) {
  const boxes = taken.map(([x, y, r]) => [x - r, y - r, x + r, y + r]), found = [];
  const free = (box) => box[0] >= 2 && box[1] >= 2 && box[2] <= width && box[3] <= height &&
    boxes.every((one) => box[2] <= one[0] || one[2] <= box[0] || box[3] <= one[1] || one[3] <= box[1]);
  for (const mark of marks) {
    const wide = 6.4 * mark.name.length + 4;
    const spots = [];
    for (const far of [14, 24, 40, 60]) {
      spots.push([far, 4], [-far - wide, 4], [-wide / 2, -far - 2], [-wide / 2, far + 12], [far, -far], [far, far + 8], [-far - wide, -far], [-far - wide, far + 8]);
    }
    for (const [dx, dy] of spots) {
      const box = [mark.x + dx, mark.y + dy - 12, mark.x + dx + wide, mark.y + dy + 3];
      if (!free(box)) continue;
      boxes.push(box);
      found.push({ ...mark, left: box[0], base: mark.y + dy, wide, far: Math.hypot(Math.max(box[0] - mark.x, mark.x - box[2], 0), Math.max(box[1] - mark.y, mark.y - box[3], 0)) });
      break;
    }
  }
  return found;
}
