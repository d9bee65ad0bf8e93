// Lines: a chart of several curves, on axes that are told, with a guide line and bands.
const SERIES = ["var(--accent)", "var(--second)", "var(--third)", "var(--fourth)", "var(--fifth)", "var(--sixth)"];
// Every other line is broken, so that one upon another is seen; a colour that comes again is broken the other way.
const styleOf = (k) => ({ colour: SERIES[k % SERIES.length], dash: (k + Math.floor(k / SERIES.length)) % 2 ? "6 4" : "none" });

// Options: name of x and y, logX, logY, low and high of y, least (what y is held at), guide [value, text], tall.
function lines(figure, title, series, options) {
  make("figcaption", figure, title);
  const svg = draw("svg", { role: "img", "aria-label": `${title}: ${series.map((one) => one.label).join(", ")}` }, figure);
  const wide = Math.max(Math.floor(figure.clientWidth), 240), tall = options.tall || 230, left = 50, right = wide - 16, top = 20, bottom = tall - 40;
  svg.setAttribute("viewBox", `0 0 ${wide} ${tall}`);
  const hold = (v) => (options.least === undefined ? v : Math.max(v, options.least));
  const every = series.flatMap((one) => one.points), xs = every.map((p) => p[0]).filter((v) => !options.logX || v > 0);
  const ys = series.flatMap((one) => [...one.points.map((p) => p[1]), ...(one.band || []).flatMap((p) => [p[1], p[2]])]).map(hold);
  if (options.guide) ys.push(options.guide[0]);
  const span = (values, log) => {
    const [low, high] = [Math.min(...values), Math.max(...values)];
    return log ? [Math.log10(low), Math.log10(Math.max(high, low * 1.5))] : [low, high > low ? high : low + 1];
  };
  const [x0, x1] = span(xs, options.logX);
  let [y0, y1] = span(ys, options.logY);
  if (options.low !== undefined) y0 = Math.min(y0, options.low);
  if (options.high !== undefined) y1 = Math.max(y1, options.high);
  y1 += (y1 - y0) * 0.05;
  const ofX = options.logX ? Math.log10 : (v) => v, ofY = options.logY ? Math.log10 : (v) => v;
  const px = (v) => left + ((ofX(v) - x0) / (x1 - x0)) * (right - left), py = (v) => bottom - ((ofY(hold(v)) - y0) / (y1 - y0)) * (bottom - top);
  const fits = Math.max(5, Math.floor(wide / 90));
  for (const [value, label] of (options.logX ? logTicks : linearTicks)(x0, x1, fits)) {
    draw("line", { x1: px(value), x2: px(value), y1: top, y2: bottom, class: "grid" }, svg);
    draw("text", { x: px(value), y: bottom + 15, "text-anchor": "middle" }, svg, label);
  }
  for (const [value, label] of (options.logY ? logTicks : linearTicks)(y0, y1, 5)) {
    draw("line", { x1: left, x2: right, y1: py(value), y2: py(value), class: "grid" }, svg);
    const held = options.least !== undefined && value <= options.least * (1 + 1e-9);
    draw("text", { x: left - 5, y: py(value) + 4, "text-anchor": "end" }, svg, held ? `≤ ${label}` : label);
  }
  draw("text", { x: right, y: bottom + 32, "text-anchor": "end", class: "name" }, svg, options.x + (options.logX ? " (log)" : ""));
  draw("text", { x: 2, y: 12, class: "name" }, svg, options.y + (options.logY ? " (log)" : ""));
  if (options.guide) {
    draw("line", { x1: left, x2: right, y1: py(options.guide[0]), y2: py(options.guide[0]), class: "guide" }, svg);
  }
  for (const one of series) {
    if (one.band) {
      const path = [...one.band.map((p) => `${px(p[0])},${py(p[2])}`), ...[...one.band].reverse().map((p) => `${px(p[0])},${py(p[1])}`)];
      draw("polygon", { points: path.join(" "), fill: one.colour, "fill-opacity": 0.18 }, svg);
    }
    const points = one.points.filter((p) => !options.logX || p[0] > 0).map((p) => `${px(p[0]).toFixed(1)},${py(p[1]).toFixed(1)}`).join(" ");
    const made = draw("polyline", { points, fill: "none", stroke: one.colour, "stroke-width": 2, "stroke-dasharray": one.dash || "none" }, svg);
    draw("title", {}, made, one.label);
    if (one.points.length < 25) for (const p of points.split(" ").filter(Boolean)) draw("circle", { cx: p.split(",")[0], cy: p.split(",")[1], r: 2.5, fill: one.colour }, svg);
  }
  if (options.guide) draw("text", { x: left + 4, y: py(options.guide[0]) - 4, class: "small" }, svg, options.guide[1]);
}
function legend(place, series) {
  const list = make("ul", place, undefined, { class: "legend" });
  for (const one of series) {
    const item = make("li", list), svg = draw("svg", { width: 26, height: 10, "aria-hidden": "true" }, item);
    draw("line", { x1: 1, x2: 25, y1: 5, y2: 5, stroke: one.colour, "stroke-width": 2.5, "stroke-dasharray": one.dash || "none" }, svg);
    make("span", item, one.label);
  }
}

// The three curves of records: how fast chains forget, whether they agree, and how far from the truth they are.
const CURVES = [
  ["autocorrelation", "Autocorrelation", { x: "lag, sweeps", y: "ρ of all observables", logX: true, low: 0, high: 1 }],
  ["r_hat", "Agreement of chains", { x: "sweeps of a chain after the warm-up", y: "largest split R-hat − 1", logX: true, logY: true, least: 1e-4, guide: [0.01, "R-hat 1.01"] }],
  ["tv", "Distance from the truth", { x: "sweeps of a chain", y: "TV, without bias", logX: true, logY: true, least: 1e-3, guide: [0.005, "below: not told from 0"] }],
];
function curvesOf(place, rows, labelOf) {
  place.replaceChildren();
  const shown = rows.filter((row) => row.curves && Object.keys(row.curves).length);
  if (!shown.length) return void make("p", place, "No curves were kept of these records.", { class: "note" });
  const series = shown.map((row, k) => ({ row, label: labelOf(row), ...styleOf(k) }));
  const grid = make("div", place, undefined, { class: "charts" });
  const charts = CURVES.map(([name, title, options]) => {
    const some = series.map((one) => ({ ...one, points: one.row.curves[name] || [] })).filter((one) => one.points.some((p) => p[0] > 0));
    return [title, some, options];
  }).filter((chart) => chart[1].length);
  // All places first: how wide one is depends on how many there are.
  const figures = charts.map(() => make("figure", grid));
  charts.forEach(([title, some, options], k) => lines(figures[k], title, some, options));
  legend(place, series);
}
