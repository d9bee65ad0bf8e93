// <strategy-card>: the strategy named now, its confidence and where it comes from. Set `.prediction` to a message's data.

import { make, percent, title } from "./words.js";

class StrategyCard extends HTMLElement {
  connectedCallback() {
    if (!this.childElementCount) this.append(make("p", { className: "quiet", textContent: "Waiting for the first prediction." }));
  }

  set prediction(data) {
    const name = make("p", { className: "name" }, make("i"), make("span", { textContent: title(data.strategy_name) }));
    name.firstChild.style.background = `var(--s${data.strategy_id})`;
    const confidence = make("p", { className: "figure" }, percent(data.confidence, 1), make("small", { textContent: " confidence" }));
    const tags = make("p");
    if (data.mock) tags.append(make("span", { className: "tag", textContent: "mock" }));
    if (data.stale) tags.append(make("span", { className: "tag", textContent: "stale" }));
    const facts = make("dl");
    const fact = (term, text) => text && facts.append(make("dt", { textContent: term }), make("dd", { textContent: text }));
    const model = data.model_metadata;
    fact("Symbol", data.symbol);
    fact("As of", data.as_of);
    fact("Close", data.price?.toLocaleString("en", { maximumFractionDigits: 2 }));
    fact("Halting", percent(data.halt_probability, 1));
    fact("Predicted", new Date(data.timestamp).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "medium" }));
    fact("Source", data.source && data.source.name);
    fact("Model", `${model.name ?? "recursive model"}${model.effective_depth ? `, depth ${model.effective_depth}` : ""}, ${model.model_hash.slice(0, 8)}`);
    this.replaceChildren(name, confidence, tags, facts);
  }
}
customElements.define("strategy-card", StrategyCard);
