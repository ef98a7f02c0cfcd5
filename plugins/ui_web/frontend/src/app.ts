// What every page loads: htmx under Trusted Types, the CSRF token on its requests, and the pages' own elements.
import htmx from "htmx.org"; // sets window.htmx, which its extension reads
import "htmx.org/dist/ext/hx-sse.js";
import "./choice";
import "./keys";
import "./log";
import "./time";

type Context = {
  sourceElement: Element;
  request: { headers: Record<string, string> };
  response?: { raw: Response };
};
type HtmxEvent = CustomEvent<{ ctx: Context }>;
const on = (name: string, act: (event: HtmxEvent) => void) => document.addEventListener(name, act as EventListener);

function complain(where: Element | undefined, sentence: string) {
  const said = document.createElement("p");
  said.className = "wrong";
  said.textContent = sentence;
  (where?.querySelector("[role=alert]") ?? document.querySelector("#notice"))?.replaceChildren(said);
}

// htmx is the only code that may turn the server's HTML into nodes.
const types = (window as any).trustedTypes;
const policy = types?.createPolicy("codeforge-htmx", { createHTML: (html: string) => html });
if (policy) (htmx as any).registerExtension("codeforge-tt", { init: (api: any) => api.initSecurity(policy) });

on("htmx:config:request", ({ detail }) => {
  const token = document.querySelector<HTMLMetaElement>('meta[name="csrf-token"]')!;
  detail.ctx.request.headers["X-CSRF-Token"] = token.content;
});

// The session ended: the answer is the sign-in page, which belongs into the window, not into a fragment.
on("htmx:before:response", (event) => {
  const answer = event.detail.ctx.response?.raw;
  if (answer?.status !== 401) return;
  event.preventDefault();
  const source = event.detail.ctx.sourceElement;
  const form = source.closest("form") ?? source;
  if ([...form.querySelectorAll("textarea")].some((field) => field.value.trim()))
    return complain(form, "You are signed out: copy what you wrote, then load this page again to sign in.");
  location.assign(`/signin?next=${encodeURIComponent(location.pathname)}`);
});

// What is being written to a run goes over to the next form when its state, and with it what one can do, changes.
let typed = "";
document.addEventListener("input", ({ target }) => {
  if (target instanceof HTMLTextAreaElement && target.closest("#verbs")) typed = target.value;
});
on("htmx:after:settle", () => {
  const field = document.querySelector<HTMLTextAreaElement>("#verbs textarea");
  if (field && !field.value) field.value = typed;
});

on("htmx:after:request", ({ detail: { ctx } }) => {
  const form = ctx.sourceElement;
  if (ctx.response?.raw.status === 204 && form instanceof HTMLFormElement) {
    form.reset();
    typed = "";
    form.querySelector("[role=alert]")?.replaceChildren();
  }
});

on("htmx:error", ({ detail }) => {
  const strip = document.querySelector("#trouble");
  if (detail.ctx?.sourceElement === strip) {
    // asked again in a moment: what the server says then takes this sentence's place
    const said = document.createElement("p");
    said.role = "alert";
    said.textContent = "The server does not answer: this page goes on by itself when it does.";
    if (strip?.textContent?.trim() !== said.textContent) strip?.replaceChildren(said);
    return;
  }
  complain(detail.ctx?.sourceElement, "The server does not answer: see whether CodeForge is running, then try again.");
});
