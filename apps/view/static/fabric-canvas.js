// <fabric-canvas>: sites as squares, wires and couplings as lines; zoom, pan, and a node that is selected.
//
//   canvas.picture = …           as GET /api/picture answers
//   canvas.frame = …             states and marginals by site
//   canvas.clamps = Map          state by node
//   canvas.mode = "states" | "marginals" | "placement"
//   canvas.couplings = true      lines between nodes, where not too many are in sight
//
// Events, all with `detail` a node (or null): `pick` (clicked, or Enter), `choose` (selected), `point` (under the
// pointer). `drawn` counts frames drawn.

const SHADES = 32, MOST_LINES = 5000, NAMES_FROM = 30;
const DARK = "#11151b"; // names on coloured sites, in both schemes
const MOST_ZOOM = 80; // pixels between neighbours

// Lowest and highest of many numbers.
const bounds = (values) => values.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity]);

class FabricCanvas extends HTMLElement {
  #picture = null;
  #frame = null;
  #fresh = false;
  #clamps = new Map();
  #mode = "states";
  #lines = false;
  #chosen = null;
  #pointed = null;
  #cursor = null; // the site that keys move from
  #due = false;
  #pointers = new Map();
  #fitted = true;
  drawn = 0;

  connectedCallback() {
    const canvas = (this.canvas = document.createElement("canvas"));
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "application");
    canvas.setAttribute("aria-describedby", "hint");
    canvas.setAttribute("aria-label", "Fabric");
    this.append(canvas);
    this.pen = canvas.getContext("2d");
    new ResizeObserver(() => this.#resize()).observe(this);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#restyle());
    canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, (event) => this.#up(event));
    canvas.addEventListener("pointerleave", () => this.#point(null));
    canvas.addEventListener("keydown", (event) => this.#key(event));
    this.#restyle();
  }

  set picture(picture) {
    this.#picture = picture;
    const n = picture.sites.length;
    this.xs = Float64Array.from(picture.sites, (site) => site[0]);
    this.ys = Float64Array.from(picture.sites, (site) => site[1]);
    this.owner = Int32Array.from(picture.owner);
    const [[left, right], [top, bottom]] = [bounds(this.xs), bounds(this.ys)];
    this.box = [left, top, right, bottom];
    this.unit = this.#nearest();
    this.sitesOf = picture.nodes.map(() => []);
    this.owner.forEach((node, site) => node >= 0 && this.sitesOf[node].push(site));
    this.isRoot = new Uint8Array(n);
    picture.roots.flat().forEach((site) => (this.isRoot[site] = 1));
    this.linesOf = new Map();
    picture.couplings.forEach(([i, j], k) => {
      for (const site of [i, j]) (this.linesOf.get(site) ?? this.linesOf.set(site, []).get(site)).push(k);
    });
    this.strongest = Math.max(1, ...bounds(picture.weights.map(Math.abs)));
    this.#chosen = this.#pointed = this.#cursor = null;
    this.fit();
  }
  set frame(frame) {
    this.#frame = frame;
    this.#fresh = true;
    this.#later();
  }
  set clamps(clamps) {
    this.#clamps = clamps;
    this.#later();
  }
  set mode(mode) {
    this.#mode = mode;
    this.#later();
  }
  set couplings(shown) {
    this.#lines = shown;
    this.#later();
  }
  /** Whether couplings are wanted but too many are in sight to be drawn. */
  get crowded() {
    return this.#lines && this.tooMany;
  }

  choose(node, see = false) {
    this.#chosen = node;
    if (node !== null) {
      const home = this.#picture.roots[node][0] ?? this.sitesOf[node][0];
      if (this.#cursor === null || this.owner[this.#cursor] !== node) this.#cursor = home;
      if (see && home !== undefined) this.#see(home);
    }
    this.#say("choose", node);
    this.#later();
  }

  fit() {
    this.#fitted = true;
    const [left, top, right, bottom] = this.box, width = this.clientWidth || 1, height = this.clientHeight || 1;
    this.scale = Math.min(width / (right - left + 1.6 * this.unit), height / (bottom - top + 1.6 * this.unit), MOST_ZOOM / this.unit);
    this.left = (left + right) / 2 - width / 2 / this.scale;
    this.top = (top + bottom) / 2 - height / 2 / this.scale;
    this.#later();
  }

  zoom(by, x = this.clientWidth / 2, y = this.clientHeight / 2) {
    const least = 0.5 * Math.min(this.clientWidth / (this.box[2] - this.box[0] + this.unit), this.clientHeight / (this.box[3] - this.box[1] + this.unit));
    const scale = Math.min(Math.max(this.scale * by, least), MOST_ZOOM / this.unit);
    this.left += x / this.scale - x / scale;
    this.top += y / this.scale - y / scale;
    this.scale = scale;
    this.#moved();
  }

  #pan(dx, dy) {
    this.left -= dx / this.scale;
    this.top -= dy / this.scale;
    this.#moved();
  }

  // The middle of the canvas stays on the fabric.
  #moved() {
    this.#fitted = false;
    const [left, top, right, bottom] = this.box, w = this.clientWidth / 2 / this.scale, h = this.clientHeight / 2 / this.scale;
    this.left = Math.min(Math.max(this.left + w, left), right) - w;
    this.top = Math.min(Math.max(this.top + h, top), bottom) - h;
    this.#later();
  }

  #see(site) {
    const x = (this.xs[site] - this.left) * this.scale, y = (this.ys[site] - this.top) * this.scale, margin = 24;
    const dx = x < margin ? margin - x : x > this.clientWidth - margin ? this.clientWidth - margin - x : 0;
    const dy = y < margin ? margin - y : y > this.clientHeight - margin ? this.clientHeight - margin - y : 0;
    if (dx || dy) this.#pan(dx, dy);
  }

  #say(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  #resize() {
    const ratio = devicePixelRatio || 1;
    this.canvas.width = Math.round(this.clientWidth * ratio);
    this.canvas.height = Math.round(this.clientHeight * ratio);
    if (this.#picture) this.#fitted ? this.fit() : this.#later();
  }

  #restyle() {
    const style = getComputedStyle(this), colour = (name) => style.getPropertyValue(name).trim();
    const names = ["site-on", "site-off", "ink", "quiet", "wire", "track", "clamped", "positive", "negative", "panel", "page"];
    this.colours = Object.fromEntries(names.map((name) => [name, colour(`--${name}`)]));
    this.dark = matchMedia("(prefers-color-scheme: dark)").matches;
    const rgb = (hex) => [1, 3, 5].map((k) => parseInt(hex.slice(k, k + 2), 16));
    const off = rgb(this.colours["site-off"]), on = rgb(this.colours["site-on"]);
    this.shades = Array.from({ length: SHADES + 1 }, (_, k) => `rgb(${off.map((c, i) => Math.round(c + ((on[i] - c) * k) / SHADES)).join()})`);
    this.font = style.fontFamily;
    this.#later();
  }

  #later() {
    if (this.#due || !this.#picture) return;
    this.#due = true;
    requestAnimationFrame(() => {
      this.#due = false;
      this.#draw();
    });
  }

  // Smallest distance between two sites, found among neighbours in the order of their places.
  #nearest() {
    const order = [...this.xs.keys()].sort((a, b) => this.xs[a] - this.xs[b] || this.ys[a] - this.ys[b]);
    let least = Infinity;
    order.forEach((a, k) => {
      for (let l = k + 1; l < Math.min(k + 60, order.length); l++) {
        const apart = Math.hypot(this.xs[a] - this.xs[order[l]], this.ys[a] - this.ys[order[l]]);
        if (apart > 1e-6) least = Math.min(least, apart);
      }
    });
    return Number.isFinite(least) ? least : 1;
  }

  #draw() {
    const { pen, xs, ys, scale, left, top, owner } = this, ratio = devicePixelRatio || 1;
    const width = this.clientWidth, height = this.clientHeight, cell = this.unit * scale;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    const size = cell > 6 ? 0.8 * cell : 0.94 * cell, half = size / 2;
    const seen = [];
    for (let k = 0; k < xs.length; k++) {
      const x = (xs[k] - left) * scale, y = (ys[k] - top) * scale;
      if (x > -cell && y > -cell && x < width + cell && y < height + cell) seen.push(k);
    }
    this.#drawCouplings(seen, cell);
    const named = cell >= NAMES_FROM;
    if (named) this.#drawWires(cell); // under the names: they show between the sites
    const buckets = Array.from({ length: SHADES + 1 }, () => []), states = this.#frame?.states, shares = this.#frame?.marginals;
    const empty = [], coloured = new Map();
    for (const k of seen) {
      if (owner[k] === -1) empty.push(k);
      else if (this.#mode === "placement") {
        const several = owner[k] >= 0 && this.sitesOf[owner[k]].length > 1;
        const colour = several ? this.#hue(owner[k]) : owner[k] < 0 ? this.colours.wire : this.colours.track;
        (coloured.get(colour) ?? coloured.set(colour, []).get(colour)).push(k);
      } else if (this.#mode === "states") buckets[states?.[k] ? SHADES : 0].push(k);
      else buckets[Math.round(((shares?.[k] ?? 127) * SHADES) / 255)].push(k);
    }
    const squares = (list, s = size) => {
      pen.beginPath();
      for (const k of list) pen.rect((xs[k] - left) * scale - s / 2, (ys[k] - top) * scale - s / 2, s, s);
    };
    buckets.forEach((list, shade) => {
      if (!list.length) return;
      squares(list);
      pen.fillStyle = this.shades[shade];
      pen.fill();
    });
    for (const [colour, list] of coloured) {
      squares(list);
      pen.fillStyle = colour;
      pen.fill();
    }
    if (cell > 5) {
      pen.lineWidth = 1;
      squares(empty, 0.6 * size);
      pen.setLineDash([2, 2]);
      pen.strokeStyle = this.colours.quiet;
      pen.globalAlpha = 0.6;
      pen.stroke();
      pen.setLineDash([]);
      pen.globalAlpha = 0.35;
      pen.strokeStyle = this.colours.wire;
      if (cell > 12 && this.#mode !== "placement") {
        squares(seen.filter((k) => owner[k] !== -1));
        pen.stroke();
      }
      pen.globalAlpha = 1;
    }
    if (!named) this.#drawWires(cell);
    if (this.#mode === "placement" && cell > 5 && !named) {
      pen.beginPath();
      for (const k of seen)
        if (this.isRoot[k] && owner[k] >= 0 && this.sitesOf[owner[k]].length > 1) {
          const x = (xs[k] - left) * scale, y = (ys[k] - top) * scale;
          pen.moveTo(x + half / 2.2, y);
          pen.arc(x, y, half / 2.2, 0, 7);
        }
      pen.fillStyle = this.colours.ink;
      pen.fill();
    }
    this.#outline([...this.#clamps.keys()], this.colours.clamped, Math.max(1.5, Math.min(4, cell / 5)), size);
    if (this.#pointed !== null && this.#pointed !== this.#chosen) this.#outline([this.#pointed], this.colours.quiet, 2, size + 3);
    if (this.#chosen !== null) this.#outline([this.#chosen], this.colours.ink, Math.max(2, Math.min(3, cell / 6)), size + 4);
    if (named) this.#drawNames(seen, size);
    if (this.#fresh) this.drawn += 1;
    this.#fresh = false;
    this.canvas.dataset.drawn = this.drawn;
  }

  // Turns by the golden angle, so that the colours of any few nodes are apart.
  #hue(node) {
    return `hsl(${Math.round(node * 137.508) % 360} ${this.dark ? "55% 64%" : "65% 68%"})`;
  }

  #outline(nodes, colour, thick, size) {
    const { pen, xs, ys, scale, left, top } = this;
    pen.strokeStyle = colour;
    pen.lineWidth = thick;
    pen.beginPath();
    for (const node of nodes)
      for (const k of this.sitesOf[node] ?? []) pen.rect((xs[k] - left) * scale - size / 2, (ys[k] - top) * scale - size / 2, size, size);
    pen.stroke();
  }

  // A line between two sites; over the border of a torus, the two ends of it.
  #line(i, j) {
    const { pen, xs, ys, scale, left, top } = this, period = this.#picture.period;
    let dx = xs[j] - xs[i], dy = ys[j] - ys[i], wraps = false;
    if (period) {
      const x = dx - period[0] * Math.round(dx / period[0]), y = dy - period[1] * Math.round(dy / period[1]);
      wraps = x !== dx || y !== dy;
      [dx, dy] = [x, y];
    }
    const at = (k, sx, sy) => [(xs[k] + sx - left) * scale, (ys[k] + sy - top) * scale];
    const part = wraps ? Math.min(0.5, (0.75 * this.unit) / Math.hypot(dx, dy)) : 1;
    pen.moveTo(...at(i, 0, 0));
    pen.lineTo(...at(i, part * dx, part * dy));
    if (wraps) {
      pen.moveTo(...at(j, 0, 0));
      pen.lineTo(...at(j, -part * dx, -part * dy));
    }
  }

  #drawWires(cell) {
    const { pen, owner } = this, colours = new Map();
    for (const wire of this.#picture.wires) {
      const colour = this.#mode === "placement" && owner[wire[0]] >= 0 ? this.#hue(owner[wire[0]]) : this.colours.ink;
      (colours.get(colour) ?? colours.set(colour, []).get(colour)).push(wire);
    }
    pen.lineWidth = this.#mode === "placement" ? Math.max(2, 0.3 * cell) : Math.max(1.25, 0.14 * cell);
    for (const [colour, wires] of colours) {
      pen.strokeStyle = colour;
      pen.globalAlpha = this.#mode === "placement" ? 1 : 0.75;
      pen.beginPath();
      for (const [i, j] of wires) this.#line(i, j);
      pen.stroke();
    }
    pen.globalAlpha = 1;
  }

  #drawCouplings(seen, cell) {
    const wanted = new Set();
    this.tooMany = false;
    if (this.#lines) {
      for (const k of seen) for (const line of this.linesOf.get(k) ?? []) wanted.add(line);
      this.tooMany = wanted.size > MOST_LINES;
      if (this.tooMany) wanted.clear();
    }
    this.#strokeLines(wanted, 0.7, Math.max(1, cell / 24));
    const own = new Set();
    if (this.#chosen !== null) for (const k of this.sitesOf[this.#chosen]) for (const line of this.linesOf.get(k) ?? []) own.add(line);
    this.#strokeLines(own, 1, Math.max(1.5, cell / 14));
  }

  #strokeLines(lines, alpha, thick) {
    const { pen } = this, { couplings, weights } = this.#picture, bands = new Map();
    // Strong couplings stand out: four bands of strength, each with a thickness and an opacity of its own.
    for (const k of lines) {
      const band = Math.sign(weights[k]) * Math.ceil((4 * Math.abs(weights[k])) / this.strongest);
      (bands.get(band) ?? bands.set(band, []).get(band)).push(k);
    }
    for (const [band, list] of [...bands].sort(([a], [b]) => Math.abs(a) - Math.abs(b))) {
      const strength = Math.abs(band) / 4;
      pen.globalAlpha = alpha * (0.2 + 0.8 * strength);
      pen.lineWidth = thick * (0.4 + 1.6 * strength);
      pen.strokeStyle = band > 0 ? this.colours.positive : this.colours.negative;
      pen.setLineDash(band > 0 ? [] : [5, 4]);
      pen.beginPath();
      for (const k of list) this.#line(...couplings[k]);
      pen.stroke();
    }
    pen.setLineDash([]);
    pen.globalAlpha = 1;
  }

  #drawNames(seen, size) {
    const { pen, owner } = this;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.font = `${Math.round(Math.min(15, size / 3))}px ${this.font}`;
    for (const k of seen) {
      if (owner[k] < 0) continue;
      const share = this.#mode === "states" ? this.#frame?.states[k] : (this.#frame?.marginals[k] ?? 127) / 255;
      const hued = this.#mode === "placement" && this.sitesOf[owner[k]].length > 1;
      pen.fillStyle = hued ? DARK : this.#mode !== "placement" && share > 0.5 ? this.colours.panel : this.colours.ink;
      const x = (this.xs[k] - this.left) * this.scale, y = (this.ys[k] - this.top) * this.scale;
      const name = this.#picture.nodes[owner[k]];
      pen.fillText(this.isRoot[k] ? name : `(${name})`, x, y, size - 4);
    }
  }

  #at(event) {
    const box = this.canvas.getBoundingClientRect(), x = event.clientX - box.left, y = event.clientY - box.top;
    const reach = Math.max(0.75 * this.unit * this.scale, event.pointerType === "touch" ? 14 : 5);
    let found = null, least = reach;
    for (let k = 0; k < this.xs.length; k++) {
      if (this.owner[k] < 0) continue;
      const apart = Math.hypot((this.xs[k] - this.left) * this.scale - x, (this.ys[k] - this.top) * this.scale - y);
      if (apart < least) [found, least] = [k, apart];
    }
    return found;
  }

  #point(site) {
    const node = site === null ? null : this.owner[site];
    if (node === this.#pointed) return;
    this.#pointed = node;
    this.#say("point", node);
    this.#later();
  }

  #wheel(event) {
    event.preventDefault();
    if (this.#picture) this.zoom(Math.exp(-Math.max(-120, Math.min(120, event.deltaY)) / 400), event.offsetX, event.offsetY);
  }

  #down(event) {
    if (event.button !== 0) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.#pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (this.#pointers.size === 1) this.start = { x: event.clientX, y: event.clientY, moved: false };
    else this.start.moved = true;
  }

  #move(event) {
    if (!this.#picture) return;
    const last = this.#pointers.get(event.pointerId);
    if (!last) return this.#point(this.#at(event));
    if (Math.hypot(event.clientX - this.start.x, event.clientY - this.start.y) > 5) this.start.moved = true;
    if (this.#pointers.size === 2) {
      const other = [...this.#pointers].find(([id]) => id !== event.pointerId)[1], box = this.canvas.getBoundingClientRect();
      const before = Math.hypot(last.x - other.x, last.y - other.y), after = Math.hypot(event.clientX - other.x, event.clientY - other.y);
      if (before > 0) this.zoom(after / before, (event.clientX + other.x) / 2 - box.left, (event.clientY + other.y) / 2 - box.top);
      this.#pan((event.clientX - last.x) / 2, (event.clientY - last.y) / 2);
    } else if (this.start.moved) {
      this.canvas.classList.add("grabbed");
      this.#pan(event.clientX - last.x, event.clientY - last.y);
    }
    Object.assign(last, { x: event.clientX, y: event.clientY });
  }

  #up(event) {
    const known = this.#pointers.delete(event.pointerId);
    if (this.#pointers.size) return;
    this.canvas.classList.remove("grabbed");
    if (!known || this.start.moved || event.type === "pointercancel") return;
    const site = this.#at(event);
    this.#cursor = site ?? this.#cursor;
    this.choose(site === null ? null : this.owner[site]);
    if (site !== null) this.#say("pick", this.owner[site]);
  }

  #key(event) {
    if (!this.#picture || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (step && event.shiftKey) this.#pan(-60 * step[0], -60 * step[1]);
    else if (step) this.#go(step);
    else if (event.key === "Enter" || event.key === " ") this.#chosen !== null && this.#say("pick", this.#chosen);
    else if (event.key === "+" || event.key === "=") this.zoom(1.4);
    else if (event.key === "-") this.zoom(1 / 1.4);
    else if (event.key === "0") this.fit();
    else if (event.key === "Escape") this.choose(null);
    else return;
    event.preventDefault();
  }

  // The nearest used site in a direction, more than twice as far along it as aside.
  #go([sx, sy]) {
    const from = this.#cursor ?? this.#middle();
    let found = this.#cursor === null ? from : null, least = Infinity;
    if (this.#cursor !== null)
      for (let k = 0; k < this.xs.length; k++) {
        const dx = this.xs[k] - this.xs[from], dy = this.ys[k] - this.ys[from], along = dx * sx + dy * sy, aside = Math.abs(dx * sy) + Math.abs(dy * sx);
        if (this.owner[k] >= 0 && along > 1e-6 && aside <= along / 2 && along + 2 * aside < least) [found, least] = [k, along + 2 * aside];
      }
    if (found === null) return;
    this.#cursor = found;
    this.choose(this.owner[found]);
    this.#see(found);
  }

  #middle() {
    const x = this.left + this.clientWidth / 2 / this.scale, y = this.top + this.clientHeight / 2 / this.scale;
    let found = null, least = Infinity;
    for (let k = 0; k < this.xs.length; k++) {
      const apart = Math.hypot(this.xs[k] - x, this.ys[k] - y);
      if (this.owner[k] >= 0 && apart < least) [found, least] = [k, apart];
    }
    return found;
  }
}

customElements.define("fabric-canvas", FabricCanvas);
