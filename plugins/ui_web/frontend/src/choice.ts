// <cf-choice>: shows the note of the option that is chosen in the <select> inside, in the <output> inside.
class CfChoice extends HTMLElement {
  connectedCallback() {
    this.addEventListener("change", () => this.#show());
    this.#show();
  }
  #show() {
    const chosen = this.querySelector("select")?.selectedOptions[0];
    this.querySelector("output")?.replaceChildren(chosen?.dataset.note ?? "");
  }
}
customElements.define("cf-choice", CfChoice);
