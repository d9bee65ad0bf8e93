// The page: choices filled in, and everything drawn, again where the window's width changes.
function options(id, names, value, textOf = (name) => name) {
  const place = byId(id);
  for (const name of names) {
    if (typeof name === "string") place.add(new Option(textOf(name), name));
    else {
      const group = make("optgroup", place, undefined, { label: name[0] });
      for (const one of name[1]) group.appendChild(new Option(one, one));
    }
  }
  place.value = value;
  place.addEventListener("change", () => change({ [id]: place.value }));
}
const asked = data.objectives.map((name) => name.split(":")[1]);
const known = Object.keys(data.measures).filter((name) => data.rows.some((row) => row.measures[name]));
const measured = [...new Set([...asked, ...known])];
Object.assign(state, { x: asked[0], y: asked[1] || asked[0], workload: data.points.some((point) => point.values) ? ALL : workloads[0] });
const standings = (differ) => measured
  .map((name) => standingsOf(data.rows, name).map((standing) => `${name} is ${standing}`))
  .filter((found) => found.length > 1 === differ).flat();

options("workload", [ALL, ...workloads], state.workload);
options("x", measured, state.x, (name) => data.measures[name].label);
options("y", measured, state.y, (name) => data.measures[name].label);
options("family", [ANY, ...new Set(data.points.map((point) => point.family))], ANY);
options("architecture", [ANY, ...new Set(data.points.map((point) => point.architecture))], ANY);
options("standing", [ANY, ...[["differs", standings(true)], ["same in all", standings(false)]].filter((group) => group[1].length)], ANY);
options("fabric", data.points.map((point) => point.name), "");
byId("words").addEventListener("input", () => change({ words: byId("words").value }));
for (const button of document.querySelectorAll("button[data-fabric]")) {
  button.addEventListener("click", () => { pick(button.dataset.fabric); byId("selected").scrollIntoView(); });
}
for (const [name, [colour, shape]] of Object.entries(KINDS)) {
  if (!data.points.some((point) => point.architecture === name)) continue;
  const item = make("li", byId("kinds")), svg = draw("svg", { width: 16, height: 16, viewBox: "-8 -8 16 16", "aria-hidden": "true" }, item);
  draw("path", { d: shape(5), fill: colour }, svg);
  make("span", item, name);
}

listeners.push(plot, table, (what) => { if (!what || "fabric" in what) selected(); });
change({ fabric: (winnerRows()[0] || data.rows[0]).name });
winners();
volume();
whenResized(() => { plot(); selected(); winners(); volume(); });
