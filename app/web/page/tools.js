/** The tools beside the drawing: undo and redo, the eraser, the width of the pen. */

import { ERASER } from "./eraser.js";
import { PENS } from "./maths.js";
import { ERASER_CHOSEN, PEN_CHOSEN } from "./words.js";

const KEY = "pixelwise.pen";

/** The width that was chosen last in this tab. */
export function rememberedPen() {
  const pen = sessionStorage.getItem(KEY);
  return pen in PENS ? pen : "usual";
}

export class Tools {
  #part;
  #sheets;

  /** part(id): an element of the page. sheets: {pen, grid}; sheet(): the one on show. */
  constructor(part, { pen, grid, sheet }) {
    this.#part = part;
    this.#sheets = [pen, grid];
    Object.assign(this, { pen, sheet, widened: null });
    part("undo").addEventListener("click", () => sheet().undo());
    part("redo").addEventListener("click", () => sheet().redo());
    part("eraser").addEventListener("click", () => this.erase());
    for (const input of this.#widths) {
      input.addEventListener("change", () => {
        sessionStorage.setItem(KEY, input.value);
        pen.usePen(input.value);
        this.widened = pen.content; // by its answer it is said that all of it has this width
      });
    }
    this.#showReach(part("pen-sheet"), part("reach"));
    this.draw();
  }

  get #widths() {
    return this.#part("widths").querySelectorAll("input");
  }

  /** Chooses the eraser or the pen; without an argument, the one that is not chosen. */
  erase(isErasing = !this.sheet().isErasing) {
    for (const sheet of this.#sheets) sheet.isErasing = isErasing;
    this.#part("tool").textContent = isErasing ? ERASER_CHOSEN : PEN_CHOSEN;
    this.draw();
  }

  /** Takes the eraser away, if it is chosen. */
  draws() {
    if (this.sheet().isErasing) this.erase(false);
  }

  /** Shows what is chosen and what can be undone. A button stays in reach of Tab, so nobody loses their place. */
  draw() {
    const sheet = this.sheet();
    this.#part("undo").setAttribute("aria-disabled", !sheet.canUndo);
    this.#part("redo").setAttribute("aria-disabled", !sheet.canRedo);
    this.#part("eraser").setAttribute("aria-pressed", sheet.isErasing);
    this.#part("widths").classList.toggle("unused", sheet !== this.pen);
    for (const input of this.#widths) input.checked = input.value === this.pen.pen;
  }

  /** A ring around the pointer, as wide as the eraser. */
  #showReach(canvas, ring) {
    ring.style.width = `${ERASER * 100}%`;
    const follow = (event) => {
      ring.hidden = !this.pen.erasesWith(event);
      const box = canvas.getBoundingClientRect();
      ring.style.left = `${event.clientX - box.left}px`;
      ring.style.top = `${event.clientY - box.top}px`;
    };
    const hide = () => { ring.hidden = true; };
    canvas.addEventListener("pointerdown", follow);
    canvas.addEventListener("pointermove", follow);
    canvas.addEventListener("pointerleave", hide);
    canvas.addEventListener("pointercancel", hide);
  }
}
