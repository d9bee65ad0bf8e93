// <fabric-view>: sites at their places, couplings between them, how often each was on and how it stands in a sample.
//
//   view.picture = {sites: [[x, y], …], edges: [[i, j], …]}     as GET /api/fabric/NAME answers
//   view.marginals = [0.2, …]                                   shade: the share of samples with the site on
//   view.states = [0, 1, …]                                     ring and dot: the site is on in this sample

class FabricView extends HTMLElement {
  #picture = null;
  #marginals = [];
  #states = [];
  #due = false;

  connectedCallback() {
    if (this.canvas) return;
    this.canvas = document.createElement("canvas");
    this.canvas.setAttribute("role", "img");
    this.append(this.canvas);
    new ResizeObserver(() => this.#later()).observe(this);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#later());
    this.canvas.addEventListener("pointermove", (event) => this.#point(event));
    this.#later();
  }

  set picture(picture) {
    this.#picture = picture;
    const xs = picture.sites.map((site) => site[0]), ys = picture.sites.map((site) => site[1]);
    this.box = [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
    this.#later();
  }
  get picture() {
    return this.#picture;
  }
  set marginals(marginals) {
    this.#marginals = marginals;
    this.#later();
  }
  set states(states) {
    this.#states = states;
    this.#later();
  }

  #later() {
    if (this.#due || !this.canvas) return;
    this.#due = true;
    requestAnimationFrame(() => {
      this.#due = false;
      this.#draw();
    });
  }

  #layout() {
    const [left, top, right, bottom] = this.box, width = this.clientWidth || 240;
    // A margin of half the smallest distance on every side, so that a row of small cells fills its box too.
    const across = right - left, down = bottom - top, margin = this.#nearest();
    const height = Math.min(Math.max((width * (down + margin)) / (across + margin), 60), 1.2 * width);
    const step = Math.min(width / (across + margin), height / (down + margin));
    const place = ([x, y]) => [width / 2 + (x - (left + right) / 2) * step, height / 2 + (y - (top + bottom) / 2) * step];
    return { width, height, place, radius: Math.min(Math.max(0.34 * step * margin, 1.5), 17) };
  }

  // Smallest distance between two sites, in the picture's units; sites of a few hundred are compared, which is enough.
  #nearest() {
    const some = this.#picture.sites.slice(0, 300);
    let least = Infinity;
    for (let i = 0; i < some.length; i++)
      for (let j = 0; j < i; j++) {
        const apart = Math.hypot(some[i][0] - some[j][0], some[i][1] - some[j][1]);
        if (apart > 0) least = Math.min(least, apart);
      }
    return Number.isFinite(least) ? least : 1;
  }

  #draw() {
    if (!this.#picture) return;
    const { width, height, place, radius } = this.#layout(), scale = devicePixelRatio || 1;
    const canvas = this.canvas, style = getComputedStyle(this), colour = (name) => style.getPropertyValue(name).trim();
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    const pen = canvas.getContext("2d");
    pen.scale(scale, scale);
    pen.strokeStyle = colour("--wire");
    pen.lineWidth = Math.max(1, radius / 8);
    pen.beginPath();
    for (const [i, j] of this.#picture.edges) {
      const a = this.#picture.sites[i], b = this.#picture.sites[j];
      pen.moveTo(...place(a));
      pen.lineTo(...place(b));
    }
    pen.stroke();
    this.#picture.sites.forEach((site, k) => {
      const [x, y] = place(site), share = this.#marginals[k] ?? 0;
      const disc = (size) => {
        pen.beginPath();
        pen.arc(x, y, size, 0, 7);
      };
      disc(radius);
      pen.fillStyle = colour("--site-off");
      pen.fill();
      pen.globalAlpha = share;
      pen.fillStyle = colour("--site-on");
      pen.fill();
      pen.globalAlpha = 1;
      pen.strokeStyle = colour("--site-on");
      pen.lineWidth = Math.max(0.75, radius / 9);
      pen.stroke();
      if (this.#states[k]) {
        disc(0.42 * radius);
        pen.fillStyle = colour("--panel");
        pen.fill();
        pen.strokeStyle = colour("--ink");
        pen.stroke();
      }
    });
    this.#describe();
  }

  #describe() {
    const on = this.#states.reduce((sum, state) => sum + state, 0), list = this.#marginals;
    const range = list.length ? `, sites on in ${percent(Math.min(...list))} to ${percent(Math.max(...list))} of samples` : "";
    const said = `Fabric ${this.#picture.name ?? ""} with ${this.#picture.sites.length} sites: ${on} on in this sample${range}.`;
    this.canvas.setAttribute("aria-label", said);
  }

  #point(event) {
    if (!this.#picture) return;
    const { place, radius } = this.#layout(), box = this.canvas.getBoundingClientRect();
    const k = this.#picture.sites.findIndex((site) => {
      const [x, y] = place(site);
      return Math.hypot(event.clientX - box.left - x, event.clientY - box.top - y) <= radius + 2;
    });
    this.canvas.title = k < 0 ? "" : `site ${k}: ${this.#states[k] ? "on" : "off"} here, on in ${percent(this.#marginals[k] ?? 0)} of samples`;
  }
}

const percent = (share) => `${Math.round(100 * share)}%`;
customElements.define("fabric-view", FabricView);
