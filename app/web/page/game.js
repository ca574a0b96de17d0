/** A game: draw a digit that people would read and a version misreads. Nothing of it is kept. */

import { element } from "./bars.js";
import { GAME, fooledBy, fromBefore, yourTurn } from "./words.js";

const DIGITS = [..."0123456789"];

export class Game {
  #part;
  #digit = null; // the one that the player draws
  #answers = [];
  #content = null; // what lies on the sheet
  #numbers = new WeakMap(); // content -> how many had come before it
  #count = 0;
  #before = 0; // contents that had come when the digit was chosen: they do not count
  #wasCleared = false;

  /**
   * part(id): an element of the page. showWhy(version): shows why this version was fooled. clear(): clears the sheet,
   * and tells whether anything lay on it.
   */
  constructor(part, { showWhy, clear }) {
    this.#part = part;
    this.clear = clear;
    part("game-digits").replaceChildren(...DIGITS.map((digit) => {
      const button = Object.assign(element("button", "", digit), { type: "button" });
      button.setAttribute("aria-label", `I draw ${digit}`);
      button.addEventListener("click", () => this.#choose(digit));
      return button;
    }));
    part("fool").addEventListener("click", () => this.#open(part("game").hidden));
    part("game").addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      this.close();
    });
    part("fooled-why").addEventListener("click", () => showWhy(part("fooled-why").value));
    this.#draw();
  }

  /** This content lies on the sheet now. */
  about(content) {
    if (!this.#numbers.has(content)) {
      this.#numbers.set(content, this.#count);
      this.#count += 1;
    }
    this.#content = content;
  }

  /** Whether it was open. */
  close() {
    const { hidden } = this.#part("game");
    const hadFocus = this.#part("game").contains(document.activeElement);
    if (!hidden) this.#open(false);
    if (hadFocus) this.#part("fool").focus({ preventScroll: true });
    return !hidden;
  }

  /** answers: of a preview, one for each version, each with `answer` or `refusal`; [] for none. */
  show(answers) {
    this.#answers = answers;
    this.#draw();
  }

  #open(isOpen) {
    this.#part("game").hidden = !isOpen;
    this.#part("fool").setAttribute("aria-expanded", isOpen);
    this.#choose(null);
    if (isOpen) this.#part("game").scrollIntoView({ block: "nearest" });
  }

  #choose(digit) {
    this.#before = this.#count;
    this.#digit = digit;
    this.#wasCleared = digit !== null && this.clear();
    this.#draw();
  }

  #draw() {
    for (const button of this.#part("game-digits").children) {
      button.setAttribute("aria-pressed", button.textContent === this.#digit);
    }
    const { words, version = null } = this.#words();
    if (this.#part("game-words").textContent !== words) this.#part("game-words").textContent = words;
    this.#part("game").classList.toggle("won", version !== null);
    this.#part("fooled-why").hidden = version === null;
    this.#part("fooled-why").value = version ?? "";
    this.#part("fooled-why").textContent = `Why did ${version ?? "it"} read that?`;
  }

  #words() {
    if (this.#digit === null) return { words: GAME };
    const said = fooledBy(this.#digit, this.#answers);
    if (!said.words) return { words: yourTurn(this.#digit, this.#wasCleared) };
    return this.#numbers.get(this.#content) < this.#before ? { words: fromBefore(this.#digit) } : said;
  }
}
