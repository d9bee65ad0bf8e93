// The selected fabric: its records, maps and curves. The winners' maps and curves stand below it.
const BRIEF = ["tv", "sites", "ess_per_sweep", "clocks_per_sweep", "ess_per_second", "ess_per_klut_second", "ess_per_joule_z1", "lut4", "megahertz"];
const LETTER = { measured: "m", modelled: "f", quoted: "q", enumerated: "e", predicted: "p", bounded: "b", counted: "c", unknown: "?" };

function cellOf(line, measure) {
  const cell = line.insertCell();
  cell.textContent = measure ? short(measure[0]) + " " : "–";
  if (!measure) return;
  make("small", cell, LETTER[measure[1]] || "?");
  cell.title = [measure[1], measure[2], measure[3]].filter(Boolean).join(", ");
}
function headOf(line, name) {
  const cell = make("th", line, undefined, { scope: "col" }), about = data.measures[name];
  cell.title = about.label;
  return cell;
}
function selected() {
  const rows = rowsOf.get(state.fabric) || [], place = byId("selected");
  place.hidden = !rows.length;
  if (!rows.length) return;
  byId("fabric").value = state.fabric;
  const point = pointOf.get(state.fabric), said = [];
  if (point.front) said.push("On the study's front.");
  if (point.reason) said.push(point.reason.replace(/\.?$/, "."));
  byId("fabric-said").textContent = said.join(" ");
  const table = byId("fabric-rows"), head = document.createElement("thead"), body = document.createElement("tbody"), top = head.insertRow();
  make("th", top, "workload", { scope: "col" });
  for (const name of BRIEF) {
    const cell = headOf(top, name), unit = unitOf(rows, name);
    cell.textContent = data.measures[name].label;
    if (unit && unit !== data.measures[name].label) make("small", cell, unit);
  }
  for (const row of rows) {
    const line = body.insertRow();
    make("th", line, row.workload, { scope: "row" });
    if (row.feasible) for (const name of BRIEF) cellOf(line, row.measures[name]);
    else {
      const cell = line.insertCell();
      cell.colSpan = BRIEF.length;
      cell.className = "text";
      cell.textContent = row.reason;
    }
  }
  table.replaceChildren(head, body);
  const maps = byId("fabric-maps"), runs = rows.filter((row) => row.feasible);
  maps.replaceChildren();
  for (const row of runs) mapOf(maps, row, row.workload);
  curvesOf(byId("fabric-curves"), runs, (row) => row.workload);
}
const unitOf = (rows, name) => rows.map((row) => row.measures[name]?.[2]).find((unit) => unit) || "";

// The winner of every workload, and the best that holds any program; each once.
function winnerRows() {
  const wins = data.winners.flatMap((one) => [one.first, one.general].map((name) => [name, one.workload]));
  const rows = wins.map(([name, on]) => data.rows.find((row) => row.name === name && row.workload === on)).filter(Boolean);
  return [...new Set(rows)];
}
function winners() {
  const maps = byId("winner-maps"), label = (row) => `${row.workload}: ${row.name}`;
  maps.replaceChildren();
  for (const row of winnerRows()) mapOf(maps, row, label(row));
  curvesOf(byId("winner-curves"), winnerRows(), label);
}
