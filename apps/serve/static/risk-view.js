// A portfolio's risk: what is known of a topic, and how it is shown.

import { make, percent, table } from "./words.js";

const MOST = 1500;
const find = (id) => document.getElementById(id);
const day = (at) => new Date(1000 * at).toISOString().slice(0, 10);
const minus = (text) => text.replace("-", "\u2212");
const share = (value, digits = 2) => minus(percent(value, digits));
const signed = (value, digits = 2) => (value > 0 ? "+" : "") + share(value, digits);
const short = (level) => `${+(100 * level).toFixed(2)}%`;

/** What is known of one portfolio: its scored days, for the chart, and the newest message. */
export class KnownRisk {
  points = [];
  newest = null;

  add(data) {
    const at = Date.parse(`${data.as_of}T00:00:00Z`) / 1000;
    if (data.scored && !(this.points.at(-1)?.at >= at)) {
      const { profit, beyond } = data.scored;
      this.points.push({ at, profit, first: beyond[0], last: beyond.at(-1) });
      if (this.points.length > MOST) this.points.shift();
    }
    this.newest = data;
  }
}

/** Set the chart up; `shown` gives what is known of the topic on the page. */
export function prepareRisk(shown) {
  find("risk-chart").configure({
    lines: [
      { colour: "--quiet", width: 1 }, { colour: "--line-one" }, { colour: "--line-two", dash: [6, 4] },
      { colour: "--bad", points: true },
    ],
    value: (v) => share(v, 1),
    readout: (k) => {
      const point = shown()?.points?.[k];
      return point?.first ? `${day(point.at)} · ${signed(point.profit)} · VaR ${short(point.first.level)} ${share(point.first.var)}` : "";
    },
  });
}

/** Show the newest of `here`; returns what is to be announced, if anything is. */
export function drawRisk(here, name) {
  const data = here.newest, { forecast, record, model } = data, first = forecast.levels[0];
  const facts = make("dl", {});
  const fact = (term, text) => facts.append(make("dt", { textContent: term }), make("dd", { textContent: text }));
  for (const one of forecast.levels) fact(`VaR, ES at ${short(one.level)}`, `${share(one.var)}, ${share(one.es)}${money(data, one.es)}`);
  fact("Volatility", `${share(forecast.volatility, 1)} a year`);
  fact("Held", data.positions.map((one) => `${one.symbol} ${share(one.share, 1)}`).join(", "));
  fact("Known until", data.as_of);
  fact("Learnt from", `${model.days.toLocaleString("en")} days to ${model.fitted}${model.refit ? `, fitted again every ${model.refit} days` : ", fitted once"}`);
  fact("Model", `${model.name}; ${model.draws.toLocaleString("en")} draws on ${model.device}, seed ${model.seed}`);
  fact("Prices", data.source.name);
  find("risk-next").replaceChildren(
    make("p", { className: "name", textContent: name }),
    make("p", { className: "figure" }, share(first.var), make("small", { textContent: ` VaR at ${short(first.level)}, the day after ${data.as_of}` })),
    facts,
  );
  drawHeld(data);
  drawDays(here, name);
  drawCover(record);
  drawDrift(data);
  return record.drift.alarms.length ? `${name}: ${record.drift.alarms.join(", ")}.` : "";
}

const money = (data, value) => (data.money === 1 ? "" : ` (${Math.round(value * data.money).toLocaleString("en")})`);

function drawHeld({ positions, forecast }) {
  const es = forecast.levels.find((one) => one.level === forecast.contributions_at).es;
  const most = Math.max(...positions.map((one) => Math.abs(one.es)), 1e-12);
  const lines = positions.map((one) => {
    const fill = make("i", { className: one.es < 0 ? "less" : "" });
    fill.style.width = `${(50 * Math.abs(one.es)) / most}%`;
    const cells = [share(one.share, 1), share(one.es), share(one.es / es, 0), share(one.volatility, 1), one.price.toLocaleString("en", { maximumFractionDigits: 2 })];
    return make("tr", {}, make("th", { scope: "row", textContent: one.symbol }), make("td", { className: "sides-cell" }, make("span", { className: "sides" }, fill)), ...cells.map((text) => make("td", { textContent: text })));
  });
  const head = ["Position", "", "Held", "Part of ES", "Of ES", "Volatility", "Price"];
  find("risk-held").replaceChildren(
    make("table", {},
      make("caption", { className: "unseen", textContent: "Positions and what each adds to the expected shortfall" }),
      make("thead", {}, make("tr", {}, ...head.map((text) => make(text ? "th" : "td", text ? { scope: "col", textContent: text } : {})))),
      make("tbody", {}, ...lines)),
    make("p", { className: "quiet small", textContent: `Parts sum to ES at ${short(forecast.contributions_at)}, ${share(es)} of the money; to the left of the middle, what lowers it.` }),
  );
}

function drawDays(here, name) {
  const points = here.points, data = here.newest;
  const [first, last] = [data.forecast.levels[0].level, data.forecast.levels.at(-1).level];
  find("risk-first").textContent = `VaR ${short(first)}`;
  find("risk-last").textContent = `VaR ${short(last)}`;
  if (!points.length) return;
  const hits = points.filter((point) => point.first.hit).length;
  find("risk-chart").set(
    [points.map((p) => p.at), points.map((p) => p.profit), points.map((p) => -p.first.var), points.map((p) => -p.last.var), points.map((p) => (p.first.hit ? p.profit : null))],
    `Profits of ${name}, ${day(points[0].at)} to ${day(points.at(-1).at)}, ${points.length} days, ${hits} of them beyond VaR at ${short(first)}.`,
  );
  if (find("risk-days").closest("details").open) {
    const rows = points.slice(-20).reverse().map((p) => [day(p.at), signed(p.profit), share(p.first.var), share(p.last.var), p.first.hit ? `beyond ${short(p.first.level)}` : p.last.hit ? `beyond ${short(p.last.level)}` : ""]);
    find("risk-days").replaceChildren(table("Newest days", ["Day", "Profit", `VaR ${short(first)}`, `VaR ${short(last)}`, "Beyond"], rows));
  }
}

function drawCover(record) {
  if (!record.days) {
    find("risk-cover").replaceChildren(make("p", { className: "quiet", textContent: "No day scored yet." }));
    return;
  }
  const rows = record.levels.map((one) => [short(one.level), String(one.breaches), one.expected.toFixed(1), share(one.breaches / record.days), one.kupiec === null ? "\u2013" : one.kupiec.toFixed(3)]);
  const made = table("Coverage", ["Level", "Beyond", "Expected", "Share", "Kupiec p"], rows);
  record.levels.forEach((one, k) => one.kupiec !== null && one.kupiec < 0.05 && made.tBodies[0].rows[k].lastChild.classList.add("flag"));
  const zone = record.recent.zone;
  find("risk-cover").replaceChildren(
    made,
    make("p", { className: "quiet small", textContent: `${record.days.toLocaleString("en")} days scored since ${record.since}; each by a forecast made before it.` }),
    ...(zone ? [make("p", {}, make("span", { className: `zone ${zone}` }), `${record.recent.beyond.length} of the last ${record.recent.days} days beyond 1%: ${zone} zone.`)] : []),
  );
}

function drawDrift({ record, left_out }) {
  const { pit, drift } = record, most = Math.max(...pit.bins, 1);
  const bins = make("div", { className: "bins", role: "img", ariaLabel: `Places of profits in their forecasts by tenths: ${pit.bins.join(", ")}` });
  for (const count of pit.bins) {
    const fill = make("i");
    fill.style.height = `${(100 * count) / most}%`;
    bins.append(make("span", {}, fill));
  }
  const level = make("b");
  level.style.bottom = `${(100 * record.days) / pit.bins.length / most}%`;
  bins.append(level);
  const sums = make("ul", { className: "rows sums" });
  for (const one of drift.sums) {
    const fill = make("i");
    fill.style.transform = `scaleX(${Math.min(1, one.sum / one.limit)})`;
    sums.append(make("li", {}, make("span", { className: one.shown ? "label flag" : "label", textContent: one.watched }), make("span", { className: "track" }, fill), make("span", { className: "value", textContent: one.shown ? "alarm" : percent(one.sum / one.limit) })));
  }
  const said = drift.alarms.length ? make("p", {}, make("span", { className: "flag", textContent: `Alarm: ${drift.alarms.join(", ")}` })) : make("p", { className: "quiet", textContent: "No alarm." });
  find("risk-drift").replaceChildren(
    said, sums,
    make("p", { className: "quiet small", textContent: "Cumulative sums, as shares of the limit at which they raise an alarm." }),
    bins,
    make("p", { className: "quiet small", textContent: `Places of profits in their forecasts, losses left; level (the line) where forecasts are right${pit.uniform === null ? "" : `, p ${pit.uniform.toFixed(3)}`}.` }),
    ...(left_out.rows ? [make("p", { className: "quiet small", textContent: `Rows left out: ${left_out.rows}. ${left_out.last}` })] : []),
  );
}
