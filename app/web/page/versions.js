/** What every served version reads of the drawing, side by side; one looks through the chosen one. */

import { element } from "./bars.js";
import { KINDS, inShort, together } from "./words.js";

export class Versions {
  #part;
  #rows = new Map(); // version -> {item, button, figure, sure}
  #through = null; // the version looked through; null: the one that answers
  #answering = null;

  /** part(id): an element of the page. chosen(): called when one looks through another version. */
  constructor(part, { chosen }) {
    this.#part = part;
    this.chosen = chosen;
  }

  /** The version that previews are asked of; null: the one that answers. */
  get through() {
    return this.#through;
  }

  get areCompared() {
    return this.#rows.size > 1;
  }

  /** served: what `visit` says. */
  setRoster({ model_version: answering, versions }) {
    this.#answering = answering;
    this.#rows.clear();
    this.#part("version-list").replaceChildren(...versions.map((version) => this.#row(version)));
    this.#part("versions").hidden = !this.areCompared;
    if (!this.#rows.has(this.#through)) this.#through = null;
    this.#mark();
  }

  /** answers: of a preview, one for each version, each with `answer` or `refusal`; [] for none. */
  show(answers) {
    const said = new Map(answers.map(({ model_version: version, ...one }) => [version, one]));
    for (const [version, { item, figure, sure }] of this.#rows) {
      const one = said.get(version);
      const words = one ? inShort(one) : { figure: "–", sure: "" };
      figure.textContent = words.figure;
      sure.textContent = words.sure;
      item.classList.toggle("unsure", one?.answer?.unsure ?? false);
    }
    this.#part("together").textContent = together(answers);
  }

  /** Looks through this version, or with null through the one that answers. */
  choose(version) {
    this.#through = version === this.#answering ? null : version;
    this.#mark();
    this.chosen();
  }

  #row({ model_version: version, architecture }) {
    const [figure, sure] = [element("strong", "read", "–"), element("span", "sure")];
    const button = Object.assign(element("button", "version"), { type: "button" });
    const name = element("span", "name", version);
    name.append(element("span", "kind", KINDS[architecture]));
    button.append(name, figure, sure);
    button.addEventListener("click", () => this.choose(version));
    const item = element("li");
    item.append(button);
    this.#rows.set(version, { item, button, figure, sure });
    return item;
  }

  #mark() {
    for (const [version, { button }] of this.#rows) {
      button.setAttribute("aria-pressed", version === (this.#through ?? this.#answering));
    }
  }
}
