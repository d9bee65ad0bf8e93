// The page: what comes in by the stream, shown; strategy predictions here, a portfolio's risk by risk-view.js.

import "./fabric-view.js";
import "./strategy-card.js";
import "./time-chart.js";
import { KnownRisk, drawRisk, prepareRisk } from "./risk-view.js";
import { Stream, attend } from "./stream.js";
import { make, percent, table, title } from "./words.js";

const STRATEGIES = [
  "ultra_defensive", "defensive", "balanced_safe", "balanced_growth", "growth", "aggressive_growth", "contrarian_long",
  "tactical_opportunity",
];
const FEATURES = [
  "vix_level", "spy_returns_5d", "spy_returns_20d", "volume_ratio", "market_breadth", "correlation", "put_call_ratio",
  "gini_coefficient", "sector_dispersion", "signal_quality_score",
];
const MOST = 1500;
const find = (id) => document.getElementById(id);
const fetched = new Map(); // pictures of fabrics, by name

/** What is known of one symbol: points for the charts, a day each, and the newest message. */
class Known {
  points = [];
  newest = null;

  add(data) {
    const at = data.as_of ? Date.parse(`${data.as_of}T00:00:00Z`) / 1000 : Date.parse(data.timestamp) / 1000;
    const point = { at, id: data.strategy_id, confidence: data.confidence, halt: data.halt_probability, price: data.price ?? null };
    const last = this.points.at(-1);
    if (last && at <= last.at) this.points.pop(); // the day's newer call takes the place of the older
    if (!this.points.length || at > this.points.at(-1).at) this.points.push(point);
    if (this.points.length > MOST) this.points.shift();
    this.newest = data;
  }

  /** Days in a row with one strategy: [{id, from, to, days}], `to` the first day of the next. */
  regimes() {
    const found = [];
    for (const point of this.points) {
      const run = found.at(-1);
      if (run) run.to = point.at;
      if (run && run.id === point.id) run.days++;
      else found.push({ id: point.id, from: point.at, to: point.at, days: 1 });
    }
    return found;
  }
}

const known = new Map();
let shown = null, paused = false, due = false, announced = null, sampleTurn = 0, beats = {};

customElements.define(
  "probability-bars",
  class extends HTMLElement {
    connectedCallback() {
      this.list = make("ul", { className: "rows" });
      STRATEGIES.forEach((name, k) => this.list.append(bar(title(name), `var(--s${k})`, true)));
      this.append(this.list);
    }
    set prediction(data) {
      STRATEGIES.forEach((name, k) => {
        setBar(this.list.children[k], data.probabilities[name], 1);
        this.list.children[k].classList.toggle("best", k === data.strategy_id);
      });
    }
  },
);

function bar(label, colour, swatch = false) {
  const fill = make("i"), name = make("span", { className: "label" }, label);
  fill.style.background = colour;
  fill.style.transform = "scaleX(0)";
  if (swatch) {
    const patch = make("i", { className: "swatch" });
    patch.style.background = colour;
    name.prepend(patch);
  }
  return make("li", {}, name, make("span", { className: "track" }, fill), make("span", { className: "value", textContent: "–" }));
}

function setBar(row, share, digits = 0) {
  row.querySelector(".track i").style.transform = `scaleX(${share})`;
  row.querySelector(".value").textContent = percent(share, digits);
}

const day = (at) => new Date(1000 * at).toISOString().slice(0, 10);

function draw() {
  due = false;
  const here = known.get(shown);
  if (!here?.newest) return;
  const view = here instanceof KnownRisk ? "risk" : "strategy";
  find("main").dataset.view = view;
  find("what").textContent = view === "risk" ? "portfolio risk, live" : "strategy, live";
  document.title = `${view === "risk" ? "Portfolio risk" : "Strategy"}, live · thermofab`;
  if (view === "risk") {
    const said = drawRisk(here, shown);
    if (announced !== null && said && announced !== said) find("announce").textContent = said;
    announced = said ?? announced ?? "";
    drawBanners(here.newest);
    find("foot").textContent = `Message ${here.newest.sequence}, schema ${here.newest.schema_version}.`;
    return;
  }
  const data = here.newest, points = here.points, xs = points.map((point) => point.at);
  document.querySelector("strategy-card").prediction = data;
  document.querySelector("probability-bars").prediction = data;
  const prices = points.map((point) => point.price);
  const regimes = here.regimes(), changes = regimes.length - 1;
  const span = points.length ? `${day(xs[0])} to ${day(xs.at(-1))}` : "";
  find("price").set([xs, prices], `Price of ${shown}, ${span}, ${number(prices[0])} to ${number(prices.at(-1))}; the strategy changed ${changes} times and is ${title(data.strategy_name)} now. The table below has the regimes.`);
  find("confidence").set([xs, points.map((p) => p.confidence), points.map((p) => p.halt)], `Confidence and halting, ${span}; now ${percent(data.confidence)} and ${percent(data.halt_probability)}.`);
  if (find("regimes").closest("details").open) {
    const rows = regimes.slice(-40).reverse().map((run) => [title(STRATEGIES[run.id]), day(run.from), String(run.days)]);
    find("regimes").replaceChildren(table("Regimes, newest first", ["Strategy", "From", "Days"], rows));
  }
  if (find("values").closest("details").open) {
    const rows = points.slice(-20).reverse().map((p) => [day(p.at), number(p.price), title(STRATEGIES[p.id]), percent(p.confidence, 1), percent(p.halt, 1)]);
    find("values").replaceChildren(table("Newest values", ["Day", "Close", "Strategy", "Confidence", "Halting"], rows));
  }
  drawPlan(data.plan);
  drawAccuracy(data);
  drawBanners(data);
  if (announced !== null && announced !== data.strategy_name)
    find("announce").textContent = `${shown}: the strategy is now ${title(data.strategy_name)}, confidence ${percent(data.confidence)}.`;
  announced = data.strategy_name;
  find("foot").textContent = `Message ${data.sequence}, schema ${data.schema_version}.`;
}

function described(k, words) {
  const point = known.get(shown)?.points[k];
  return point ? `${day(point.at)} · ${words(point)}` : "";
}

const number = (value) => (value === null || value === undefined ? "–" : value.toLocaleString("en", { maximumFractionDigits: 2 }));

function drawPlan(plan) {
  const box = find("plan");
  if (!plan) {
    box.replaceChildren(make("p", { className: "quiet", textContent: "The messages carry no plan." }));
    delete box.dataset.fabric;
    return;
  }
  if (box.dataset.fabric !== plan.fabric || box.querySelectorAll(".rows li").length !== plan.allocation.length) {
    box.dataset.fabric = plan.fabric;
    const rows = make("ul", { className: "rows days" }, ...plan.allocation.map((entry) => bar("", "var(--accent)")));
    box.replaceChildren(
      make("div", { className: "split" }, make("div", {}, make("fabric-view"), make("p", { className: "quiet small", id: "sample" })), rows),
      make("p", { className: "quiet small", id: "plan-facts" }),
    );
  }
  const view = box.querySelector("fabric-view");
  view.marginals = plan.marginals;
  showSample(plan);
  plan.allocation.forEach((entry, k) => {
    const row = box.querySelectorAll(".rows li")[k];
    row.querySelector(".label").textContent = entry.label.replaceAll("_", " ");
    setBar(row, entry.probability);
  });
  find("plan-facts").textContent = `Shade: share of samples with the site on. Dot: on in the sample shown. Bars: probability of the choice named. ${plan.replicas} chains on ${plan.fabric} (${plan.device}), spread ${plan.spread.toFixed(3)}.`;
  if (!fetched.has(plan.fabric))
    fetched.set(plan.fabric, stream.get(`/api/fabric/${encodeURIComponent(plan.fabric)}`).catch(() => fetched.delete(plan.fabric) && null));
  fetched.get(plan.fabric).then((picture) => {
    if (picture && view.picture !== picture) view.picture = picture;
  });
}

function showSample(plan) {
  const k = sampleTurn % plan.spins.length;
  find("plan").querySelector("fabric-view").states = plan.spins[k];
  find("sample").textContent = `Sample ${k + 1} of ${plan.spins.length}`;
}

function drawAccuracy(data) {
  const found = data.realised, box = find("accuracy");
  if (found?.count) {
    const facts = make("dl", { className: "facts" });
    const fact = (term, text) => facts.append(make("div", {}, make("dt", { textContent: term }), make("dd", { textContent: text })));
    fact("Hits", `${found.hits.toLocaleString("en")} of ${found.count.toLocaleString("en")}`);
    fact("Accuracy", percent(found.hits / found.count, 1));
    if (found.baseline_hits !== undefined) fact("Always the same call", percent(found.baseline_hits / found.count, 1));
    const children = [facts];
    if (found.baseline_hits !== undefined) {
      const apart = (found.hits - found.baseline_hits) / found.count;
      children.push(make("p", { textContent: `${(100 * Math.abs(apart)).toFixed(1)} points ${apart > 0 ? "above" : "below"} always making the same call.` }));
    }
    if (found.definition) children.push(make("p", { className: "quiet small", textContent: found.definition }));
    box.replaceChildren(...children);
  }
  if (data.drift) {
    const names = [...data.drift.features.map(title), ...(data.drift.calibration ? ["calibration"] : [])];
    const said = find("drift");
    said.className = names.length ? "" : "quiet";
    said.replaceChildren(names.length ? make("span", { className: "flag", textContent: `Drifting: ${names.join(", ")}` }) : "None seen.");
  }
  const rows = FEATURES.map((name, k) => [
    title(name),
    data.feature_mask[k] ? "absent" : data.raw_features[k].toFixed(Math.abs(data.raw_features[k]) < 10 ? 4 : 2),
    data.normalized_features[k] === null || data.feature_mask[k] ? "–" : data.normalized_features[k].toFixed(2),
  ]);
  find("features").replaceChildren(table("Features", ["Feature", "Value", "Normalised"], rows));
}

function drawBanners(data) {
  const said = [], beat = beats[shown];
  if (data.mock && data.type === "portfolio_risk") said.push(["Mock.", "Prices are made up."]);
  else if (data.mock) said.push(["Mock.", `No trained model is behind this: ${data.model_metadata.name ?? "a stand-in"}${data.source?.kind === "mock" ? ", on made-up prices" : ""}.`]);
  if (data.source?.kind === "replay") said.push(["Replay.", "These are past days, played again; they are not today's market."]);
  if (beat?.state === "ended") said.push(["Ended.", "There are no more days to play."]);
  else if (data.stale || beat?.stale) said.push(["Stale.", "The newest data are older than they should be."]);
  if (beat?.state === "failing") said.push(["Failing.", "The predictor fails; the server tries again."]);
  const text = said.map((parts) => parts.join(" ")).join("\n"), box = find("banners");
  if (box.dataset.text === text) return; // said once, not with every message
  box.dataset.text = text;
  box.replaceChildren(...said.map(([head, rest]) => make("p", { className: "banner" }, make("strong", { textContent: head }), rest)));
}

function later() {
  if (due || paused) return;
  due = true;
  requestAnimationFrame(draw);
}

function learn(data) {
  if (!known.has(data.symbol)) {
    known.set(data.symbol, data.type === "portfolio_risk" ? new KnownRisk() : new Known());
    const names = [...known.keys()].sort();
    find("topic").replaceChildren(...names.map((name) => make("option", { value: name, textContent: name })));
    find("topic-choice").hidden = names.length < 2;
    shown ??= data.symbol;
    find("topic").value = shown;
  }
  known.get(data.symbol).add(data);
}

find("price").configure({
  lines: [{ colour: "--ink", width: 1.5 }],
  value: (v) => v.toLocaleString("en"),
  readout: (k) => described(k, (p) => `${number(p.price)} · ${title(STRATEGIES[p.id])}`),
  // The chart may be drawn anew while another kind of topic is shown.
  bands: () => known.get(shown)?.regimes?.().map((run) => [run.from, run.to, `--s${run.id}`]) ?? [],
});
find("confidence").configure({
  lines: [{ colour: "--line-one" }, { colour: "--line-two", dash: [6, 4] }],
  range: [0, 1],
  value: (v) => percent(v),
  readout: (k) => described(k, (p) => `confidence ${percent(p.confidence, 1)} · halting ${percent(p.halt, 1)}`),
});
prepareRisk(() => known.get(shown));
STRATEGIES.forEach((name, k) => {
  const patch = make("i", { className: "swatch" });
  patch.style.background = `var(--s${k})`;
  find("legend").append(make("li", {}, patch, title(name)));
});
find("topic").addEventListener("change", (event) => {
  shown = event.target.value;
  announced = null;
  delete find("plan").dataset.fabric;
  later();
});
find("pause").addEventListener("click", () => {
  paused = !paused;
  find("pause").setAttribute("aria-pressed", String(paused));
  later();
});
for (const id of ["regimes", "values", "risk-days"]) find(id).closest("details").addEventListener("toggle", later);
setInterval(() => {
  const plan = known.get(shown)?.newest?.plan;
  if (!plan || paused || matchMedia("(prefers-reduced-motion: reduce)").matches || !find("sample")) return;
  sampleTurn++;
  showSample(plan);
}, 900);

const stream = new Stream({
  types: ["trm_prediction", "portfolio_risk"],
  omit: ["positions", "record", "model", "plan", "raw_features", "normalized_features", "feature_mask", "probabilities", "model_metadata", "realised", "source", "drift"],
});
attend(stream);
stream.addEventListener("history", ({ detail }) => {
  known.clear();
  shown = null;
  for (const data of detail) learn(data);
  // A symbol whose newest message is older than the history has only its points until its next message.
  for (const one of known.values()) if (!one.newest.probabilities && !one.newest.record) one.newest = null;
  later();
});
stream.addEventListener("message", ({ detail }) => {
  learn(detail);
  later();
});
stream.addEventListener("heartbeat", ({ detail }) => {
  beats = detail.topics;
  later();
});
stream.addEventListener("refused", ({ detail }) => {
  find("log-panel").hidden = false;
  find("log").append(make("li", { textContent: `${new Date().toLocaleTimeString("en-GB")} ${detail.sentence}` }));
  while (find("log").children.length > 8) find("log").firstChild.remove();
});
stream.start();
