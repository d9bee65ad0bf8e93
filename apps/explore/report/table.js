// Table: all records that run, under the plot's filters; a heading sorts, a name selects.
let sorted = { name: "workload", down: false };

function table() {
  const place = byId("records"), rows = chosen(data.rows).filter((row) => row.feasible && wanted(row.name));
  const value = (row, name) => (name in row ? row[name] : row.measures[name] ? row.measures[name][0] : null);
  rows.sort((a, b) => {
    const [u, v] = [value(a, sorted.name), value(b, sorted.name)];
    if (u === null || v === null) return (u === null) - (v === null);
    const order = typeof u === "string" ? u.localeCompare(v) : u - v;
    return sorted.down ? -order : order;
  });
  const head = document.createElement("thead"), line = head.insertRow();
  for (const name of ["name", "workload", ...data.columns]) {
    const measure = data.measures[name], cell = measure ? headOf(line, name) : make("th", line, undefined, { scope: "col" });
    cell.setAttribute("aria-sort", sorted.name === name ? (sorted.down ? "descending" : "ascending") : "none");
    const button = make("button", cell, (measure ? measure.label : name) + (sorted.name === name ? (sorted.down ? " ▾" : " ▴") : ""));
    button.addEventListener("click", () => {
      sorted = { name, down: sorted.name === name ? !sorted.down : measure?.better === "max" };
      table();
    });
    const unit = measure ? unitOf(data.rows, name) : "";
    if (unit && unit !== data.measures[name].label) make("small", cell, unit);
  }
  const body = document.createElement("tbody");
  for (const row of rows) {
    const made = body.insertRow(), first = make("th", made, undefined, { scope: "row" });
    if (row.name === state.fabric) made.className = "picked";
    make("button", first, row.name).addEventListener("click", () => pick(row.name));
    made.insertCell().textContent = row.workload;
    for (const name of data.columns) cellOf(made, row.measures[name]);
  }
  place.replaceChildren(head, body);
  byId("table-count").textContent = `${rows.length} of ${data.rows.filter((row) => row.feasible).length} records that run, by the filters above.`;
}
