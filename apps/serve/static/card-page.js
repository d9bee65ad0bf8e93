// The card alone, for a frame in another page: /embed/card, or /embed/card?topic=SYMBOL.

import "./strategy-card.js";
import { Stream, attend } from "./stream.js";

const topic = new URLSearchParams(location.search).get("topic");
const card = document.querySelector("strategy-card");
const stream = new Stream({ types: ["trm_prediction"], limit: 50 });
attend(stream);
const show = (data) => {
  if (data && (!topic || data.symbol === topic)) card.prediction = data;
};
stream.addEventListener("history", ({ detail }) => show(detail.filter((data) => !topic || data.symbol === topic).at(-1)));
stream.addEventListener("message", ({ detail }) => show(detail));
stream.start();
