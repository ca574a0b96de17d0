/**
 * A drawing that can be undone. Its content is never changed, only replaced, so the past is a list of contents, and so
 * is what was undone.
 *
 * A subclass has `draw()`, which shows the content; `isBlank`; `drawing()`, what to send of it or null; and
 * `paint(context, pixels)`, which draws the content on another canvas of this side.
 */
export class Sheet {
  #past = [];
  #undone = [];

  /** blank: the empty content. changed(isDone) is told of every change; not done: the pen is still down. */
  constructor(blank, changed) {
    Object.assign(this, { blank, content: blank, changed, isErasing: false });
  }

  get canUndo() {
    return this.#past.length > 0;
  }

  get canRedo() {
    return this.#undone.length > 0;
  }

  /** A new content, which undo takes back. What was undone before is gone. */
  replace(content, { isDone = true } = {}) {
    this.#past.push(this.content);
    this.#undone = [];
    this.refine(content, { isDone });
  }

  /** A new content in the same step: undo takes both back. */
  refine(content, { isDone = false } = {}) {
    this.content = content;
    this.draw();
    this.changed(isDone);
  }

  undo() {
    this.#step(this.#past, this.#undone);
  }

  redo() {
    this.#step(this.#undone, this.#past);
  }

  clear() {
    if (!this.isBlank) this.replace(this.blank);
  }

  /** Whether this pointer takes ink away: the eraser is chosen, or it is the other end of a pen. */
  erasesWith(event) {
    return this.isErasing || isEraserEnd(event);
  }

  #step(from, to) {
    if (!from.length) return;
    to.push(this.content);
    this.refine(from.pop(), { isDone: true });
  }
}

/** Source: the table of buttons in the W3C's Pointer Events, where a pen's eraser is button 5 and 32 of the buttons. */
const ERASER_END = { button: 5, buttons: 32 };

export function isEraserEnd({ pointerType, button, buttons }) {
  return pointerType === "pen" && (button === ERASER_END.button || (buttons & ERASER_END.buttons) !== 0);
}

/** Where a pointer is, in shares of an element's box. Both are in CSS pixels, so zoom changes nothing. */
export function pointOn(element, event) {
  const box = element.getBoundingClientRect();
  return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
}

/**
 * Follows one pointer that is pressed on an element until it is lifted or lost, also beyond the element's edge:
 * pressed(event), moved(event) for each point of the way, lifted().
 */
export function followPointer(element, { pressed, moved, lifted }) {
  let followed = null;
  const end = (event) => {
    if (event.pointerId !== followed) return;
    followed = null;
    lifted();
  };
  element.addEventListener("pointerdown", (event) => {
    if (!event.isPrimary || !(event.button === 0 || isEraserEnd(event))) return;
    followed = event.pointerId;
    element.setPointerCapture(followed);
    pressed(event);
  });
  element.addEventListener("pointermove", (event) => {
    if (event.pointerId !== followed) return;
    const way = event.getCoalescedEvents();
    (way.length ? way : [event]).forEach(moved);
  });
  element.addEventListener("pointerup", end);
  element.addEventListener("pointercancel", end);
  element.addEventListener("lostpointercapture", end);
}
