// Maps: a fabric's sites where a program sits, a colour a node, its copies joined.
function mapOf(place, row, title) {
  const map = data.maps?.[row.map];
  const figure = make("figure", place, undefined, { class: "map" });
  const caption = make("figcaption", figure);
  make("strong", caption, title);
  if (!map) return void make("p", figure, "There is no map of this record in the page; result.json has its sites.", { class: "note" });
  const used = map.sites.filter((site) => site[2] >= 0), nodes = new Set(used.map((site) => site[2])).size;
  const said = `${nodes} ${map.what} on ${used.length} of ${map.of} sites` + (map.sites.length < map.of ? `; ${map.sites.length} shown` : "");
  make("span", caption, ` ${said}.`);
  const [wide, tall] = map.size, svg = draw("svg", { viewBox: `0 0 ${wide} ${tall}`, role: "img", "aria-label": `${title}: ${said}` }, figure);
  svg.style.maxWidth = `${Math.max(Math.min(1.8 * wide, 640), 170)}px`;
  const line = ([a, b, c, d], attributes) => draw("line", { x1: a, y1: b, x2: c, y2: d, ...attributes }, svg);
  for (const [x, y, node, site] of map.sites) {
    if (node < 0) draw("title", {}, draw("circle", { cx: x, cy: y, r: 4, class: "idle" }, svg), `site ${site}: idle`);
  }
  for (const one of map.couplings) line(one, { class: "coupling" });
  for (const one of map.stubs) line(one, { class: "stub" });
  const colour = (node) => data.colours[node % data.colours.length], at = new Map(used.map((site) => [`${site[0]},${site[1]}`, site[2]]));
  for (const one of map.joins) line(one, { stroke: colour(at.get(`${one[0]},${one[1]}`)), "stroke-width": 6, "stroke-linecap": "round" });
  const copies = {};
  for (const [, , node] of used) copies[node] = (copies[node] || 0) + 1;
  for (const [x, y, node, site] of used) {
    const dot = draw("circle", { cx: x, cy: y, r: 8, fill: colour(node) }, svg);
    if (wide <= 560) draw("text", { x, y: y + 3, "text-anchor": "middle", class: "node" }, svg, node);
    draw("title", {}, dot, `site ${site}: ${map.what.slice(0, -1)} ${node}` + (copies[node] > 1 ? `, one of ${copies[node]} copies` : ""));
  }
  if (map.what === "spins") make("p", figure, "Nodes of this workload are several spins; which of these are coupled is not drawn.", { class: "note" });
  if (map.unlisted[0]) make("p", figure, `${map.unlisted[0]} idle sites are not drawn.`, { class: "note" });
  if (map.unlisted[1]) make("p", figure, `${map.unlisted[1]} lines between coupled nodes are not drawn.`, { class: "note" });
}
