/** Says that an answer is awaited, where it is long in coming: not at once, so that nothing flickers. */

const UNNOTICED = 300; // milliseconds

export class Pending {
  #timer = null;
  #isSaid = false;
  #words;

  /** say(words) shows what is awaited. */
  constructor(say) {
    this.say = say;
  }

  /** From now on something is awaited; what was awaited before counts for the time. */
  begin(words) {
    this.#words = words;
    if (this.#isSaid) this.say(words);
    this.#timer ??= setTimeout(() => {
      this.#isSaid = true;
      this.say(this.#words);
    }, UNNOTICED);
  }

  end() {
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#isSaid = false;
  }
}
