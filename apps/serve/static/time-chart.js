// <time-chart>: lines over time by uPlot, which the page loads; with a sentence for those who do not see it.
//
//   chart.configure({lines: [{colour: "--line-one", dash: [], width: 2, points: false}], range: [0, 1], value: (v) => "…", bands: fn, readout: fn})
//   chart.set([xs, ys, …], "sentence")      xs are seconds since 1970, ascending
//
// A line with `points` is points alone, where its values are not null.
// `readout(k)` says what point k is, shown under the chart where the pointer is.
// `bands(xs)` gives [[from, to, css colour name], …], drawn behind the lines.

class TimeChart extends HTMLElement {
  connectedCallback() {
    this.setAttribute("role", "img");
    this.line = document.createElement("p");
    this.line.className = "readout";
    this.append(this.line);
    new ResizeObserver(() => this.#fit()).observe(this);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#make());
  }

  configure(options) {
    this.options = options;
  }

  set(data, sentence) {
    this.data = data;
    this.setAttribute("aria-label", sentence);
    if (this.plot) this.plot.setData(data);
    else this.#make();
  }

  #size() {
    return { width: this.clientWidth || 320, height: this.clientWidth < 480 ? 210 : 250 };
  }

  #fit() {
    if (this.plot && this.plot.width !== this.clientWidth) this.plot.setSize(this.#size());
  }

  #make() {
    if (!this.data || !this.options) return;
    this.plot?.destroy();
    const style = getComputedStyle(this), colour = (name) => style.getPropertyValue(name).trim();
    const axis = { stroke: colour("--quiet"), grid: { stroke: colour("--grid"), width: 1 }, ticks: { show: false }, font: `12px ${style.fontFamily}` };
    const { lines, range, value, bands, readout } = this.options;
    this.plot = new uPlot(
      {
        ...this.#size(),
        padding: [10, 8, 0, 0],
        legend: { show: false },
        cursor: { drag: { x: false, y: false }, points: { show: false } },
        scales: { x: { time: true }, y: range ? { range: () => range } : {} },
        axes: [
          { ...axis, size: 30, space: 70, values: (_, splits) => labels(splits) },
          { ...axis, size: 52, values: (_, splits) => splits.map(value) },
        ],
        series: [{}, ...lines.map((line) => ({ stroke: colour(line.colour), dash: line.dash, width: line.points ? 0 : (line.width ?? 2), points: line.points ? { show: true, size: 8, fill: colour(line.colour) } : { show: false } }))],
        hooks: {
          drawClear: bands ? [(plot) => this.#bands(plot, bands, colour)] : [],
          setCursor: [(plot) => (this.line.textContent = plot.cursor.idx == null || plot.cursor.left < 0 ? "" : readout(plot.cursor.idx))],
        },
      },
      this.data,
      (plot, ready) => {
        this.prepend(plot.root);
        ready();
      },
    );
  }

  #bands(plot, bands, colour) {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.globalAlpha = 0.32;
    for (const [from, to, name] of bands(plot.data[0])) {
      const left = Math.max(plot.valToPos(from, "x", true), bbox.left);
      const right = Math.min(plot.valToPos(to, "x", true), bbox.left + bbox.width);
      ctx.fillStyle = colour(name);
      if (right > left) ctx.fillRect(left, bbox.top, right - left, bbox.height);
    }
    ctx.restore();
  }
}

// Days by month and year: the rows are daily, and a reader wants to know which year it is.
function labels(seconds) {
  const span = seconds.at(-1) - seconds[0], days = 86400;
  const form = span > 900 * days ? { year: "numeric" } : span > 60 * days ? { month: "short", year: "numeric" } : span > 2 * days ? { day: "numeric", month: "short" } : { hour: "2-digit", minute: "2-digit" };
  const format = new Intl.DateTimeFormat("en-GB", { ...form, timeZone: "UTC" });
  return seconds.map((s) => format.format(1000 * s));
}

customElements.define("time-chart", TimeChart);
