// Events as lines of text: what each kind says, colours from ANSI codes, and where a line is broken to fit.
import type { RunEvent } from "./stream";

export type Span = { from: number; to: number; css: string };
export type Line = { kind: string; time: string; text: string; spans?: Span[]; first: boolean };

const ANSI = /\x1b\[([0-9;]*)m|\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-_])/g;
const CONTROL = /[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f]/g;
const TURNED = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g; // can make text read as what it is not
const CODES: Record<string, string> = { 1: "bold", 2: "dim", 3: "italic", 4: "line" };

const words = (text: unknown) => String(text ?? "").replaceAll("_", " ");

const SAYS: Record<string, (data: Record<string, any>) => string> = {
  ran: (d) => `${d.command}${d.exit === null ? "  (cut off)" : d.exit ? `  (exit ${d.exit})` : ""}`,
  edited: (d) => `edited ${d.path}`,
  asked: (d) => `asks: ${d.question}${d.by ? ` (${d.by}: ${d.choices.find((choice: any) => choice.id === d.answer)?.name ?? "no"})` : ""}`,
  answered: (d) => (d.by ? `${d.by} answers: ${d.name}` : "does not ask that any more"),
  usage: (d) => `${Number(d.prompt_tokens).toLocaleString("en")} tokens in, ${Number(d.completion_tokens).toLocaleString("en")} out`,
  stuck: (d) => `stuck: ${d.why}`,
  ended: (d) => (d.reason ? `the agent gave up: ${words(d.reason)}${d.detail ? `: ${d.detail}` : ""}` : "the agent is done"),
  state: (d) => `${words(d.state)}${d.reason ? ` (${words(d.reason)})` : ""}${d.detail ? `: ${d.detail}` : ""}`,
  message: (d) => `${d.by}: ${d.text}`,
  checked: (d) => `check ${d.exit === 0 ? "passed" : d.exit === null ? "ran out of time" : `failed with exit ${d.exit}`} in ${Number(d.seconds).toFixed(1)} s: ${d.command}`,
  change: (d) => `changed ${d.files} file${d.files === 1 ? "" : "s"}, +${d.added} -${d.deleted}`,
  review: (d) => `${d.by}: ${words(d.verdict)}${d.comment ? `: ${d.comment}` : ""}`,
  delivered: (d) => `delivered to ${d.branch} as ${String(d.commit).slice(0, 10)}`,
};

export function coloured(raw: string): { text: string; spans?: Span[] } {
  const plain = (part: string) =>
    part.replaceAll("\t", "    ").replace(CONTROL, "").replace(TURNED, (c) => `<U+${c.charCodeAt(0).toString(16).toUpperCase()}>`);
  if (!raw.includes("\x1b")) return { text: plain(raw) };
  const spans: Span[] = [];
  let [text, at, css] = ["", 0, new Set<string>()];
  const add = (part: string) => {
    const from = text.length;
    text += plain(part);
    if (css.size && text.length > from) spans.push({ from, to: text.length, css: [...css].join(" ") });
  };
  for (const code of raw.matchAll(ANSI)) {
    add(raw.slice(at, code.index));
    at = code.index + code[0].length;
    if (code[1] !== undefined) css = styled(css, code[1]);
  }
  add(raw.slice(at).replaceAll("\x1b", ""));
  return { text, spans };
}

function styled(css: Set<string>, codes: string): Set<string> {
  const next = new Set(css);
  const list = (codes || "0").split(";");
  for (let i = 0; i < list.length; i++) {
    const code = String(Number(list[i]));
    if (code === "0") next.clear();
    else if (code === "38" || code === "48") i += list[i + 1] === "5" ? 2 : 4; // 256 and 24-bit colours: not of our few
    else if (CODES[code]) next.add(CODES[code]!);
    else if (code === "22") ["bold", "dim"].forEach((name) => next.delete(name));
    else if (/^(3|9)[0-79]$/.test(code)) {
      for (const name of next) if (name.startsWith("ink")) next.delete(name);
      if (code !== "39") next.add(`ink${code.at(-1)}`);
    }
  }
  return next;
}

export function lines(event: RunEvent): Line[] {
  const said = SAYS[event.kind]?.(event.data) ?? String(event.data.text ?? "");
  const raw = said.replace(/[\r\n]+$/, "").split(/\r\n|\n/).map((part) => part.slice(part.lastIndexOf("\r") + 1));
  const kind = event.kind === "checked" && event.data.exit !== 0 ? "bad" : event.kind === "log" && event.data.stream === "stderr" ? "err" : event.kind;
  return raw.map((part, n) => ({ kind, time: event.time, first: n === 0, ...coloured(part) }));
}

export function breaks(text: string, columns: number): number[] {
  const starts = [0];
  for (let at = 0; text.length - at > columns; starts.push(at)) {
    const space = text.lastIndexOf(" ", at + columns);
    at = space > at + columns / 2 ? space + 1 : at + columns;
  }
  return starts;
}
