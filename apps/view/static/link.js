// The connection to the server: text messages are statuses and errors, binary ones are frames. Comes back by itself.

import { setToken, tokenOfPage } from "/shared/stream.js";

const WAITS = { first: 500, most: 8000 }, HEAD = 40;

/** A frame from its bytes; apps/view/frame.py documents them. */
export function decode(buffer, sites) {
  const view = new DataView(buffer), packed = Math.ceil(sites / 8);
  if (buffer.byteLength !== HEAD + packed + sites || view.getUint32(0) !== 0x54465631) throw new Error("this is no frame of this fabric");
  const bits = new Uint8Array(buffer, HEAD, packed), states = new Uint8Array(sites);
  for (let k = 0; k < sites; k++) states[k] = (bits[k >> 3] >> (k & 7)) & 1;
  return {
    leg: view.getUint32(4, true),
    sweeps: Number(view.getBigUint64(8, true)),
    restarts: view.getUint32(16, true),
    count: view.getUint32(20, true),
    energy: view.getFloat64(24, true),
    agree: view.getFloat32(32, true),
    seconds: view.getFloat32(36, true),
    states,
    marginals: new Uint8Array(buffer, HEAD + packed, sites),
  };
}

/** Events, all with `detail`: `state` ("connecting", "open", "closed", "token"), `picture`, `status`, `frame`, `refused`. */
export class Link extends EventTarget {
  constructor() {
    super();
    Object.assign(this, { token: tokenOfPage(), wait: WAITS.first, sites: 0 });
  }

  use(token) {
    this.token = token;
    setToken(token);
    this.start();
  }

  send(message) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  async get(path) {
    const answer = await fetch(path, { headers: this.token ? { Authorization: `Bearer ${this.token}` } : {} });
    if (answer.status === 401) this.#say("state", "token");
    if (!answer.ok) throw new Error((await answer.json().catch(() => null))?.data?.sentence ?? `${path}: ${answer.status}`);
    return answer;
  }

  /** Fetch the picture, which another server behind the same address may have changed, and connect. */
  async start() {
    this.#say("state", "connecting");
    try {
      const picture = await (await this.get("/api/picture")).json();
      this.sites = picture.sites.length;
      this.#say("picture", picture);
    } catch {
      if (this.last !== "token") this.#later();
      return;
    }
    const scheme = location.protocol === "https:" ? "wss" : "ws", query = this.token ? `?token=${encodeURIComponent(this.token)}` : "";
    const socket = (this.socket = new WebSocket(`${scheme}://${location.host}/ws${query}`));
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      this.wait = WAITS.first;
      this.#say("state", "open");
    };
    socket.onmessage = ({ data }) => {
      if (typeof data !== "string") this.#say("frame", decode(data, this.sites));
      else {
        const message = JSON.parse(data);
        this.#say(message.type === "error" ? "refused" : message.type, message.data);
      }
    };
    socket.onclose = () => this.#later();
  }

  #say(name, detail) {
    if (name === "state") this.last = detail;
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  #later() {
    this.#say("state", "closed");
    setTimeout(() => this.start(), this.wait * (0.75 + Math.random() / 2));
    this.wait = Math.min(2 * this.wait, WAITS.most);
  }
}
