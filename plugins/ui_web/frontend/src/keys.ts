// Keyboard: an element with data-key="x" is clicked or focused by x; j and k walk the rows; ? shows what there is.
const typing = (target: EventTarget | null) =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
const visible = (element: Element) => element.getClientRects().length > 0;

function walk(step: number) {
  const rows = [...document.querySelectorAll<HTMLElement>("[data-row]")].filter(visible);
  const here = rows.indexOf(document.activeElement as HTMLElement);
  rows[Math.max(0, Math.min(rows.length - 1, here < 0 ? 0 : here + step))]?.focus();
}

function row(key: string, what: string): DocumentFragment {
  const name = document.createElement("kbd");
  const term = document.createElement("dt");
  const text = document.createElement("dd");
  name.textContent = key;
  term.append(name);
  text.textContent = what;
  const both = document.createDocumentFragment();
  both.append(term, text);
  return both;
}

function help() {
  const dialog = document.querySelector<HTMLDialogElement>("#keys")!;
  const here = [...document.querySelectorAll<HTMLElement>("[data-key]")].filter(visible);
  const found = here.map((e) => row(e.dataset.key!, e.dataset.does ?? e.textContent!.trim()));
  const list = document.querySelector("[data-row]") ? [row("j", "Next in the list"), row("k", "Previous in the list")] : [];
  dialog.querySelector("dl")!.replaceChildren(...found, ...list, row("?", "Show these keys"), row("Esc", "Close"));
  dialog.showModal();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || document.querySelector("dialog[open]")) return;
  if (event.key === "j" || event.key === "k") return walk(event.key === "j" ? 1 : -1);
  if (event.key === "?") return help();
  const selector = `[data-key="${CSS.escape(event.key)}"]`;
  const target = [...document.querySelectorAll<HTMLElement>(selector)].find(visible);
  if (!target) return;
  event.preventDefault();
  typing(target) ? target.focus() : target.click();
});

document.addEventListener("click", (event) => {
  if ((event.target as Element).closest("[data-help]")) help();
});
