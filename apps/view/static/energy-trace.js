// <energy-trace>: the energy of the newest frames as a line, a tick where a leg begins.
//
//   trace.add(energy, begins)      one frame; `begins` is true for the first of a leg
//   trace.clear()

import { labelled } from "./numbers.js";

const KEPT = 600;

class EnergyTrace extends HTMLElement {
  #values = [];
  #begins = [];
  #due = false;

  connectedCallback() {
    this.canvas = document.createElement("canvas");
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", "Energy over the newest frames");
    this.append(this.canvas);
    new ResizeObserver(() => this.#later()).observe(this);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#later());
  }

  add(energy, begins) {
    this.#values.push(energy);
    this.#begins.push(begins);
    if (this.#values.length > KEPT) {
      this.#values.shift();
      this.#begins.shift();
    }
    this.#later();
  }

  clear() {
    this.#values = [];
    this.#begins = [];
    this.#later();
  }

  /** Lowest, highest and newest value in words. */
  get says() {
    if (!this.#values.length) return "No frames yet.";
    return `Newest ${this.#values.length} frames: ${labelled(Math.min(...this.#values))} to ${labelled(Math.max(...this.#values))}. Vertical lines: β, clamps or seed changed.`;
  }

  #later() {
    if (this.#due) return;
    this.#due = true;
    requestAnimationFrame(() => {
      this.#due = false;
      this.#draw();
    });
  }

  #draw() {
    const scale = devicePixelRatio || 1, width = this.clientWidth, height = this.clientHeight, style = getComputedStyle(this);
    const colour = (name) => style.getPropertyValue(name).trim();
    Object.assign(this.canvas, { width: Math.round(width * scale), height: Math.round(height * scale) });
    const pen = this.canvas.getContext("2d");
    pen.scale(scale, scale);
    pen.font = `11px ${style.fontFamily}`;
    pen.textBaseline = "middle";
    if (this.#values.length < 2) return;
    let low = Math.min(...this.#values), high = Math.max(...this.#values);
    if (high - low < 1e-9) [low, high] = [low - 1, high + 1];
    const texts = [low, (low + high) / 2, high].map(labelled);
    const left = Math.max(...texts.map((text) => pen.measureText(text).width)) + 8, top = 8, bottom = height - 8;
    const x = (k) => left + ((k + KEPT - this.#values.length) / (KEPT - 1)) * (width - left - 4);
    const y = (value) => bottom - ((value - low) / (high - low)) * (bottom - top);
    pen.strokeStyle = colour("--grid");
    pen.fillStyle = colour("--quiet");
    pen.textAlign = "right";
    [low, (low + high) / 2, high].forEach((value, k) => {
      pen.beginPath();
      pen.moveTo(left, y(value));
      pen.lineTo(width, y(value));
      pen.stroke();
      pen.fillText(texts[k], left - 6, y(value));
    });
    pen.strokeStyle = colour("--line-two");
    pen.beginPath();
    this.#begins.forEach((begins, k) => {
      if (!begins) return;
      pen.moveTo(x(k), top);
      pen.lineTo(x(k), bottom);
    });
    pen.globalAlpha = 0.6;
    pen.stroke();
    pen.globalAlpha = 1;
    pen.strokeStyle = colour("--line-one");
    pen.lineWidth = 1.5;
    pen.lineJoin = "round";
    pen.beginPath();
    this.#values.forEach((value, k) => pen.lineTo(x(k), y(value)));
    pen.stroke();
  }
}

customElements.define("energy-trace", EnergyTrace);
