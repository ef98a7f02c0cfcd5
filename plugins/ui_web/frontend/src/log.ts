// <cf-log run="ID">: a run's live log. All lines are kept as text, only the rows in sight are elements.
import { breaks, lines, type Line } from "./lines";
import { Search } from "./search";
import { Stream, type RunEvent } from "./stream";

const MOST = 500_000; // lines kept; beyond it the oldest fifth goes
const EXTRA = 8; // rows drawn above and below what is in sight
const CLOCK = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });
const CHANGES = new Set(["state", "checked", "change", "review", "delivered", "usage", "message", "asked", "answered"]);

class CfLog extends HTMLElement {
  lines: Line[] = [];
  #rows: Int32Array = new Int32Array(8192); // pairs: line, first character
  #count = 0;
  #search = new Search();
  #stream?: Stream;
  #follow = true;
  #queued = false;
  #told = 0;
  #height = 20;
  #columns = 80;
  #lastTop = 0;
  #box = document.createElement("div");
  #pad = document.createElement("div");
  #list = document.createElement("ol");
  #watch = new ResizeObserver(() => this.#measure());

  connectedCallback() {
    this.#box.className = "log-box";
    this.#box.tabIndex = 0;
    this.#box.setAttribute("role", "region");
    this.#box.setAttribute("aria-label", "Log of the run");
    this.#box.append(this.#pad, this.#list);
    this.querySelector(".log-place")!.replaceChildren(this.#box);
    this.#box.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.#part<HTMLButtonElement>("follow").addEventListener("click", () => this.#setFollow(!this.#follow));
    const field = this.#part<HTMLInputElement>("search");
    field.addEventListener("input", () => this.find(field.value));
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.#go(event.shiftKey ? -1 : 1);
    });
    this.#part("next").addEventListener("click", () => this.#go(1));
    this.#part("previous").addEventListener("click", () => this.#go(-1));
    this.#stream = new Stream(this.getAttribute("run")!, (events) => this.#add(events), (open) => this.#connected(open));
    this.#measure();
    this.#watch.observe(this.#box);
    this.#stream.open();
  }

  disconnectedCallback() {
    this.#stream?.close();
    this.#watch.disconnect();
  }

  find(text: string) {
    this.#search.look(text, this.lines);
    text ? this.#go(1) : this.#draw();
  }

  #part<T extends HTMLElement = HTMLElement>(name: string): T {
    return this.querySelector<T>(`[data-part="${name}"]`)!;
  }

  #connected(open: boolean) {
    this.#part("connection").textContent = open ? "" : "Not connected, trying again";
  }

  #add(events: RunEvent[]) {
    const before = this.lines.length;
    for (const event of events) for (const line of lines(event)) this.lines.push(line);
    this.#place(before);
    if (this.lines.length > MOST) this.#forget();
    this.#search.more(this.lines);
    this.#draw();
    if (events.some((event) => CHANGES.has(event.kind)) && !this.#told) this.#told = window.setTimeout(() => this.#tell(), 150);
  }

  #tell() {
    this.#told = 0;
    document.body.dispatchEvent(new CustomEvent("cf-changed"));
  }

  #forget() {
    const note = { kind: "state", time: "", first: true, text: "The oldest lines are not kept here: all of them are behind “All events”." };
    this.lines.splice(0, MOST / 5, note);
    this.#search.look(this.#search.text, this.lines);
    this.#replace();
  }

  #place(from: number) {
    for (let n = from; n < this.lines.length; n++) {
      for (const start of breaks(this.lines[n]!.text, this.#columns)) {
        if (this.#count * 2 === this.#rows.length) {
          const wider = new Int32Array(this.#rows.length * 2);
          wider.set(this.#rows);
          this.#rows = wider;
        }
        this.#rows[this.#count * 2] = n;
        this.#rows[this.#count++ * 2 + 1] = start;
      }
    }
  }

  #replace() {
    this.#count = 0;
    this.#place(0);
    this.#draw();
  }

  #measure() {
    const probe = document.createElement("li");
    probe.innerText = "0".repeat(100);
    this.#list.append(probe);
    const range = document.createRange();
    range.selectNodeContents(probe);
    const width = range.getBoundingClientRect().width / 100 || 8;
    this.#height = probe.offsetHeight || 20;
    const room = probe.clientWidth - parseFloat(getComputedStyle(probe).paddingLeft) - 8;
    probe.remove();
    const columns = Math.max(20, Math.floor(room / width));
    if (columns === this.#columns) return this.#draw();
    const top = this.#rows[Math.floor(this.#box.scrollTop / this.#height) * 2] ?? 0;
    this.#columns = columns;
    this.#replace();
    if (!this.#follow) this.#show(top);
  }

  #setFollow(follow: boolean) {
    this.#follow = follow;
    this.#part("follow").setAttribute("aria-pressed", String(follow));
    if (follow) this.#draw();
  }

  #scrolled() {
    const { scrollTop, clientHeight, scrollHeight } = this.#box;
    const atEnd = scrollTop + clientHeight >= scrollHeight - this.#height;
    if (this.#follow && scrollTop < this.#lastTop - 1 && !atEnd) this.#setFollow(false);
    else if (!this.#follow && atEnd && scrollTop > this.#lastTop) this.#setFollow(true);
    this.#lastTop = scrollTop;
    this.#draw();
  }

  #go(by: number) {
    const line = this.#search.step(by);
    if (line !== undefined) this.#show(line);
    this.#draw();
  }

  #show(line: number) {
    let [low, high] = [0, this.#count]; // the first row of the line
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#rows[middle * 2]! < line) low = middle + 1;
      else high = middle;
    }
    this.#setFollow(false);
    this.#box.scrollTop = this.#lastTop = Math.max(0, low * this.#height - this.#box.clientHeight / 2);
  }

  #draw() {
    if (this.#queued) return;
    this.#queued = true;
    requestAnimationFrame(() => {
      this.#queued = false;
      const [height, total] = [this.#height, this.#count];
      this.#pad.style.height = `${total * height}px`;
      this.#box.style.height = `${(total + 1) * height}px`; // up to the most that the style allows
      if (this.#follow) this.#box.scrollTop = this.#lastTop = total * height;
      const first = Math.max(0, Math.floor(this.#box.scrollTop / height) - EXTRA);
      const last = Math.min(total, first + Math.ceil(this.#box.clientHeight / height) + 2 * EXTRA);
      this.#list.style.transform = `translateY(${first * height}px)`;
      this.#list.replaceChildren(...Array.from({ length: last - first }, (_, n) => this.#row(first + n)));
      this.#part("found").textContent = String(this.#search);
      this.#part("count").textContent = `${this.lines.length.toLocaleString("en")} lines`;
    });
  }

  #row(n: number): HTMLLIElement {
    const [index, start] = [this.#rows[n * 2]!, this.#rows[n * 2 + 1]!];
    const line = this.lines[index]!;
    const end = this.#rows[n * 2 + 2] === index && n + 1 < this.#count ? this.#rows[n * 2 + 3]! : line.text.length;
    const row = document.createElement("li");
    row.className = `k-${line.kind}`;
    const goesOn = line.kind === "said" && this.lines[index - 1]?.kind === "said"; // one mark for a speech of many lines
    if (start === 0 && line.first && !goesOn) row.classList.add("first");
    const time = line.time.slice(11, 19);
    const sameTime = index > 0 && this.lines[index - 1]!.time.slice(11, 19) === time;
    if (start === 0 && line.first && !sameTime && time) row.dataset.time = CLOCK.format(new Date(line.time));
    if (index === this.#search.hits[this.#search.at]) row.classList.add("hit");
    row.append(...this.#pieces(line, start, end));
    return row;
  }

  #pieces(line: Line, start: number, end: number): Node[] {
    const out: Node[] = [];
    let at = start;
    for (const span of line.spans ?? []) {
      const [from, to] = [Math.max(span.from, at), Math.min(span.to, end)];
      if (from >= to) continue;
      if (from > at) out.push(document.createTextNode(line.text.slice(at, from)));
      const element = document.createElement("span");
      element.className = span.css;
      element.textContent = line.text.slice(from, to);
      out.push(element);
      at = to;
    }
    if (at < end) out.push(document.createTextNode(line.text.slice(at, end)));
    return out;
  }
}
customElements.define("cf-log", CfLog);
