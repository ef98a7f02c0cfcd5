// Finds text in lines; keeps up with lines that come later, and walks from hit to hit.
import type { Line } from "./lines";

export class Search {
  hits: number[] = [];
  at = -1;
  #text = "";
  #seen = 0;

  get text() {
    return this.#text;
  }

  look(text: string, lines: Line[]) {
    [this.#text, this.hits, this.at, this.#seen] = [text.toLowerCase(), [], -1, 0];
    this.more(lines);
  }

  more(lines: Line[]) {
    if (this.#text) for (let n = this.#seen; n < lines.length; n++) if (lines[n]!.text.toLowerCase().includes(this.#text)) this.hits.push(n);
    this.#seen = lines.length;
  }

  step(by: number): number | undefined {
    const count = this.hits.length;
    if (count) this.at = this.at < 0 ? (by > 0 ? 0 : count - 1) : (this.at + by + count) % count;
    return this.hits[this.at];
  }

  toString() {
    if (!this.#text) return "";
    const count = this.hits.length.toLocaleString("en");
    return this.hits.length === 0 ? "none" : this.at < 0 ? `${count} found` : `${this.at + 1} of ${count}`;
  }
}
