// <cf-time at="2026-11-22T10:00:00Z">: how long ago; with since=, the seconds that run on until until=.
const STEPS: [number, Intl.RelativeTimeFormatUnit][] = [[60, "second"], [60, "minute"], [24, "hour"], [100, "day"]];
const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

export function ago(seconds: number): string {
  let value = Math.abs(seconds);
  if (value < 10) return "just now";
  for (const [size, unit] of STEPS) {
    if (value < size) return RELATIVE.format(-Math.sign(seconds) * Math.floor(value), unit);
    value /= size;
  }
  return "";
}

export function clock(seconds: number): string {
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, Math.floor(seconds) % 60];
  return h ? `${h} h ${m} min` : m ? `${m} min ${String(s).padStart(2, "0")} s` : `${s} s`;
}

class CfTime extends HTMLElement {
  static observedAttributes = ["at", "since", "until"];
  #timer = 0;
  #face = this.attachShadow({ mode: "open" }); // the server's text stays beneath, where morphing compares it
  connectedCallback() {
    const at = this.getAttribute("at");
    if (at) this.title = new Date(at).toLocaleString();
    this.#timer = window.setInterval(() => this.#show(), at ? 20_000 : 1000);
    this.#show();
  }
  disconnectedCallback() {
    clearInterval(this.#timer);
  }
  attributeChangedCallback() {
    if (this.isConnected) this.#show();
  }
  #show() {
    const at = this.getAttribute("at");
    const since = this.getAttribute("since");
    const until = Date.parse(this.getAttribute("until") ?? "") || Date.now();
    if (since) this.#face.textContent = clock(Math.max(0, until - Date.parse(since)) / 1000);
    const text = at && ago((Date.now() - Date.parse(at)) / 1000);
    if (at) this.#face.replaceChildren(text || document.createElement("slot")); // far away: the server's date
  }
}
customElements.define("cf-time", CfTime);
