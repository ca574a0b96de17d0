/**
 * A drawing that can be undone. Its content is never changed, only replaced, so the past is a list of contents.
 *
 * A subclass has `draw()`, which shows the content; `isBlank`; and `drawing()`, what to send of it or null.
 */
export class Sheet {
  #past = [];

  /** blank: the empty content. changed(isDone) is told of every change; not done: the pen is still down. */
  constructor(blank, changed) {
    Object.assign(this, { blank, content: blank, changed });
  }

  /** A new content, which undo takes back. */
  replace(content, { isDone = true } = {}) {
    this.#past.push(this.content);
    this.refine(content, { isDone });
  }

  /** A new content in the same step: undo takes both back. */
  refine(content, { isDone = false } = {}) {
    this.content = content;
    this.draw();
    this.changed(isDone);
  }

  undo() {
    if (this.#past.length) this.refine(this.#past.pop(), { isDone: true });
  }

  clear() {
    if (!this.isBlank) this.replace(this.blank);
  }
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
    if (!event.isPrimary || event.button !== 0) return;
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
