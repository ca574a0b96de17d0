/**
 * What was drawn, said by who drew it: two quiet buttons beside the scores, and a question in the place of the scores.
 *
 * The service is told one thing at a time, so the last word arrives last.
 */

import { element } from "./bars.js";
import { Refusal, say, takeBack } from "./service.js";
import { ASKING, NOT_A_DIGIT, QUESTION, saidBy, withArticle } from "./words.js";

const DIGITS = [..."0123456789"];

export class Correction {
  #part;
  #answer = null; // the stored one that was offered last
  #isOffered = false;
  #isOpen = false;
  #wasCalled = false; // it was asked for, and did not open by itself
  #label = null; // what the service knows of it
  #waiting = new Map(); // answer -> label that the service is not told yet
  #isTelling = false;

  /** part(id): an element of the page. told(answer, label) and notTold(answer, refusal): what the service said. */
  constructor(part, { told, notTold }) {
    this.#part = part;
    Object.assign(this, { told, notTold });
    const yes = this.#button("yes", "", () => this.#answer.prediction);
    const none = this.#button("none", "Not a digit", () => NOT_A_DIGIT);
    const digits = DIGITS.map((digit) => {
      const button = this.#button("digit", digit, () => digit);
      button.setAttribute("aria-label", `It was ${withArticle(digit)}`);
      return button;
    });
    part("answers").replaceChildren(yes, none, ...digits);
    part("right").addEventListener("click", () => this.#say(this.#answer.prediction));
    part("wrong").addEventListener("click", () => {
      this.#wasCalled = true;
      this.#open(true);
      part("correction").focus();
    });
    part("take-back").addEventListener("click", () => this.#say(null));
    part("hide-question").addEventListener("click", () => this.#open(false));
    part("correction").addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      this.close();
      event.preventDefault();
    });
  }

  /**
   * Offers to say what was drawn when `answer` was given; null: nothing can be said now. label: what was said of it
   * before, null for nothing.
   */
  about(answer, label = null) {
    if (answer !== null && answer !== this.#answer) {
      this.#answer = answer;
      this.#label = label;
      this.#wasCalled = false;
      this.#isOpen = label === null && (answer.asks ?? false);
    }
    this.#isOffered = answer !== null;
    this.#draw();
  }

  isAbout(answer) {
    return this.#isOffered && answer === this.#answer;
  }

  /** Whether the question is open because this answer asks, and nothing was said yet. */
  get asks() {
    return this.#isOffered && this.#isOpen && this.#label === null && (this.#answer.asks ?? false);
  }

  /** Whether the question was open. */
  close() {
    const wasOpen = this.#isOffered && this.#isOpen;
    if (wasOpen) this.#open(false);
    return wasOpen;
  }

  /** Whether a key said what was drawn. */
  press(key) {
    const label = this.#isOffered ? saidBy(key, this.#answer.prediction) : null;
    if (label !== null) this.#say(label);
    return label !== null;
  }

  #button(kind, text, label) {
    const button = Object.assign(element("button", kind, text), { type: "button" });
    button.addEventListener("click", () => this.#say(label()));
    return button;
  }

  #open(isOpen) {
    const hadFocus = this.#part("correction").contains(document.activeElement);
    this.#isOpen = isOpen;
    this.#draw();
    if (!isOpen && hadFocus) this.#part("wrong").focus({ preventScroll: true });
  }

  #draw() {
    const isOpen = this.#isOffered && this.#isOpen;
    const label = this.#waiting.has(this.#answer) ? this.#waiting.get(this.#answer) : this.#label;
    this.#part("feedback").hidden = !this.#isOffered;
    this.#part("scores").classList.toggle("covered", isOpen);
    this.#part("correction").hidden = !isOpen;
    this.#part("correction").classList.toggle("called", this.#wasCalled);
    this.#part("wrong").setAttribute("aria-expanded", isOpen);
    if (!this.#isOffered) return;
    const { prediction, asks } = this.#answer;
    this.#part("question").textContent = asks ? ASKING : QUESTION;
    this.#part("take-back").hidden = label === null;
    this.#part("right").setAttribute("aria-pressed", label === prediction);
    const [yes, none, ...digits] = this.#part("answers").children;
    yes.textContent = `Yes, ${withArticle(prediction)}`;
    yes.setAttribute("aria-pressed", label === prediction);
    none.setAttribute("aria-pressed", label === NOT_A_DIGIT);
    digits.forEach((button, digit) => button.setAttribute("aria-pressed", label === DIGITS[digit]));
  }

  /** label: null takes back what was said. */
  async #say(label) {
    this.#waiting.delete(this.#answer); // so that it is now the last
    this.#waiting.set(this.#answer, label);
    this.#draw();
    if (this.#isTelling) return;
    this.#isTelling = true;
    try {
      while (this.#waiting.size) await this.#tell(...this.#waiting.entries().next().value);
    } finally {
      this.#isTelling = false;
    }
  }

  async #tell(answer, label) {
    let refusal = null;
    try {
      await (label === null ? takeBack(answer.id) : say(answer.id, label));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      refusal = error;
    }
    if (answer === this.#answer && !refusal) this.#label = label;
    if (this.#waiting.get(answer) !== label) return; // something else was said meanwhile
    this.#waiting.delete(answer);
    if (refusal) {
      this.#draw();
      this.notTold(answer, refusal);
      return;
    }
    if (answer === this.#answer) this.#open(false);
    this.told(answer, label);
  }
}
