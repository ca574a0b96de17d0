/**
 * Asks the service to read the drawing: previews while it is drawn, a reading that is kept when the user wants it.
 *
 * One question is open at a time, so answers cannot overtake each other. A moving pen waits for the open one; a lifted
 * pen cuts an open preview off, never a reading that is kept. A busy service is left alone for as long as it asks.
 */

import { Refusal, read } from "./service.js";

const PAUSE = 80; // milliseconds between a movement of the pen and the preview
const TRIES = 5; // of a reading that is kept

export class Reader {
  #timer = null;
  #open = null; // {cutOff: AbortController, keep}
  #isStale = false; // the drawing changed while a question was open
  #quietUntil = 0;
  #unsure = null; // the content that may or may not have been kept

  /**
   * drawing(): what to send now, or null for nothing. query(): what else to ask in a preview. asked(drawing, keep) is
   * told when it is sent; answered(reading, drawing, keep, isUnsure) and refused(refusal, retries) of what came of it.
   * isUnsure: whether the same drawing was kept before is not known.
   */
  constructor({ drawing, query, asked, answered, refused }) {
    Object.assign(this, { drawing, query, asked, answered, refused });
  }

  /** A reading that is kept is under way. */
  get isKeeping() {
    return this.#open?.keep ?? false;
  }

  /** The pen moves: a preview soon. */
  soon() {
    if (this.#open) this.#isStale = true;
    else if (this.#timer === null) this.#previewIn(PAUSE);
  }

  /** The pen was lifted: a preview now. */
  now() {
    if (this.#open?.keep) this.#isStale = true;
    else {
      this.stop();
      this.#previewIn(0);
    }
  }

  /** No more previews of what was drawn until now. */
  stop() {
    this.#isStale = false;
    clearTimeout(this.#timer);
    this.#timer = null;
    if (!this.#open?.keep) this.#open?.cutOff.abort();
  }

  /** Reads the drawing and lets the service keep it. A second call while the first is under way does nothing. */
  async keep() {
    const drawing = this.drawing();
    if (!drawing || this.#open?.keep) return;
    this.stop();
    const open = this.#begin(true);
    for (let left = TRIES - 1; left >= 0; left -= 1) {
      await this.#quiet();
      const refusal = await this.#ask(drawing, open);
      if (!refusal) break;
      const passes = refusal.seconds !== null;
      this.refused(refusal, passes);
      // Without an answer nobody knows whether it was kept: the user decides, and sees a preview until then.
      if (passes && refusal.status !== 0 && left > 0) continue;
      this.#isStale ||= passes;
      this.#unsure = passes ? drawing.content : null;
      break;
    }
    this.#end(open);
  }

  #previewIn(wait) {
    const quiet = this.#quietUntil - performance.now();
    this.#timer = setTimeout(() => this.#preview(), Math.max(wait, quiet));
  }

  async #preview() {
    this.#timer = null;
    const drawing = this.drawing();
    if (!drawing) return;
    const open = this.#begin(false);
    const refusal = await this.#ask(drawing, open);
    if (this.#open !== open) return;
    if (refusal) this.refused(refusal, refusal.seconds !== null);
    this.#isStale ||= refusal !== null && refusal.seconds !== null;
    this.#end(open);
  }

  /** null when it was answered or cut off, else the refusal. */
  async #ask(drawing, open) {
    this.asked(drawing, open.keep);
    try {
      const query = open.keep ? {} : this.query();
      const reading = await read(drawing, { keep: open.keep, signal: open.cutOff.signal, query });
      if (this.#open !== open) return null;
      if (open.keep) this.#unsure = null;
      this.answered(reading, drawing, open.keep, drawing.content === this.#unsure);
      return null;
    } catch (error) {
      if (error.name === "AbortError") return null;
      if (!(error instanceof Refusal)) throw error;
      if (error.seconds !== null) this.#quietUntil = performance.now() + error.seconds * 1000;
      return error;
    }
  }

  #begin(keep) {
    this.#isStale = false;
    this.#open = { cutOff: new AbortController(), keep };
    return this.#open;
  }

  #end(open) {
    if (this.#open !== open) return;
    this.#open = null;
    if (this.#isStale) this.#previewIn(PAUSE);
  }

  #quiet() {
    return new Promise((resolve) => { setTimeout(resolve, Math.max(0, this.#quietUntil - performance.now())); });
  }
}
