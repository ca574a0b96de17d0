/** The sheet of 28 by 28 squares, for the keyboard; a pointer can fill them too. Sent as raw grey values. */

import { SIDE, inkBox, placeOfSquares, squareAfter, squareAt, squaresBetween } from "./maths.js";
import { Sheet, followPointer, pointOn } from "./sheet.js";

const INK = 255;
const PAPER = 0;
const MIDDLE = (SIDE / 2) * SIDE + SIDE / 2;

export class GridSheet extends Sheet {
  #squares; // 784 elements, row by row
  #at = MIDDLE;
  #value = INK; // what a pressed pointer fills squares with
  #own = null; // the content that the pointer made last: when there is another one, its sweep is over
  #hasStep = false; // whether this sweep changed anything

  /** Content: 784 grey values, 0 or 255, row by row. */
  constructor(grid, changed) {
    super(Array(SIDE * SIDE).fill(PAPER), changed);
    this.#squares = build(grid);
    grid.addEventListener("keydown", (event) => this.#press(event));
    followPointer(grid, {
      pressed: (event) => {
        this.#at = squareAt(pointOn(grid, event));
        this.#value = this.erasesWith(event) ? PAPER : INK - this.content[this.#at];
        this.#own = this.content;
        this.#hasStep = false;
        this.#fill([this.#at]);
      },
      moved: (event) => {
        if (this.content !== this.#own) return;
        const way = squaresBetween(this.#at, squareAt(pointOn(grid, event)));
        this.#at = way.at(-1);
        this.#fill(way);
      },
      lifted: () => {
        this.focus();
        if (this.#hasStep) this.changed(true);
      },
    });
    this.draw();
  }

  get isBlank() {
    return !this.content.includes(INK);
  }

  drawing() {
    if (this.isBlank) return null;
    const query = { width: SIDE, height: SIDE };
    return { body: Uint8Array.from(this.content), type: "application/octet-stream", query };
  }

  /** Where the model's view, of these pixels, lies on the sheet. */
  place(pixels) {
    const own = Array.from({ length: SIDE }, (_, row) => this.content.slice(row * SIDE, (row + 1) * SIDE));
    if (own.flat().every((grey, square) => grey === pixels[Math.floor(square / SIDE)][square % SIDE])) {
      return { left: 0, top: 0, pixel: 1 / SIDE };
    }
    return placeOfSquares(inkBox(own), inkBox(pixels));
  }

  focus() {
    this.draw();
    this.#squares[this.#at].focus();
  }

  draw() {
    this.#squares.forEach((square, index) => {
      const isInk = this.content[index] === INK;
      const place = `row ${Math.floor(index / SIDE) + 1}, column ${(index % SIDE) + 1}`;
      square.tabIndex = index === this.#at ? 0 : -1;
      square.setAttribute("aria-selected", isInk);
      square.setAttribute("aria-label", `${place}, ${isInk ? "ink" : "paper"}`);
    });
  }

  paint(context, pixels) {
    context.fillStyle = getComputedStyle(this.#squares[0]).color;
    const side = pixels / SIDE;
    this.content.forEach((grey, index) => {
      if (grey === INK) context.fillRect((index % SIDE) * side, Math.floor(index / SIDE) * side, side, side);
    });
  }

  #press(event) {
    const to = squareAfter(event.key, this.#at);
    if (event.key === " ") {
      this.#set([this.#at], this.isErasing ? PAPER : INK - this.content[this.#at]);
    } else if (to !== null) {
      const way = squaresBetween(this.#at, to);
      this.#at = to;
      if (event.shiftKey) this.#set(way, this.isErasing ? PAPER : INK);
      this.focus();
    } else {
      return;
    }
    event.preventDefault();
  }

  #set(squares, value) {
    if (squares.some((square) => this.content[square] !== value)) this.replace(filled(this.content, squares, value));
  }

  /** A whole sweep is one step to undo. */
  #fill(squares) {
    if (squares.every((square) => this.content[square] === this.#value)) return;
    const content = filled(this.content, squares, this.#value);
    if (this.#hasStep) this.refine(content);
    else this.replace(content, { isDone: false });
    this.#hasStep = true;
    this.#own = this.content;
  }
}

function build(grid) {
  const rows = Array.from({ length: SIDE }, () => {
    const row = document.createElement("div");
    row.setAttribute("role", "row");
    row.append(...Array.from({ length: SIDE }, () => {
      const square = document.createElement("div");
      square.setAttribute("role", "gridcell");
      return square;
    }));
    return row;
  });
  grid.append(...rows);
  return rows.flatMap((row) => [...row.children]);
}

/** The content with these squares set to a value. */
function filled(content, squares, value) {
  const next = [...content];
  for (const square of squares) next[square] = value;
  return next;
}
