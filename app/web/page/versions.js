/**
 * What every served version reads of the drawing, side by side, and whose answer the page shows: that of the version that
 * was chosen, for this visit, or of a stored drawing the one that gave the stored answer.
 */

import { element } from "./bars.js";
import { KINDS, inShort, together } from "./words.js";

const KEY = "pixelwise.version.1";

export class Versions {
  #part;
  #rows = new Map(); // version -> {item, button, figure, sure}
  #chosen = sessionStorage.getItem(KEY); // null: the one that answers
  #stored = null; // the version of the stored answer that is on show
  #served = { model_version: null, versions: [] };

  /**
   * part(id): an element of the page. turned(): called when the page speaks of another version from now on. chosen(version):
   * called when it was chosen.
   */
  constructor(part, { turned, chosen }) {
    this.#part = part;
    Object.assign(this, { turned, chosen });
  }

  /** The version whose answer is on show, and that previews are asked of; null: the one that answers. */
  get through() {
    return this.#other(this.#stored ?? this.#chosen);
  }

  /** What `visit` says of that version. */
  get speaking() {
    return this.#served.versions.find(({ model_version: version }) => version === this.through) ?? this.#served;
  }

  /** Whether what is drawn next is read by another version than the one that answers. */
  get isOtherChosen() {
    return this.#other(this.#chosen) !== null;
  }

  get areCompared() {
    return this.#rows.size > 1;
  }

  /** served: what `visit` says. */
  setRoster(served) {
    this.#served = served;
    this.#rows.clear();
    this.#part("version-list").replaceChildren(...served.versions.map((version) => this.#row(version)));
    this.#part("versions").hidden = !this.areCompared;
    this.#turn();
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

  /** A stored answer of this version is on show; null: none is, and the chosen version reads. */
  showStored(version) {
    if (version === this.#stored) return;
    this.#stored = version;
    this.#turn();
  }

  /** Looks through this version from now on. */
  choose(version) {
    this.#chosen = this.#other(version);
    if (this.#chosen === null) sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, version);
    this.#turn();
    this.chosen(version);
  }

  #other(version) {
    return version !== this.#served.model_version && this.#rows.has(version) ? version : null;
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

  #turn() {
    const speaking = this.through ?? this.#served.model_version;
    for (const [version, { button }] of this.#rows) button.setAttribute("aria-pressed", version === speaking);
    if (this.#served.model_version !== null) this.turned();
  }
}
