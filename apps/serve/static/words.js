// Small things that pages share: elements, percentages, names, tables.

export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

export const percent = (share, digits = 0) => `${(100 * share).toFixed(digits)}%`;

const NAMES = { vix_level: "VIX level", spy_returns_5d: "SPY return, 5 days", spy_returns_20d: "SPY return, 20 days", put_call_ratio: "Put/call ratio" };

export const title = (name) => NAMES[name] ?? (name.charAt(0).toUpperCase() + name.slice(1)).replaceAll("_", " ");

export function table(caption, head, rows) {
  const line = (cells, tag) => make("tr", {}, ...cells.map((text) => make(tag, tag === "th" ? { textContent: text, scope: "col" } : { textContent: text })));
  return make(
    "table",
    {},
    make("caption", { className: "unseen", textContent: caption }),
    make("thead", {}, line(head, "th")),
    make("tbody", {}, ...rows.map((row) => line(row, "td"))),
  );
}
