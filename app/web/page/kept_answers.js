/**
 * The answers that the service stored, by the drawing that each is of, and what was said of them since.
 *
 * A stored drawing is shown with its stored answer until one asks another version about it: then that answer is put aside.
 */

export class KeptAnswers {
  #readings = new WeakMap(); // content -> its reading, as in the history
  #labels = new Map(); // id of an answer -> what was said of it; null: taken back
  #aside = null; // the content whose answer is put aside

  /** This content was stored, and read so. */
  note(content, reading) {
    this.#readings.set(content, reading);
    if (reading.label) this.#labels.set(reading.answer.id, reading.label);
  }

  /** The reading of a stored content; undefined of another one. */
  of(content) {
    return this.#readings.get(content);
  }

  /** The same, but undefined too while it is put aside. */
  shown(content) {
    return content === this.#aside ? undefined : this.of(content);
  }

  /** Another version was chosen while this content lay on the sheet, or the one that gave its answer. */
  look(content, version) {
    const reading = this.of(content);
    this.#aside = reading && reading.answer.model_version !== version ? content : null;
  }

  /** This content lies on the sheet now: of any other, nothing stays put aside. */
  lies(content) {
    if (content !== this.#aside) this.#aside = null;
  }

  label(id, label) {
    this.#labels.set(id, label);
  }

  /** What was said of the answer with this id; undefined: nothing. */
  labelOf(id) {
    return this.#labels.get(id);
  }
}
