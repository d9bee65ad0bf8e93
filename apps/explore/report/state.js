// State: what is asked for, and which fabric is selected; whoever shows something listens here.
const ALL = "all workloads together", ANY = "any";
const state = { workload: ALL, x: "", y: "", family: ANY, architecture: ANY, standing: ANY, words: "", fabric: "" };
const listeners = [];
const workloads = [...new Set(data.rows.map((row) => row.workload))];
const rowsOf = new Map();
for (const row of data.rows) rowsOf.set(row.name, [...(rowsOf.get(row.name) || []), row]);
const pointOf = new Map(data.points.map((point) => [point.name, point]));

function change(what) {
  Object.assign(state, what);
  for (const listener of listeners) listener(what);
}
const standingsOf = (rows, measure) => [...new Set(rows.map((row) => row.measures[measure]?.[1]).filter(Boolean))];

// Whether a fabric is among those asked for; words are of its name, standings of the chosen workload's records.
function wanted(name) {
  const rows = rowsOf.get(name), point = pointOf.get(name), words = state.words.toLowerCase().split(/\s+/).filter(Boolean);
  if (state.family !== ANY && point.family !== state.family) return false;
  if (state.architecture !== ANY && point.architecture !== state.architecture) return false;
  if (!words.every((word) => name.toLowerCase().includes(word))) return false;
  if (state.standing === ANY) return true;
  const [measure, standing] = state.standing.split(" is "), looked = chosen(rows);
  return looked.length > 0 && looked.every((row) => row.measures[measure]?.[1] === standing);
}
const chosen = (rows) => rows.filter((row) => state.workload === ALL || row.workload === state.workload);

// A measure of a fabric over the chosen workloads: as the study takes them together, the mean of logarithms or the worst.
function valueOf(rows, measure) {
  const values = rows.map((row) => row.measures[measure]?.[0] ?? null), about = data.measures[measure];
  if (!rows.length || values.includes(null)) return null;
  if (rows.length === 1 && state.workload !== ALL) return values[0];
  if (about.over === "worst") {
    const worst = about.better === "min" ? Math.max(...values) : Math.min(...values);
    return Math.max(worst, about.floor);
  }
  if (Math.min(...values) <= 0) return values.reduce((a, b) => a + b, 0) / values.length;
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}
// Name, unit and standing of a measure, and how workloads go together in it.
function said(measure) {
  const rows = chosen(data.rows), about = data.measures[measure];
  const unit = rows.map((row) => row.measures[measure]?.[2]).find((text) => text) || "";
  const standing = standingsOf(rows, measure).join(", ");
  const together = state.workload !== ALL || workloads.length < 2 ? "" : about.over === "worst" ? "worst workload" : "geometric mean over workloads";
  return { label: about.label, unit, rest: [unit === about.label ? "" : unit, standing, together].filter(Boolean).join("; ") };
}
