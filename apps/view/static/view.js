// The page: joins the connection to the fabric, the controls, the energy and the selected node.

import "./energy-trace.js";
import "./fabric-canvas.js";
import { Link } from "./link.js";
import { counted, factorOf, labelled, plural } from "./numbers.js";
import { make } from "/shared/words.js";

const $ = (id) => document.getElementById(id);
const fabric = document.querySelector("fabric-canvas"), trace = document.querySelector("energy-trace");
const connection = document.querySelector("connection-state"), form = document.querySelector("token-form");
const SWEEPS = [1, 2, 5, 10, 20, 50, 100, 200, 300, 500, 1000];
const link = new Link();
let picture = null, status = null, frame = null, chosen = null, pointed = null, clamps = new Map();
let newest = "", dragged = {}, arrivals = [];

const announce = (text) => ($("announce").textContent = text);

// What a node is

const statesOf = (node) => (picture.tables[node] ? Math.max(...picture.tables[node]) + 1 : 2);
const named = (node, state) => (picture.tables[node] ? `state ${state}` : state ? "+1 (up)" : "−1 (down)");

function stateOf(node) {
  const bits = picture.roots[node].map((site) => frame.states[site]), table = picture.tables[node];
  return table ? table[bits.reduce((code, bit) => 2 * code + bit, 0)] : bits[0];
}

const sharesOf = (node) => picture.roots[node].map((site) => (frame.marginals[site] / 255).toFixed(2)).join(", ");

function sentence(node) {
  const sites = fabric.sitesOf[node], held = clamps.has(node);
  const now = frame ? `, ${held ? "clamped at" : "now"} ${named(node, held ? clamps.get(node) : stateOf(node))}, ${picture.tables[node] ? "bits up with P" : "P(+1)"} = ${sharesOf(node)}` : "";
  return `Node ${picture.nodes[node]} on ${plural(sites.length, "site")}${now}.`;
}

function hold(node, state) {
  link.send({ type: "clamp", node, state });
  // Known here before the server says so: the next click goes on from it.
  state === null ? clamps.delete(node) : clamps.set(node, state);
  announce(state === null ? `Node ${picture.nodes[node]} is free.` : `Node ${picture.nodes[node]} is clamped at ${named(node, state)}.`);
}

// Free, then the states in turn (up before down for a spin), then free again.
function cycle(node) {
  const order = picture.tables[node] ? [null, ...Array(statesOf(node)).keys()] : [null, 1, 0];
  const place = order.indexOf(clamps.has(node) ? clamps.get(node) : null);
  hold(node, order[(place + 1) % order.length]);
}

// The picture

const LEGENDS = {
  states: [["on", "+1 (up)"], ["off", "−1 (down)"]],
  marginals: [["ramp", "P(+1) from 0 to 1, over all chains"]],
  placement: [["plain", "node on one site"], ["several", "node on several sites"], ["root", "its root, where it is read"]],
};

function legend() {
  const mode = document.querySelector("[data-mode][aria-pressed=true]").dataset.mode, rows = [...LEGENDS[mode]];
  if (mode === "placement" && picture?.owner.includes(-2)) rows.push(["hidden", "spin that no node is read from"]);
  if (picture?.wires.length) rows.push(["wire", "wire within a node"]);
  if (clamps.size) rows.push(["held", "clamped"]);
  if (picture?.owner.includes(-1)) rows.push(["none", "site not used"]);
  if ($("couplings").checked || chosen !== null) rows.push(["plus", "coupling > 0"], ["minus", "coupling < 0"]);
  const key = rows.join();
  if (key === $("legend").dataset.key) return;
  $("legend").dataset.key = key;
  $("legend").replaceChildren(...rows.map(([look, text]) => make("li", {}, make("i", { className: look }), text)));
}

link.addEventListener("picture", ({ detail }) => {
  const key = JSON.stringify(detail);
  if (key === newest) return;
  newest = key;
  [picture, frame, chosen] = [detail, null, null];
  fabric.picture = picture;
  trace.clear();
  $("what").textContent = `${picture.title} on ${picture.fabric}`;
  document.title = `${picture.title} on ${picture.fabric} · thermofab`;
  const several = fabric.sitesOf.filter((sites) => sites.length > 1).length;
  const about = `${picture.fabric}: ${plural(picture.nodes.length, "node")} on ${counted(picture.owner.filter((node) => node !== -1).length)} of ${plural(picture.sites.length, "site")}, ${several} of them on several sites`;
  fabric.canvas.setAttribute("aria-label", `Fabric ${about}`);
  fabric.dataset.about = about;
  legend();
  selected();
});

// What is run

link.addEventListener("status", ({ detail }) => {
  status = detail;
  $("main").inert = false;
  clamps = new Map(status.clamp);
  fabric.clamps = clamps;
  $("device").textContent = status.device;
  $("chains").textContent = status.replicas;
  $("seed-now").textContent = status.seed;
  if (document.activeElement !== $("seed")) $("seed").value = status.seed;
  $("beta").disabled = Boolean(status.fixed_beta);
  $("beta-why").hidden = !status.fixed_beta;
  $("beta-why").textContent = status.fixed_beta ?? "";
  if (!(dragged.beta > Date.now() - 600)) $("beta").value = status.factor;
  if (!(dragged.sweeps > Date.now() - 600)) $("sweeps").value = nearest(status.sweeps_per_frame);
  $("beta-now").textContent = labelled(status.factor * picture.beta);
  sliders();
  $("run").textContent = status.running ? "Pause" : "Run";
  $("step").disabled = status.running;
  $("trouble").hidden = !status.trouble;
  $("trouble").textContent = status.trouble && `The device stopped: ${status.trouble} Restart when it can be reached again.`;
  $("clamp-count").textContent = clamps.size ? `${plural(clamps.size, "node")} clamped` : "No node is clamped";
  $("free").disabled = !clamps.size;
  legend();
  selected();
});

const nearest = (sweeps) => SWEEPS.findLastIndex((count) => count <= sweeps);

function sliders() {
  const factor = Number($("beta").value), held = dragged.sweeps > Date.now() - 600;
  $("beta-out").textContent = `× ${factorOf(factor)}`;
  $("beta").setAttribute("aria-valuetext", `${factorOf(factor)} times the program's`);
  const sweeps = held || !status ? SWEEPS[$("sweeps").value] : status.sweeps_per_frame;
  $("sweeps-out").textContent = sweeps;
  $("sweeps").setAttribute("aria-valuetext", plural(sweeps, "sweep"));
}

link.addEventListener("frame", ({ detail }) => {
  const begins = !frame || detail.leg !== frame.leg || detail.restarts !== frame.restarts;
  frame = detail;
  fabric.frame = frame;
  trace.add(frame.energy, begins && trace.says !== "No frames yet.");
  arrivals.push(performance.now());
  if (arrivals.length > 40) arrivals.shift();
});

// Numbers are read, not watched: a few times a second is enough.
function numbers() {
  if (!frame || !status) return;
  $("sweeps-now").textContent = counted(frame.sweeps);
  $("leg-now").textContent = frame.leg;
  $("leg-seed").textContent = status.seed + frame.leg;
  const recent = arrivals.filter((at) => at > performance.now() - 2500);
  const rate = recent.length > 1 ? (1000 * (recent.length - 1)) / (recent.at(-1) - recent[0]) : 0;
  $("rate").textContent = status.running ? `${Math.round(rate)} frames/s` : "paused";
  $("rate").title = `the device takes ${(1000 * frame.seconds).toFixed(1)} ms per frame`;
  $("energy").textContent = labelled(frame.energy);
  $("trace-says").textContent = trace.says;
  const up = frame.states.reduce((sum, state, site) => sum + (picture.owner[site] !== -1 ? state : 0), 0);
  const agree = frame.agree < 0.9995 ? ` Copies agree in ${Math.round(100 * frame.agree)}% of samples.` : "";
  const crowd = fabric.crowded ? " Zoom in to see couplings." : "";
  const shown = pointed ?? null;
  $("readout").textContent = shown !== null ? sentence(shown) : `${fabric.dataset.about}; ${counted(up)} sites up.${agree}${crowd}`;
  live();
}
setInterval(numbers, 150);

// The selected node

function selected() {
  if (chosen === null || !picture) {
    $("chosen").replaceChildren(make("p", { className: "quiet small", textContent: "None selected. Click one, or write its name." }));
    return;
  }
  const node = chosen, held = clamps.has(node) ? clamps.get(node) : null, roots = new Set(picture.roots[node]);
  const key = `${newest.length}:${node}:${held}`;
  if ($("chosen").dataset.key === key && $("now")) return;
  const focus = document.activeElement?.dataset?.state;
  $("chosen").dataset.key = key;
  const sites = fabric.sitesOf[node].map((site) => (roots.has(site) ? `${site} (root)` : `${site}`)).join(", ");
  const fact = (term, ...text) => make("div", {}, make("dt", { textContent: term }), make("dd", {}, ...text));
  const choice = (state, text) => {
    const button = make("button", { type: "button", textContent: text, onclick: () => hold(node, state) });
    button.dataset.state = String(state);
    button.setAttribute("aria-pressed", String(held === state));
    return button;
  };
  const states = picture.tables[node] ? [...Array(statesOf(node)).keys()].map((state) => choice(state, String(state))) : [choice(1, "+1"), choice(0, "−1")];
  $("chosen").replaceChildren(
    make("dl", { className: "facts" }, fact("Node", picture.nodes[node]), fact("Sites", sites || "none: its value was known when compiled"), fact("Now", make("span", { id: "now" })), fact(picture.tables[node] ? "P(bit)" : "P(+1)", make("span", { id: "share" }))),
  );
  if (roots.size) $("chosen").append(make("div", { className: "hold", role: "group", ariaLabel: "Clamp" }, "Clamp at", ...states, choice(null, "Free")));
  if (focus !== undefined) $("chosen").querySelector(`[data-state="${focus}"]`)?.focus();
  live();
}

function live() {
  if (chosen === null || !frame || !$("now") || !picture.roots[chosen].length) return;
  $("now").textContent = named(chosen, stateOf(chosen));
  $("share").textContent = sharesOf(chosen);
}

fabric.addEventListener("choose", ({ detail }) => {
  chosen = detail;
  if (chosen !== null) {
    $("node").value = picture.nodes[chosen];
    announce(sentence(chosen));
  }
  legend();
  selected();
});
fabric.addEventListener("pick", ({ detail }) => picture.roots[detail].length && cycle(detail));
fabric.addEventListener("point", ({ detail }) => {
  pointed = detail;
  numbers();
});

// Controls

function throttled(name, send) {
  let timer, due = 0;
  $(name).addEventListener("input", () => {
    dragged[name] = Date.now();
    sliders();
    clearTimeout(timer);
    timer = setTimeout(() => ((due = Date.now() + 120), send()), Math.max(0, due - Date.now()));
  });
}
throttled("beta", () => link.send({ type: "beta", factor: Number($("beta").value) }));
throttled("sweeps", () => link.send({ type: "sweeps", per_frame: SWEEPS[$("sweeps").value] }));
$("run").addEventListener("click", () => {
  announce(status.running ? "Paused." : "Running.");
  link.send({ type: "run", running: !status.running });
});
$("step").addEventListener("click", () => link.send({ type: "step" }));
$("restart").addEventListener("submit", (event) => {
  event.preventDefault();
  link.send({ type: "restart", seed: Number($("seed").value) });
  announce(`Restarted from seed ${$("seed").value}.`);
});
$("free").addEventListener("click", () => {
  link.send({ type: "free" });
  announce("All nodes are free.");
});
$("find").addEventListener("submit", (event) => {
  event.preventDefault();
  const node = picture.nodes.indexOf($("node").value.trim());
  if (node >= 0) fabric.choose(node, true);
  else $("node").setCustomValidity(`There is no node ${$("node").value}.`);
  $("node").reportValidity();
});
$("node").addEventListener("input", () => $("node").setCustomValidity(""));
for (const button of document.querySelectorAll("[data-mode]"))
  button.addEventListener("click", () => {
    for (const other of document.querySelectorAll("[data-mode]")) other.setAttribute("aria-pressed", String(other === button));
    fabric.mode = button.dataset.mode;
    legend();
  });
$("in").addEventListener("click", () => fabric.zoom(1.5));
$("out").addEventListener("click", () => fabric.zoom(1 / 1.5));
$("fit").addEventListener("click", () => fabric.fit());
$("couplings").addEventListener("change", () => {
  fabric.couplings = $("couplings").checked;
  legend();
});

// Code and files

$("code").addEventListener("click", async () => {
  try {
    $("script").querySelector("pre").textContent = await (await link.get("/api/recipe")).text();
    $("script").hidden = false;
    $("copy").textContent = "Copy";
  } catch (error) {
    announce(error.message);
  }
});
$("copy").addEventListener("click", async () => {
  await navigator.clipboard.writeText($("script").querySelector("pre").textContent);
  $("copy").textContent = "Copied";
});
$("program").addEventListener("click", async () => {
  const file = await (await link.get("/api/program")).blob();
  const anchor = make("a", { href: URL.createObjectURL(file), download: "program.json" });
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(anchor.href), 1000);
});

// Connection

form.use = (token) => link.use(token);
link.addEventListener("state", ({ detail }) => {
  if (form.hidden || detail !== "connecting") form.show(detail === "token");
  connection.state = detail;
});
link.addEventListener("refused", ({ detail }) => {
  $("trouble").hidden = false;
  $("trouble").textContent = detail.sentence;
  setTimeout(() => status && !status.trouble && ($("trouble").hidden = true), 6000);
});
link.start();
