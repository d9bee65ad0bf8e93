// The connection: history first, then the WebSocket; comes back by itself and goes on after the last message.

const WAITS = { first: 500, most: 15000 };

function stored(key, make) {
  try {
    const kept = sessionStorage.getItem(key);
    if (kept !== null) return kept;
    const made = make();
    if (made) sessionStorage.setItem(key, made);
    return made;
  } catch {
    return make(); // a frame that may keep nothing
  }
}

/** The token that the address names after #token=, which is then taken out of the address; kept for this tab. */
export function tokenOfPage() {
  const named = new URLSearchParams(location.hash.slice(1)).get("token");
  if (named) {
    history.replaceState(null, "", location.pathname + location.search);
    setToken(named);
    return named;
  }
  return stored("thermofab-token", () => "");
}

export function setToken(token) {
  try {
    sessionStorage.setItem("thermofab-token", token);
  } catch {
    /* a frame that may keep nothing */
  }
}

/**
 * Events, all with `detail`: `state` ("connecting", "open", "closed", "token"), `history` (array of data, oldest
 * first; everything known before is void), `message` (data, in order, none missing), `heartbeat`, `refused`.
 * Data are those of messages of `types`, with their `type` among them.
 */
export class Stream extends EventTarget {
  constructor({ types, limit = 600, omit = [] }) {
    super();
    Object.assign(this, { types, limit, omit, last: 0, journal: null, wait: WAITS.first, token: tokenOfPage() });
    this.client = stored("thermofab-client", () => `page-${crypto.getRandomValues(new Uint32Array(2)).join("-")}`);
    this.turn = Promise.resolve();
    addEventListener("online", () => this.#retry());
  }

  start() {
    this.#connect();
  }

  /** Try again with another token. */
  use(token) {
    this.token = token;
    setToken(token);
    this.#retry();
  }

  async get(path) {
    const answer = await fetch(path, { headers: this.token ? { Authorization: `Bearer ${this.token}` } : {} });
    if (answer.status === 401) {
      this.#say("state", "token");
      throw new TokenNeeded();
    }
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    return answer.json();
  }

  #say(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  #retry() {
    if (this.timer === undefined) return;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.#connect();
  }

  #later() {
    this.#say("state", "closed");
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#retry(), this.wait * (0.75 + Math.random() / 2));
    this.wait = Math.min(2 * this.wait, WAITS.most);
  }

  async #load() {
    const past = await this.get(`/api/history?limit=${this.limit}&omit=${this.omit.join(",")}`);
    const newest = await this.get("/api/latest");
    if (newest.journal !== past.journal) throw new Error("the server was restarted between two requests");
    this.journal = newest.journal;
    const list = new Map(), note = ({ type, data }) => this.types.includes(type) && list.set(data.sequence, { ...data, type });
    past.messages.forEach(note);
    this.last = past.head;
    // The newest of every symbol, whole. What came between the two requests is brought by the socket.
    for (const message of newest.messages) if (message.data.sequence <= past.head) note(message);
    this.#say("history", [...list.values()].sort((a, b) => a.sequence - b.sequence));
  }

  async #connect() {
    this.#say("state", "connecting");
    try {
      if (this.journal === null) await this.#load();
      else await this.get("/api/history?limit=0"); // tells a wrong token from a server that is away
    } catch (error) {
      if (error instanceof TokenNeeded) this.timer = setTimeout(() => {}, 2 ** 30);
      else this.#later();
      return;
    }
    const query = new URLSearchParams({ from: this.last + 1 });
    if (this.token) query.set("token", this.token);
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/ws/${this.client}?${query}`);
    let silence;
    const alive = (seconds) => {
      clearTimeout(silence);
      silence = setTimeout(() => socket.close(), 1000 * seconds);
    };
    let beat = 30;
    alive(10);
    socket.onmessage = ({ data: text }) => {
      const message = JSON.parse(text);
      if (message.type === "hello") {
        beat = 2.5 * message.data.heartbeat_seconds;
        this.wait = WAITS.first;
        if (message.data.journal !== this.journal) {
          this.journal = null; // another journal: its numbers are not those known here
          socket.close();
        } else this.#say("state", "open");
      }
      alive(beat);
      this.turn = this.turn.then(() => this.#take(message)).catch(() => socket.close());
    };
    socket.onclose = () => {
      clearTimeout(silence);
      this.turn = this.turn.then(() => this.#later());
    };
  }

  async #take({ type, data }) {
    if (type === "heartbeat") this.#say("heartbeat", data);
    else if (type === "error") this.#say("refused", data);
    else if (data?.sequence > this.last) {
      if (data.sequence > this.last + 1) await this.#fetchMissing(data.sequence);
      this.last = data.sequence;
      if (this.types.includes(type)) this.#say("message", { ...data, type });
    }
  }

  /** What the server dropped because this page was slow. */
  async #fetchMissing(before) {
    for (let from = this.last + 1; from !== null && from < before; ) {
      const page = await this.get(`/api/replay?from=${from}&limit=500`);
      for (const { type, data } of page.messages) {
        if (data.sequence <= this.last || data.sequence >= before) continue;
        this.last = data.sequence;
        if (this.types.includes(type)) this.#say("message", { ...data, type });
      }
      from = page.next;
    }
  }
}

class TokenNeeded extends Error {}

const WORDS = { connecting: "Connecting", open: "Live", closed: "Connection lost, trying again", token: "Token needed" };

/** `<connection-state>`: set `.state`. */
class ConnectionState extends HTMLElement {
  connectedCallback() {
    this.setAttribute("role", "status");
    this.append(document.createElement("i"), document.createElement("span"));
    this.state = "connecting";
  }
  set state(state) {
    if (this.getAttribute("state") === state) return;
    this.setAttribute("state", state);
    this.lastChild.textContent = WORDS[state] ?? state;
  }
}
customElements.define("connection-state", ConnectionState);

/** `<token-form>`: asks for the token and calls `.use(token)`. */
class TokenForm extends HTMLElement {
  connectedCallback() {
    const form = document.createElement("form"), label = document.createElement("label");
    const input = Object.assign(document.createElement("input"), { type: "password", id: "token", required: true, autocomplete: "off" });
    label.htmlFor = "token";
    label.textContent = "This server asks for its token";
    form.append(input, Object.assign(document.createElement("button"), { textContent: "Connect" }));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.use(input.value.trim());
    });
    this.append(label, form);
  }
  /** Show the form while a token is needed. */
  show(needed) {
    if (needed === !this.hidden) return;
    this.hidden = !needed;
    if (needed) this.querySelector("input").focus();
  }
}
customElements.define("token-form", TokenForm);

/** Join a stream to the page's connection state and token form. */
export function attend(stream) {
  const state = document.querySelector("connection-state"), form = document.querySelector("token-form");
  form.use = (token) => stream.use(token);
  stream.addEventListener("state", ({ detail }) => {
    if (form.hidden || detail !== "connecting") form.show(detail === "token");
    state.state = detail;
  });
}
