/**
 * The page of `skal label`: one module, for a browser tab and for a notebook.
 *
 * `start(root, transport)` draws the page into an element. A transport asks the session
 * by name (`ask`) and says where pictures are (`media`). Whatever a user typed or a file
 * holds enters the page as text: nothing here parses HTML.
 */

const HORIZON = 10; // rows fetched ahead
const LOW = 5; // fetch more below this
const TILES = 24; // rows in the grid
const POLL = 4000; // ms between two looks at the progress
const NOTICE = 20000; // ms that a refusal is shown
const PAGE = 50; // answers of the past fetched at once
const FEW = 10; // classes that have a digit each
const ACTIONS = "uxgnm"; // letters that no class may have
const ANSWERS = ["label", "skip", "discard"];
const WORDS = { skip: "Not sure", discard: "Discarded", note: "Note" };

// ---------------------------------------------------------------- small things

/** Make an element: properties, `on...` listeners, attributes, children as text. */
function h(tag, given = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && !name.includes("-") && name !== "list") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const keycap = (key) => h("kbd", { "aria-hidden": "true" }, key);
const count = (n) => Number(n).toLocaleString("en").replaceAll(",", "\u202f");
const plural = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;
const percent = (x) => `${Math.round(100 * x)} %`;
const commands = (event) => event.ctrlKey || event.metaKey || event.altKey;

/** A random UUID; `crypto.randomUUID` is missing where a notebook is served without TLS. */
function uuid() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/**
 * Give each class a digit, its own where it is one, and the first letter still free; of
 * many classes one key each, and no letter from the middle of a name.
 */
export function keysOf(classes) {
  const many = classes.length > FEW;
  const taken = new Set(ACTIONS);
  const digits = [..."1234567890"].filter((digit) => !classes.includes(digit));
  return classes.map((name) => {
    const digit = /^[0-9]$/.test(name) ? name : (digits.shift() ?? null);
    const letters = [...name.toLowerCase()].filter((letter) => /^\p{L}$/u.test(letter));
    const chosen = many ? letters.slice(0, digit ? 0 : 1) : letters;
    const letter = chosen.find((one) => !taken.has(one)) ?? null;
    if (letter) taken.add(letter);
    return { name, digit, letter };
  });
}

// ---------------------------------------------------------------- transports

class Refused extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/** Ask the server of `skal label`. The key came behind the # of the start address. */
function overHttp() {
  const name = "skal-key";
  let key = null;
  if (location.hash.length > 1) {
    key = location.hash.slice(1);
    memory.set(name, key);
    history.replaceState(null, "", location.pathname);
  }
  return {
    whole: true,
    async ask(what, payload = {}) {
      const reply = await fetch(`/api/${what}`, {
        method: "POST",
        headers: {
          "Content-Type": "application/json",
          // Read anew each time: another tab may have come with a newer key.
          "X-Skal-Key": memory.get(name) ?? key ?? "",
        },
        body: JSON.stringify(payload),
        signal: AbortSignal.timeout(20000),
      });
      const body = await reply.json().catch(() => ({}));
      if (!reply.ok) throw new Refused(body.error ?? reply.statusText, reply.status);
      return body;
    },
    media: async (item, size) => `/media/${item}${size === "thumb" ? "/thumb" : ""}`,
  };
}

/** Ask the kernel of a notebook, in messages of the widget's model. */
function overMessages(model) {
  const waiting = new Map();
  const pictures = new Map();
  const heard = (message, buffers) => {
    const one = waiting.get(message.id);
    if (!one) return;
    waiting.delete(message.id);
    if (message.error) one.fail(new Refused(message.error, message.status ?? 400));
    else one.done({ ...message.answer, buffers });
  };
  model.on("msg:custom", heard);
  const ask = (name, payload = {}) =>
    new Promise((done, fail) => {
      const id = uuid();
      waiting.set(id, { done, fail });
      model.send({ id, name, payload });
    });
  async function picture(item, size) {
    const { type, buffers } = await ask("media", { item, size });
    return URL.createObjectURL(new Blob([buffers[0]], { type }));
  }
  return {
    whole: false,
    ask,
    media(item, size) {
      const name = `${item}/${size}`;
      if (!pictures.has(name)) pictures.set(name, picture(item, size));
      return pictures.get(name);
    },
    stop() {
      model.off("msg:custom", heard);
      for (const url of pictures.values()) url.then(URL.revokeObjectURL, () => {});
    },
  };
}

/** localStorage, or a plain map where the browser has none to give. */
const memory = (() => {
  const map = new Map();
  const plain = {
    get: (key) => map.get(key) ?? null,
    set: (key, value) => map.set(key, value),
    remove: (key) => map.delete(key),
    keys: () => [...map.keys()],
  };
  try {
    localStorage.setItem("skal-probe", "1");
    localStorage.removeItem("skal-probe");
  } catch {
    return plain;
  }
  return {
    get: (key) => localStorage.getItem(key) ?? plain.get(key),
    set(key, value) {
      try {
        localStorage.setItem(key, value);
      } catch {
        plain.set(key, value); // full: better in this tab alone than not at all
      }
    },
    remove(key) {
      localStorage.removeItem(key);
      plain.remove(key);
    },
    keys: () => [...Object.keys(localStorage), ...plain.keys()],
  };
})();

// ---------------------------------------------------------------- the outbox

/**
 * What was answered and not yet acknowledged. An entry a key of the storage, so that two
 * tabs never overwrite each other; sent in order, again and again, with the same id.
 */
class Outbox {
  constructor(name, transport, changed) {
    this.prefix = `skal-out:${name}:`;
    this.transport = transport;
    this.changed = changed;
    this.counter = 0;
    this.pause = 0;
    this.trouble = null;
    this.sending = null;
  }

  entries() {
    const keys = memory.keys().filter((key) => key.startsWith(this.prefix)).sort();
    // Another tab may have sent one meanwhile.
    return keys.map((key) => ({ key, event: JSON.parse(memory.get(key)) })).filter(({ event }) => event);
  }

  get size() {
    return memory.keys().filter((key) => key.startsWith(this.prefix)).length;
  }

  put(event) {
    const order = `${String(Date.now()).padStart(15, "0")}-${String(this.counter++).padStart(6, "0")}`;
    memory.set(`${this.prefix}${order}-${event.event}`, JSON.stringify(event));
    this.changed();
    this.flush();
  }

  /** Send all there is; one sender at a time. */
  flush() {
    clearTimeout(this.timer);
    this.sending ??= this.send().finally(() => (this.sending = null));
    return this.sending;
  }

  async send() {
    for (;;) {
      const entries = this.entries().slice(0, 50);
      if (!entries.length) return;
      let answer;
      try {
        answer = await this.transport.ask("events", { events: entries.map(({ event }) => event) });
      } catch (error) {
        this.later(error);
        return;
      }
      this.settle(entries, answer);
    }
  }

  later(error) {
    this.pause = Math.min(10000, Math.max(500, 2 * this.pause));
    this.trouble = error;
    this.timer = setTimeout(() => this.flush(), this.pause);
    this.changed();
  }

  settle(entries, answer) {
    this.pause = 0;
    this.trouble = null;
    const refused = new Map((answer.refused ?? []).map((one) => [one.event, one.error]));
    const known = new Set([...answer.saved, ...refused.keys()]);
    for (const { key, event } of entries) if (known.has(event.event)) memory.remove(key);
    this.changed(answer, refused);
  }
}

// ---------------------------------------------------------------- the page

/** Draw the page into `root` and run it; returns a function that stops it. */
export function start(root, transport) {
  const page = new Page(root, transport);
  page.begin();
  return () => page.stop();
}

class Page {
  constructor(root, transport) {
    this.root = root;
    this.transport = transport;
    this.queue = []; // rows fetched and not yet on the screen
    this.current = null;
    this.past = []; // answers, the latest last
    this.undone = []; // what redo brings back
    this.lately = new Set(); // rows answered since the last look for more
    this.back = null; // where in the past we look; null: at the front
    this.more = true; // the server may know an older past
    this.known = new Map(); // rows by number, to show them again
    this.mode = "label";
    this.stopped = false;
    this.told = 0; // until when a notice stays
    this.version = null;
  }

  async begin() {
    this.draw();
    this.listen();
    try {
      this.setUp(await this.transport.ask("state"));
    } catch (error) {
      this.trouble(error);
      if (!this.stopped) this.retry = setTimeout(() => this.begin(), 2000);
      return;
    }
    await this.outbox.flush();
    await this.loadPast().catch((error) => this.trouble(error));
    await this.refill();
    this.look();
  }

  setUp(state) {
    this.state = state;
    this.name = `${state.key}:${state.annotator}`;
    this.outbox = new Outbox(this.name, this.transport, (...news) => this.sent(...news));
    this.remembered = Number(memory.get(`skal-at:${this.name}`)) || null;
    this.title.textContent = state.project;
    this.who.textContent = state.annotators > 1 ? state.annotator : "";
    if (this.transport.whole) document.title = `${state.project} · skal label`;
    this.stripButton.hidden = !state.strips;
    this.find.placeholder = state.kind === "image" ? "File name" : "Words to look for";
    this.drawClasses();
  }

  stop() {
    this.stopped = true;
    clearTimeout(this.retry);
    clearTimeout(this.poll);
    clearTimeout(this.outbox?.timer);
    this.unlisten();
    this.transport.stop?.();
    this.root.replaceChildren();
  }

  // -------------------------------------------------------------- skeleton

  draw() {
    if (this.frame) return;
    this.root.classList.add("skal");
    this.title = h("h1", {}, "skal label");
    this.who = h("span", { className: "who" });
    this.saved = h("span", { className: "saved", role: "status" });
    this.banner = h("div", { className: "banner", role: "alert", hidden: true });
    this.stage = h("section", { className: "stage", tabIndex: -1, "aria-label": "Row to label" });
    this.where = h("p", { className: "where" });
    this.sight = h("div", { className: "sight" });
    this.hint = h("div", { className: "hint" });
    this.lives = [h("p", { className: "live", "aria-hidden": "true" }), h("p", { className: "live", "aria-hidden": "true" })];
    // One region that is always there, or screen readers miss what changes in it.
    this.spoken = h("p", { className: "spoken", role: "status", "aria-live": "polite" });
    this.classes = h("div", { className: "classes", role: "group", "aria-label": "Classes" });
    this.stage.append(this.where, this.sight, this.hint);
    this.labelling = h("div", { className: "labelling" }, this.stage, this.lives[0], this.drawAnswers());
    this.drawGrid();
    this.drawSearch();
    this.panel = h("aside", { className: "panel", "aria-label": "Progress" });
    this.frame = h(
      "div",
      { className: "frame" },
      this.drawHeader(),
      this.banner,
      h("main", { className: "work" }, this.labelling, this.gridView, this.searchView),
      this.panel,
      this.spoken,
    );
    this.root.replaceChildren(this.frame);
    this.drawDialogs();
  }

  drawHeader() {
    const mark = h("span", { className: "mark", "aria-hidden": "true" }, tick());
    return h(
      "header",
      { className: "bar" },
      h("div", { className: "name" }, mark, this.title, this.who),
      this.saved,
      h(
        "nav",
        { className: "tools", "aria-label": "Views" },
        (this.gridButton = this.tool("Grid", "G", () => this.toggle("grid"))),
        (this.searchButton = this.tool("Search", "/", () => this.toggle("search"))),
        this.tool("Help", "?", () => this.openHelp()),
      ),
    );
  }

  tool(text, key, onclick) {
    return h("button", { type: "button", className: "tool", onclick, "aria-keyshortcuts": key }, text, keycap(key));
  }

  drawAnswers() {
    const other = (text, key, name, onclick) =>
      h("button", { type: "button", className: `other ${name}`, onclick, "aria-keyshortcuts": key }, text, keycap(key));
    this.previous = other("Back", "←", "previous", () => this.lookBack());
    this.following = other("Forward", "→", "following", () => this.lookForward());
    this.drawFilter();
    return h(
      "div",
      { className: "answers" },
      this.filterLine,
      this.classes,
      h(
        "div",
        { className: "others", role: "group", "aria-label": "Other answers" },
        other("Not sure", "space", "skip", () => this.answer("skip")),
        other("Discard", "X", "discard", () => this.answer("discard")),
        (this.undoButton = other("Undo", "U", "undo", () => this.undo())),
        this.previous,
        this.following,
        other("Note", "N", "note", () => this.openNote()),
        other("Suggest", "M", "suggest", () => this.suggest()),
        (this.stripButton = other("Strip", "-", "drawn", () => this.fetchStrip())),
      ),
    );
  }

  /** A line to find a class by its name, where there are more than there are digits. */
  drawFilter() {
    this.filter = h("input", {
      type: "search",
      autocomplete: "off",
      placeholder: "Find a class",
      "aria-label": "Find a class",
      oninput: () => this.narrow(),
      onkeydown: (event) => this.filterKey(event),
    });
    this.filterLine = h("div", { className: "filter", hidden: true }, this.filter, keycap("."));
  }

  narrow() {
    const words = this.filter.value.trim().toLowerCase();
    for (const button of this.classes.querySelectorAll(".class")) {
      button.hidden = !this.state.classes[button.dataset.position].toLowerCase().includes(words);
    }
  }

  filterKey(event) {
    if (event.key !== "Enter" && event.key !== "Escape") return;
    const first = this.classes.querySelector(".class:not([hidden])");
    const words = this.filter.value.trim();
    this.filter.value = "";
    this.narrow();
    this.take(event, () => this.focus());
    if (event.key === "Enter" && words && first) this.answer("label", this.state.classes[first.dataset.position]);
  }

  drawClasses() {
    this.keys = keysOf(this.state.classes);
    const buttons = this.keys.map(({ name, digit, letter }) =>
      h(
        "button",
        {
          type: "button",
          className: "class",
          "aria-keyshortcuts": [digit, letter].filter(Boolean).join(" ") || null,
          onclick: () => this.answer("label", name),
        },
        h("span", { className: "caps" }, digit ? keycap(digit) : null, letter ? keycap(letter.toUpperCase()) : null),
        h("span", { className: "text", dir: "auto" }, name),
      ),
    );
    buttons.forEach((button, position) => (button.dataset.position = position));
    const add = h(
      "button",
      { type: "button", className: "add", onclick: () => this.openClass(), "aria-label": "Add a class" },
      h("span", { "aria-hidden": "true" }, "+"),
      h("span", { className: "long" }, "class"),
    );
    this.classes.replaceChildren(...buttons, add);
    this.classes.classList.toggle("many", buttons.length > FEW);
    this.filterLine.hidden = buttons.length <= FEW;
    this.classes.classList.toggle("short", this.state.classes.every((name) => name.length <= 2));
    const picked = this.pick.value;
    this.pick.replaceChildren(...this.state.classes.map((name) => h("option", { value: name }, name)));
    if (this.state.classes.includes(picked)) this.pick.value = picked;
    this.mark();
  }

  // -------------------------------------------------------------- keys

  listen() {
    if (this.unlisten) return;
    const target = this.transport.whole ? document : this.root;
    if (!this.transport.whole) this.root.tabIndex = 0;
    const key = (event) => {
      this.key(event);
      // A letter that says nothing here could delete a cell of the notebook around us.
      if (!this.transport.whole && !commands(event)) event.stopPropagation();
    };
    const leave = (event) => {
      if (this.outbox?.size) event.preventDefault();
    };
    const online = () => this.outbox?.flush();
    // A click leaves the focus on its button, where space would press it again.
    const click = (event) => {
      if (event.detail && event.target.closest?.("button") && this.mode === "label" && !this.open()) this.focus();
    };
    target.addEventListener("keydown", key);
    this.root.addEventListener("click", click);
    addEventListener("beforeunload", leave);
    addEventListener("online", online);
    this.unlisten = () => {
      target.removeEventListener("keydown", key);
      this.root.removeEventListener("click", click);
      removeEventListener("beforeunload", leave);
      removeEventListener("online", online);
    };
  }

  focus() {
    this.stage.focus({ preventScroll: true });
  }

  open() {
    return this.root.querySelector("dialog[open]");
  }

  key(event) {
    if (!this.state || event.isComposing || this.open()) return;
    if (event.key === "Escape" && this.mode !== "label") return this.take(event, () => this.show("label"));
    const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
    if (typing && this.root.contains(typing)) return undefined;
    const undo = (event.ctrlKey || event.metaKey) && !event.altKey ? event.key.toLowerCase() : null;
    if (undo === "z") return this.take(event, () => (event.shiftKey ? this.redo() : this.undo()));
    if (undo === "y") return this.take(event, () => this.redo());
    if (commands(event)) return undefined;
    if (event.key === "?") return this.take(event, () => this.openHelp());
    if (event.key === "/") return this.take(event, () => this.toggle("search"));
    if (event.key.toLowerCase() === "g" && this.mode !== "search") return this.take(event, () => this.toggle("grid"));
    if (this.mode === "grid") return this.gridKey(event);
    return this.mode === "label" ? this.labelKey(event) : undefined;
  }

  take(event, action) {
    event.preventDefault();
    event.stopPropagation();
    action();
  }

  labelKey(event) {
    const pressed = event.target.closest?.("button, summary, a");
    if (pressed && (event.key === " " || event.key === "Enter")) return undefined;
    const walk = { ArrowLeft: () => this.lookBack(), ArrowRight: () => this.lookForward() }[event.key];
    if (walk) return this.take(event, walk);
    const key = event.key.toLowerCase();
    if (key === "u") return this.take(event, () => (event.shiftKey ? this.redo() : this.undo()));
    if (key === "." && !this.filterLine.hidden) return this.take(event, () => this.filter.focus());
    if (event.repeat) return undefined; // a key held down answers one row, not a hundred
    const act = {
      " ": () => this.answer("skip"),
      x: () => this.answer("discard"),
      n: () => this.openNote(),
      m: () => this.suggest(),
      "-": () => this.fetchStrip(),
    }[key];
    if (act) return this.take(event, act);
    const found = this.keys.find(({ digit, letter }) => key === digit || key === letter);
    return found ? this.take(event, () => this.answer("label", found.name)) : undefined;
  }

  // -------------------------------------------------------------- rows

  /** Fetch rows; what has been on the screen stays, only the tail is new. */
  async refill() {
    this.filling ??= this.fill().finally(() => (this.filling = null));
    return this.filling;
  }

  async fill() {
    const seen = this.queue.filter((row) => row.seen);
    const shown = [this.current ?? { item: this.remembered }, ...seen].map((row) => row?.item).filter(Boolean);
    // What is answered while we wait may be in the reply all the same.
    this.lately = new Set(this.pending());
    let answer;
    try {
      answer = await this.transport.ask("next", { n: HORIZON, shown });
    } catch (error) {
      this.trouble(error);
      this.again = setTimeout(() => this.stopped || this.refill(), 2000);
      return;
    }
    const kept = this.queue.filter((row) => row.seen);
    const busy = new Set([...this.lately, ...kept.map((row) => row.item)]);
    if (this.current) busy.add(this.current.item);
    this.queue = [...kept, ...answer.items.filter((row) => !busy.has(row.item))];
    this.queue.forEach((row) => this.known.set(row.item, row));
    this.empty = answer.why ?? null;
    if (this.current) this.prefetch();
    else this.advance();
  }

  /** Rows whose answer has not yet arrived: the server may still offer them. */
  pending() {
    const waiting = this.outbox.entries().filter(({ event }) => [...ANSWERS, "batch"].includes(event.kind));
    return waiting.flatMap(({ event }) => event.items ?? [event.item]);
  }

  advance() {
    const first = this.queue.findIndex((row) => row.item === this.remembered);
    this.remembered = null;
    const [next] = this.queue.splice(Math.max(0, first), 1);
    this.put(next ?? null);
    if (this.queue.length < LOW) this.refill();
    else this.prefetch();
  }

  put(row) {
    this.current = row;
    this.back = null;
    if (row) {
      row.seen = true;
      this.known.set(row.item, row);
      memory.set(`skal-at:${this.name}`, String(row.item));
    }
    this.since = performance.now();
    this.render();
  }

  prefetch() {
    for (const row of this.queue.slice(0, 3)) {
      if (row.show.kind === "image") this.transport.media(row.item, "full").then((url) => (new Image().src = url));
    }
  }

  /** The row on the screen: the one to label, or one of the past. */
  shown() {
    return this.back === null ? this.current : this.known.get(this.past[this.back].item);
  }

  /** The answer that counts for a row, as far as this page knows. */
  answerOf(item) {
    return this.past.findLast(
      (one) => !one.undone && ANSWERS.includes(one.kind) && (one.items ?? [one.item]).includes(item),
    );
  }

  render() {
    const row = this.shown();
    this.hint.replaceChildren();
    this.stage.classList.toggle("looking-back", this.back !== null);
    if (!row) {
      this.where.replaceChildren();
      this.sight.replaceChildren(this.nothing());
    } else {
      this.where.replaceChildren(...this.whereabouts(row));
      this.sight.replaceChildren(this.view(row, "full"));
      this.sight.scrollTop = 0;
    }
    this.mark();
  }

  /** The answer to show; a row that is asked again on purpose hides what was said. */
  shownAnswer(row) {
    return this.back === null && row.source === "again" ? undefined : this.answerOf(row.item);
  }

  whereabouts(row) {
    const answered = this.shownAnswer(row);
    const parts = [h("span", { className: "id", dir: "auto", title: row.id }, row.id)];
    if (this.back !== null) {
      const steps = this.past.slice(this.back).filter((one) => !one.undone && one.item).length;
      parts.push(h("span", { className: "chip" }, `${steps} back`));
    }
    if (answered) {
      const said = answered.kind === "label" ? answered.value : WORDS[answered.kind];
      parts.push(h("span", { className: "chip now" }, "now: ", h("b", { dir: "auto" }, said)));
    }
    return parts;
  }

  nothing() {
    const line = this.empty ?? (this.state ? "Fetching rows…" : "Opening the project…");
    return h("p", { className: "nothing" }, line);
  }

  /** Draw a row; everything in it is text, or a picture by its number. */
  view(row, size) {
    const { show } = row;
    if (show.kind === "image") return this.picture(row, size);
    if (show.kind === "text") {
      const cut = show.more ? h("p", { className: "cut" }, `… and ${count(show.more)} more characters`) : null;
      return h("div", { className: "text", dir: "auto", tabIndex: size === "full" ? 0 : -1 }, show.text, cut);
    }
    const fields = show.fields.map(([name, value]) => [
      h("dt", { dir: "auto" }, name),
      h("dd", { dir: "auto", className: value === null ? "gap" : "" }, value ?? "missing"),
    ]);
    return h("dl", { className: "fields" }, fields.flat());
  }

  picture(row, size) {
    const image = h("img", { alt: `Image ${row.id}`, draggable: false, decoding: "async" });
    image.addEventListener("load", () => image.classList.toggle("tiny", image.naturalWidth < 128));
    image.addEventListener("error", () =>
      image.replaceWith(h("p", { className: "nothing" }, "This picture cannot be shown. Press X to discard it.")),
    );
    this.transport.media(row.item, size).then(
      (url) => (image.src = url),
      () => image.dispatchEvent(new Event("error")),
    );
    return image;
  }

  /** Say on the buttons what the row on the screen has now. */
  mark() {
    const row = this.state && this.shown();
    const answered = row ? this.shownAnswer(row) : null;
    for (const button of this.classes.querySelectorAll(".class")) {
      const name = this.state.classes[button.dataset.position];
      button.setAttribute("aria-pressed", String(answered?.kind === "label" && answered.value === name));
    }
    const done = this.past.some((one) => !one.undone);
    this.undoButton.disabled = !done && !this.more;
    this.previous.disabled = !done && !this.more;
    this.following.disabled = this.back === null && !answered;
  }

  // -------------------------------------------------------------- answers

  /** Take an answer for the row on the screen; it is safe before anything moves. */
  answer(kind, value = null) {
    const row = this.shown();
    if (!row) return;
    const event = {
      event: uuid(),
      item: row.item,
      kind,
      value,
      lead_ms: Math.round(performance.now() - this.since),
    };
    if (row.source === "search") event.source = "search";
    this.record(event);
    this.tell(kind === "label" ? ["Labelled ", value] : [WORDS[kind]], row);
    if (this.back !== null) this.toFront();
    else this.advance();
  }

  record(event) {
    this.past.push({ ...event, undone: false });
    for (const item of event.items ?? [event.item]) this.lately.add(item);
    this.undone = [];
    this.outbox.put(event);
  }

  toFront() {
    this.back = null;
    this.since = performance.now();
    this.render();
  }

  /** Say what was just done, on the screen and to a screen reader. */
  tell(words, row = null) {
    const [first, name] = words;
    for (const line of this.lives) {
      line.replaceChildren(
        h("span", { className: "did" }, tick()),
        h("span", {}, first, name === undefined ? "" : h("b", { dir: "auto" }, name)),
        row ? h("span", { className: "of", dir: "auto" }, row.id) : "",
      );
    }
    this.spoken.textContent = `${words.join("")}${row ? `, ${row.id}` : ""}`;
  }

  async undo() {
    let last = this.past.findLast((one) => !one.undone);
    if (!last && this.more) {
      await this.loadPast().catch((error) => this.trouble(error));
      last = this.past.findLast((one) => !one.undone);
    }
    if (!last) return this.tell(["Nothing to undo"]);
    last.undone = true;
    this.undone.push(last);
    this.outbox.put({ event: uuid(), kind: "undo", target: last.batch ?? last.event });
    const row = last.items ? null : this.known.get(last.item);
    this.tell(["Undone: ", sayOf(last)], row);
    if (row && row.item !== this.current?.item) {
      if (this.current) this.queue.unshift(this.current);
      this.queue = this.queue.filter((one) => one.item !== row.item);
      this.put(row);
    } else if (row) this.toFront();
    else this.render();
    if (last.items && this.mode === "grid") this.fetchGrid();
    return undefined;
  }

  redo() {
    const entry = this.undone.pop();
    if (!entry) return this.tell(["Nothing to redo"]);
    entry.undone = false;
    this.outbox.put({ event: uuid(), kind: "redo", target: entry.batch ?? entry.event });
    this.tell(["Done again: ", sayOf(entry)], this.known.get(entry.item));
    const done = new Set(ANSWERS.includes(entry.kind) ? (entry.items ?? [entry.item]) : []);
    this.queue = this.queue.filter((row) => !done.has(row.item));
    if (done.has(this.current?.item)) this.advance();
    else this.render();
    return undefined;
  }

  // -------------------------------------------------------------- the past

  async loadPast() {
    const oldest = this.past.find((one) => one.seq)?.seq ?? null;
    const answer = await this.transport.ask("history", { before: oldest, n: PAGE });
    const here = new Set(this.past.map((one) => one.batch ?? one.event));
    const older = answer.events.filter((one) => !here.has(one.batch ?? one.event));
    for (const one of older) if (one.show) this.known.set(one.item, { item: one.item, id: one.id, show: one.show });
    this.past.unshift(...older);
    if (this.back !== null) this.back += older.length;
    this.more = answer.more;
    this.mark();
  }

  async lookBack() {
    const usable = (one) => !one.undone && one.item && ANSWERS.includes(one.kind) && this.known.has(one.item);
    const from = () => this.past.slice(0, this.back ?? this.past.length).findLastIndex(usable);
    let at = from();
    if (at < 0 && this.more) {
      await this.loadPast().catch((error) => this.trouble(error));
      at = from();
    }
    if (at < 0) return this.tell(["This is the first answer"]);
    this.back = at;
    this.since = performance.now();
    return this.render();
  }

  lookForward() {
    if (this.back === null) {
      // Undo brought it back and it still has an answer: leave that, and go on.
      if (this.current && this.shownAnswer(this.current)) this.advance();
      return;
    }
    const usable = (one) => !one.undone && one.item && ANSWERS.includes(one.kind) && this.known.has(one.item);
    const step = this.past.slice(this.back + 1).findIndex(usable);
    if (step < 0) this.toFront();
    else {
      this.back += step + 1;
      this.render();
    }
  }

  // -------------------------------------------------------------- a word of the model

  async suggest() {
    const row = this.shown();
    if (!row) return;
    const answer = await this.transport.ask("suggestion", { item: row.item }).catch((error) => ({ error }));
    if (this.shown() !== row) return;
    const line = answer.error
      ? [String(answer.error.message)]
      : answer.label === null
        ? ["No model yet: label a few rows of two classes first."]
        : ["The model would say ", h("b", { dir: "auto" }, answer.label), sureness(answer.confidence)];
    this.hint.replaceChildren(h("p", { role: "status" }, ...line));
  }

  // -------------------------------------------------------------- from class to class

  /** Draw the way from one class to another; the two nearest to the row, or as chosen. */
  async fetchStrip(between = {}) {
    const row = this.shown();
    if (!row || !this.state.strips) return;
    if (!this.hint.querySelector(".strip")) this.hint.replaceChildren(h("p", { role: "status" }, "Drawing…"));
    const answer = await this.transport.ask("strip", { item: row.item, ...between }).catch((error) => ({ error }));
    if (this.shown() !== row) return;
    const trouble = answer.error?.message ?? answer.why;
    if (trouble) return this.hint.replaceChildren(h("p", { role: "status" }, trouble));
    this.hint.replaceChildren(...this.strip(answer));
    this.spoken.textContent = `${answer.steps.length} pictures drawn from ${answer.first} to ${answer.second}`;
  }

  strip(answer) {
    const { classes, first, second, steps } = answer;
    // One class taken for both ends: the other end is for the server to choose.
    const chosen = async (name) => {
      const between = { first: one.value, second: two.value };
      if (one.value === two.value) delete between[name === "first" ? "second" : "first"];
      await this.fetchStrip(between);
      this.hint.querySelector(`select[name=${name}]`)?.focus();
    };
    const pick = (name, words, value) =>
      h(
        "select",
        { name, "aria-label": words, onchange: () => chosen(name) },
        classes.map((label) => h("option", { value: label, selected: label === value }, label)),
      );
    const one = pick("first", "Class at the first end", first);
    const two = pick("second", "Class at the other end", second);
    return [
      h("p", { className: "between" }, "Drawn, from ", one, " to ", two, h("span", { className: "muted" }, "Press where it changes: rows like that come next.")),
      h(
        "div",
        { className: "strip", role: "group", "aria-label": `Pictures drawn from ${first} to ${second}` },
        steps.map((step, at) => this.step(step, at, answer)),
      ),
    ];
  }

  step(step, at, { size, steps }) {
    const [width, height] = size;
    const canvas = h("canvas", { width, height, "aria-hidden": "true" });
    const pixels = Uint8Array.from(atob(step.pixels), (one) => one.charCodeAt(0));
    const image = new ImageData(width, height);
    for (let i = 0; i < width * height; i++) image.data.set([...pixels.subarray(3 * i, 3 * i + 3), 255], 4 * i);
    canvas.getContext("2d").putImageData(image, 0, 0);
    const taken = step.label === null ? "" : `The model takes ${percent(step.share)} of the rows most like it for ${step.label}. `;
    return h(
      "button",
      {
        type: "button",
        disabled: !step.items.length,
        title: taken.trim() || null,
        "aria-label": `Drawn picture ${at + 1} of ${steps.length}. ${taken}Ask for rows like it.`,
        onclick: () => this.askFor(step.items),
      },
      canvas,
      h("span", { className: "muted", dir: "auto" }, step.label ?? ""),
    );
  }

  /** Have rows come next, behind the one on the screen, which stays. */
  async askFor(items) {
    let rows;
    try {
      rows = (await this.transport.ask("ask_for", { items })).items;
    } catch (error) {
      return this.trouble(error);
    }
    const busy = new Set([this.current?.item, ...this.pending()]);
    rows = rows.filter((row) => !busy.has(row.item));
    const next = new Set(rows.map((row) => row.item));
    for (const row of rows) {
      row.seen = true; // chosen by the person: no new model takes its place
      this.known.set(row.item, row);
    }
    this.queue = [...rows, ...this.queue.filter((row) => !next.has(row.item))];
    this.tell([rows.length ? `${plural(rows.length, "row")} like it: next` : "No more rows like it"]);
    return this.current ? this.prefetch() : this.advance();
  }

  // -------------------------------------------------------------- views

  toggle(mode) {
    this.show(this.mode === mode ? "label" : mode);
  }

  show(mode) {
    this.mode = mode;
    this.labelling.hidden = mode !== "label";
    this.gridView.hidden = mode !== "grid";
    this.searchView.hidden = mode !== "search";
    this.gridButton.setAttribute("aria-pressed", String(mode === "grid"));
    this.searchButton.setAttribute("aria-pressed", String(mode === "search"));
    if (mode === "label") {
      this.since = performance.now();
      this.focus();
    }
    if (mode === "grid") this.fetchGrid(true);
    if (mode === "search") this.find.focus();
  }

  // -------------------------------------------------------------- the grid

  drawGrid() {
    const choose = () => {
      this.picked = true; // by a person: no other class instead
      this.fetchGrid(true);
    };
    this.pick = h("select", { onchange: choose, "aria-label": "Class" });
    this.tiles = h("div", { className: "tiles", role: "group", "aria-label": "Rows of this class, by the model" });
    this.commit = h("button", { type: "button", className: "commit", onclick: () => this.commitGrid() });
    this.gridView = h(
      "section",
      { className: "grid", hidden: true, "aria-label": "Grid" },
      h(
        "div",
        { className: "ask" },
        h("label", {}, "The model takes these for ", this.pick),
        h("span", { className: "muted" }, "Mark the wrong ones; they stay unlabelled."),
      ),
      this.tiles,
      h(
        "div",
        { className: "foot" },
        this.commit,
        h("button", { type: "button", className: "other", onclick: () => this.show("label") }, "Close", keycap("esc")),
        this.lives[1],
      ),
    );
  }

  async fetchGrid(focus = false) {
    const label = this.pick.value;
    this.rows = [];
    this.wrong = new Set();
    this.tiles.replaceChildren(h("p", { className: "nothing" }, "Asking the model…"));
    this.countGrid();
    // What was just answered must not come back as a tile.
    await this.outbox.flush();
    const answer = await this.transport.ask("grid", { label, n: TILES }).catch((error) => ({ error }));
    if (this.pick.value !== label) return;
    const best = Object.entries(answer.counts ?? {}).sort((a, b) => b[1] - a[1])[0];
    if (focus && !answer.items?.length && best?.[1] && best[0] !== label && !this.picked) {
      this.pick.value = best[0];
      return this.fetchGrid(focus);
    }
    const busy = new Set(this.pending());
    this.rows = (answer.items ?? []).filter((row) => !busy.has(row.item));
    const none = answer.error?.message ?? answer.why ?? "The model takes no unlabelled row for this class.";
    if (this.rows.length) this.tiles.replaceChildren(...this.rows.map((row) => this.tile(row)));
    else this.tiles.replaceChildren(h("p", { className: "nothing" }, none));
    this.countGrid();
    if (focus && this.mode === "grid") (this.tiles.querySelector("button") ?? this.pick).focus();
    return undefined;
  }

  tile(row) {
    this.known.set(row.item, row);
    const flip = () => {
      const wrong = !this.wrong.delete(row.item) && this.wrong.add(row.item);
      button.setAttribute("aria-pressed", String(Boolean(wrong)));
      this.countGrid();
    };
    const button = h(
      "button",
      { type: "button", className: `tile ${row.show.kind}`, "aria-pressed": "false", onclick: flip, title: row.id },
      this.view(row, "thumb"),
      h("span", { className: "wrong" }, "✕ wrong"),
    );
    return button;
  }

  countGrid() {
    const right = this.rows.length - this.wrong.size;
    this.commit.disabled = !right;
    this.commit.replaceChildren(
      `Label ${plural(right, "row")} as `,
      h("b", { dir: "auto" }, this.pick.value),
      keycap("enter"),
    );
  }

  commitGrid() {
    const items = this.rows.map((row) => row.item).filter((item) => !this.wrong.has(item));
    if (!items.length) return;
    const value = this.pick.value;
    this.record({ event: uuid(), kind: "batch", value, items, wrong: [...this.wrong] });
    // A batch is undone by its own name.
    this.past.at(-1).batch = this.past.at(-1).event;
    this.past.at(-1).kind = "label";
    this.tell([`Labelled ${plural(items.length, "row")} as `, value]);
    const gone = new Set(items);
    this.queue = this.queue.filter((row) => !gone.has(row.item));
    if (this.current && gone.has(this.current.item)) this.advance();
    this.fetchGrid(true);
  }

  gridKey(event) {
    const tiles = [...this.tiles.querySelectorAll(".tile")];
    const at = tiles.indexOf(document.activeElement?.closest?.(".tile") ?? this.root.getRootNode().activeElement);
    if (event.key === "Enter" && (at >= 0 || !event.target.closest?.("button"))) {
      return this.take(event, () => this.commitGrid());
    }
    if (event.key.toLowerCase() === "u") return this.take(event, () => this.undo());
    const wide = tiles.filter((tile) => tile.offsetTop === tiles[0].offsetTop).length;
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -wide, ArrowDown: wide }[event.key];
    if (!step || !tiles.length) return undefined;
    return this.take(event, () => tiles[Math.min(tiles.length - 1, Math.max(0, at + step))].focus());
  }

  // -------------------------------------------------------------- search

  drawSearch() {
    this.find = h("input", { type: "search", autocomplete: "off", "aria-label": "Search" });
    this.found = h("div", { className: "tiles found", role: "group", "aria-label": "Results" });
    this.news = h("p", { className: "muted", role: "status" });
    const form = h(
      "form",
      {
        className: "ask",
        onsubmit: (event) => {
          event.preventDefault();
          this.search({ text: this.find.value });
        },
      },
      this.find,
      h("button", { className: "other" }, "Search", keycap("enter")),
      h("button", { type: "button", className: "other", onclick: () => this.searchLike() }, "Rows like this one"),
      h("button", { type: "button", className: "other", onclick: () => this.show("label") }, "Close", keycap("esc")),
    );
    this.searchView = h("section", { className: "search", hidden: true, "aria-label": "Search" }, form, this.news, this.found);
  }

  searchLike() {
    if (this.current) this.search({ like: this.current.item });
  }

  async search(query) {
    this.news.textContent = "Looking…";
    const answer = await this.transport.ask("search", { ...query, n: TILES }).catch((error) => ({ error }));
    const rows = answer.items ?? [];
    const like = query.like ? "like this one" : "found";
    const many = rows.length === TILES ? "The first " : "";
    this.news.textContent = answer.error ? answer.error.message : `${many}${plural(rows.length, "row")} ${like}`;
    this.found.replaceChildren(...rows.map((row) => this.result(row)));
    if (rows.length) this.found.querySelector("button").focus();
  }

  result(row) {
    const label = row.label ? h("span", { className: "chip now", dir: "auto" }, row.label) : null;
    return h(
      "button",
      { type: "button", className: `tile ${row.show.kind}`, title: row.id, onclick: () => this.goTo(row) },
      this.view(row, "thumb"),
      h("span", { className: "id", dir: "auto" }, row.id),
      label,
    );
  }

  /** Put a row that was found on the screen; the one that was there comes next. */
  goTo(row) {
    if (this.current && this.current.item !== row.item) this.queue.unshift(this.current);
    this.queue = this.queue.filter((one) => one.item !== row.item);
    this.put({ ...row, source: "search" });
    this.show("label");
  }

  // -------------------------------------------------------------- dialogs

  drawDialogs() {
    this.help = h("dialog", { className: "help", "aria-label": "Help" });
    this.noteText = h("textarea", { rows: 4, "aria-label": "Note", required: true });
    this.note = this.form("Note on this row", this.noteText, "Keep note", () => this.keepNote());
    this.className = h("input", { type: "text", "aria-label": "Name of the class", required: true, autocomplete: "off" });
    this.classNews = h("p", { className: "near", role: "alert" });
    this.newClass = this.form("Add a class", [this.className, this.classNews], "Add", () => this.addClass());
    this.root.append(this.help, this.note, this.newClass);
  }

  form(title, body, done, submit) {
    const dialog = h(
      "dialog",
      { "aria-label": title },
      h(
        "form",
        {
          onsubmit: (event) => {
            event.preventDefault();
            submit();
          },
        },
        h("h2", {}, title),
        body,
        h(
          "div",
          { className: "foot" },
          h("button", { className: "commit" }, done),
          h("button", { type: "button", className: "other", onclick: () => dialog.close() }, "Cancel", keycap("esc")),
        ),
      ),
    );
    dialog.addEventListener("close", () => this.focus());
    return dialog;
  }

  openNote() {
    if (!this.shown()) return;
    this.noteText.value = this.past.findLast((one) => one.kind === "note" && !one.undone && one.item === this.shown().item)?.value ?? "";
    this.note.showModal();
    this.noteText.focus();
  }

  keepNote() {
    const row = this.shown();
    this.record({ event: uuid(), item: row.item, kind: "note", value: this.noteText.value.trim() });
    this.tell(["Note kept"], row);
    this.note.close();
  }

  openClass() {
    this.className.value = "";
    this.classNews.textContent = "";
    this.sure = null;
    this.newClass.showModal();
    this.className.focus();
  }

  async addClass() {
    const name = this.className.value.trim();
    const sure = this.sure === name; // said twice, with a warning between
    try {
      const answer = await this.transport.ask("add_class", { name, sure });
      if (answer.near) {
        this.sure = name;
        this.classNews.textContent = `There is “${answer.near}”. Press Add again to have “${name}” as well.`;
        return;
      }
      this.state.classes = answer.classes;
      this.drawClasses();
      this.tell(["New class ", name]);
      this.newClass.close();
    } catch (error) {
      this.classNews.textContent = error.message;
    }
  }

  openHelp() {
    const keys = [
      ["1 … 9, 0", "a class; so does its letter"],
      ...(this.filterLine.hidden ? [] : [[".", "find a class by its name; enter takes the first"]]),
      ["space", "not sure: ask me later"],
      ["X", "discard: not fit for labelling"],
      ["U", "undo, as far back as you like; shift U does it again"],
      ["← →", "look back at answers and change them"],
      ["M", "what the model would say; hidden, so that it does not sway you"],
      ...(this.state?.strips ? [["-", "a strip, drawn from one class to another"]] : []),
      ["G", "a grid of what the model takes for one class"],
      ["/", "search, or rows like this one"],
      ["N", "a note on the row"],
    ];
    const list = keys.map(([key, what]) => [h("dt", {}, keycap(key)), h("dd", {}, what)]);
    const guide = this.state?.guidelines;
    this.help.replaceChildren(
      h("h2", {}, guide ? "Guidelines" : "Keys"),
      guide ? h("div", { className: "guidelines", dir: "auto" }, guide) : "",
      guide ? h("h2", {}, "Keys") : "",
      h("dl", { className: "keys" }, list.flat()),
      h("p", { className: "muted" }, "This page holds on to an answer until it is safe on disk. Close it whenever you like; it goes on where you left."),
      h("form", { method: "dialog", className: "foot" }, h("button", { className: "commit", autofocus: true }, "Close", keycap("esc"))),
    );
    this.help.showModal();
  }

  // -------------------------------------------------------------- news

  /** The outbox has changed: say how much is not yet safe. */
  sent(answer = null, refused = new Map()) {
    const n = this.outbox.size;
    this.saved.classList.toggle("waiting", n > 0);
    this.saved.replaceChildren(n ? `${count(n)} unsaved` : "All saved");
    const { trouble } = this.outbox;
    // A moment's delay is nothing to speak of.
    if (trouble && n) this.trouble(trouble);
    else if (answer) this.clear();
    for (const [event, error] of refused) this.refuse(event, error);
    if (answer && !this.stopped) this.soon();
  }

  refuse(event, error) {
    this.past = this.past.filter((one) => one.event !== event);
    this.back = null;
    this.say(`One answer was refused: ${error}`);
    this.told = Date.now() + NOTICE;
    this.render();
  }

  trouble(error) {
    if (error.status === 403) this.say("This page belongs to an earlier start of skal label. Open the link that it printed; what is unsaved waits here.");
    else if (error.status >= 400) this.say(`skal label says: ${error.message}`);
    else this.say("skal label does not answer. Go on: your answers wait here, and are sent as soon as it is back.");
  }

  say(text) {
    if (this.banner.textContent !== text) this.banner.textContent = text;
    this.banner.hidden = false;
  }

  clear() {
    if (Date.now() < this.told) return;
    this.banner.hidden = true;
    this.banner.textContent = "";
  }

  /** Look at the progress now and then, and soon after an answer. */
  soon() {
    clearTimeout(this.poll);
    this.poll = setTimeout(() => this.look(), 400);
  }

  async look() {
    clearTimeout(this.poll);
    if (this.stopped) return;
    if (!document.hidden) {
      try {
        await this.drawPanel(await this.transport.ask("progress"));
      } catch (error) {
        this.trouble(error);
      }
    }
    clearTimeout(this.poll);
    this.poll = setTimeout(() => this.look(), POLL);
  }

  // -------------------------------------------------------------- side panel

  async drawPanel(progress) {
    if (!this.outbox.trouble) this.clear();
    if (!this.outbox.size) this.sent();
    if (progress.model.error) this.say(`Training failed, the last ranking stays: ${progress.model.error}`);
    this.panel.replaceChildren(
      ...[counts(progress), curve(progress), model(progress), lights(progress), people(progress)].filter(Boolean),
    );
    if (progress.classes && progress.classes.length !== this.state.classes.length) {
      this.state.classes = progress.classes;
      this.drawClasses();
    }
    const version = progress.model.ranking;
    const fresh = this.version !== null && version !== this.version;
    this.version = version;
    if (fresh || (!this.current && !this.filling)) await this.refill();
  }
}

function tick() {
  const path = svg("path", { d: "M4 10.5l4 4 8-9", fill: "none", stroke: "currentColor", "stroke-width": 2.5, "stroke-linecap": "round", "stroke-linejoin": "round" });
  return svg("svg", { viewBox: "0 0 20 20", width: 16, height: 16, "aria-hidden": "true" }, path);
}

function sayOf(entry) {
  if (entry.items) return `${entry.value}, ${plural(entry.items.length, "row")}`;
  return entry.kind === "label" ? entry.value : WORDS[entry.kind].toLowerCase();
}

function sureness(confidence) {
  return confidence === null || confidence === undefined ? "." : `, ${percent(confidence)} sure.`;
}

function section(title, ...children) {
  return h("section", {}, h("h2", {}, title), ...children);
}

function bar(share) {
  const filled = h("span");
  filled.style.width = `${100 * share}%`;
  return h("span", { className: "track", "aria-hidden": "true" }, filled);
}

function counts({ n_labels, n_items, per_hour, by_class, n_skipped, n_discarded }) {
  const most = Math.max(1, ...by_class.map(({ n }) => n));
  const rows = by_class.map(({ name, n, per_hour: pace }) =>
    h(
      "li",
      {},
      h("span", { className: "name", dir: "auto", title: name }, name),
      bar(n / most),
      h("span", { className: "n", title: `${count(pace)} an hour` }, count(n)),
    ),
  );
  const short = rows.length > 4 && by_class.every(({ name }) => name.length <= 4);
  const aside = [
    n_skipped ? `${count(n_skipped)} not sure` : null,
    n_discarded ? `${count(n_discarded)} discarded` : null,
  ].filter(Boolean);
  return section(
    "Labels",
    h(
      "p",
      { className: "figures" },
      h("span", {}, h("b", {}, count(n_labels)), ` of ${count(n_items)}`),
      h("span", {}, h("b", {}, per_hour === null ? "–" : count(per_hour)), " an hour"),
    ),
    h("ul", { className: `bars ${short ? "short" : ""} ${rows.length > FEW ? "many" : ""}` }, rows),
    aside.length ? h("p", { className: "muted" }, aside.join(" · ")) : "",
  );
}

function curve({ curve: points }) {
  const known = points.filter((point) => point.accuracy !== null);
  if (!known.length) {
    return section("Accuracy", h("p", { className: "muted" }, "Measured on rows drawn at random, once a model has some to be tried on."));
  }
  const last = known.at(-1);
  // An interval is due at a few looks only; between them the last one holds.
  const sure = known.findLast((point) => point.low !== null);
  const range = sure ? `${percent(sure.low)} – ${percent(sure.high)}` : "";
  const line = `${percent(last.accuracy)}${sure ? `, between ${percent(sure.low)} and ${percent(sure.high)}` : ""}`;
  return section(
    "Accuracy",
    h("p", { className: "figures" }, h("span", {}, h("b", {}, percent(last.accuracy)), ` ${range}`)),
    drawing(known, `Accuracy by number of labels; now ${line}.`),
    h("p", { className: "muted" }, `${sure ? "95 % interval, on" : "On"} ${plural(last.n_audit, "random row")}`),
  );
}

/** Draw accuracy by labels, with the band of its interval. */
function drawing(points, words) {
  const [wide, high, left, bottom] = [280, 132, 34, 18];
  const most = Math.max(...points.map((point) => point.n_labels), 1);
  const least = points.length > 1 ? points[0].n_labels : 0;
  const x = (n) => left + ((n - least) / Math.max(1, most - least)) * (wide - left - 8);
  const y = (share) => 6 + (1 - share) * (high - bottom - 6);
  const along = (name, list = points) => list.map((point) => `${x(point.n_labels).toFixed(1)},${y(point[name]).toFixed(1)}`);
  const rules = [0, 0.5, 1].flatMap((share) => [
    svg("line", { x1: left, x2: wide - 8, y1: y(share), y2: y(share), class: "rule" }),
    svg("text", { x: left - 6, y: y(share) + 3.5, "text-anchor": "end" }, `${100 * share} %`),
  ]);
  const last = points.at(-1);
  const sure = points.filter((point) => point.low !== null);
  const end = sure.at(-1);
  const band = sure.length ? [...along("high", sure), ...along("low", [...sure].reverse())].join(" ") : "";
  return svg(
    "svg",
    { viewBox: `0 0 ${wide} ${high}`, class: "curve", role: "img", "aria-label": words },
    ...rules,
    svg("polygon", { points: band, class: "band" }),
    svg("polyline", { points: along("accuracy").join(" "), class: "line" }),
    ...(end ? [svg("line", { x1: x(end.n_labels), x2: x(end.n_labels), y1: y(end.high), y2: y(end.low), class: "whisker" })] : []),
    svg("circle", { cx: x(last.n_labels), cy: y(last.accuracy), r: 3.5, class: "dot" }),
    svg("text", { x: left, y: high - 3 }, count(least)),
    svg("text", { x: wide - 8, y: high - 3, "text-anchor": "end" }, plural(most, "label")),
  );
}

function model({ model: known }) {
  const age = known.version === null ? "No model yet" : known.behind ? `Model ${known.version}, ${plural(known.behind, "label")} behind` : `Model ${known.version}, up to date`;
  return section(
    "Model",
    h("p", {}, age),
    known.phase ? h("p", { className: "muted phase" }, h("span", { className: "pulse", "aria-hidden": "true" }), known.phase) : "",
  );
}

const SIGNS = { enough: "●", "go on": "○", "cannot tell": "–" };

function lights({ lights: four }) {
  if (!four?.length) return null;
  if (four.every(({ advice }) => advice === four[0].advice)) {
    return section("Enough?", h("p", { className: "muted" }, `Cannot tell yet. ${four[0].advice}`));
  }
  const rows = four.map(({ name, state, advice }) => {
    return h(
      "li",
      { className: state === "enough" ? "enough" : "" },
      h("span", { className: "sign", "aria-hidden": "true" }, SIGNS[state] ?? "–"),
      h("div", {}, h("p", { className: "light" }, h("b", {}, name), h("span", { className: "word" }, state)), h("p", { className: "muted" }, advice)),
    );
  });
  return section("Enough?", h("ul", { className: "lights" }, rows), h("p", { className: "muted" }, "Advice only: you decide when to stop."));
}

function people({ agreement }) {
  if (!agreement || agreement.names.length < 2) return null;
  const { names, share } = agreement;
  const cell = (value) => h("td", {}, value === null ? "–" : percent(value));
  return section(
    "Agreement",
    h(
      "table",
      {},
      h("thead", {}, h("tr", {}, h("td", {}), names.map((name) => h("th", { scope: "col", dir: "auto" }, name)))),
      h("tbody", {}, names.map((name, row) => h("tr", {}, h("th", { scope: "row", dir: "auto" }, name), share[row].map(cell)))),
    ),
  );
}

// ---------------------------------------------------------------- where it runs

/** What anywidget calls, in a notebook. */
export default {
  render({ model: kernel, el }) {
    const root = h("div", { className: "skal-widget" });
    el.append(root);
    return start(root, overMessages(kernel));
  },
};

if (document.documentElement.classList.contains("skal-page")) {
  start(document.body, overHttp());
}
