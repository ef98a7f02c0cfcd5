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
  location.assign(`/signin?next=${encodeURIComponent(location.pathname)}`);
});

on("htmx:after:request", ({ detail: { ctx } }) => {
  const form = ctx.sourceElement;
  if (ctx.response?.raw.status === 204 && form instanceof HTMLFormElement) {
    form.reset();
    form.querySelector("[role=alert]")?.replaceChildren();
  }
});

on("htmx:error", ({ detail }) => {
  const slot = detail.ctx?.sourceElement?.querySelector("[role=alert]") ?? document.querySelector("#notice");
  slot?.replaceChildren("The server does not answer: see whether CodeForge is running, then try again.");
});
