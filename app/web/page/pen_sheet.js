/** The sheet for a pen, a mouse or a finger; it also shows a picture that was uploaded. */

import { ERASER, erased } from "./eraser.js";
import { WHOLE } from "./frame.js";
import { PENS, SIDE, fitted, inPixels, inkBox, isOnSheet, penMoved, placeOfStrokes } from "./maths.js";
import { Sheet, followPointer, pointOn } from "./sheet.js";

/**
 * Content: {strokes, pen, picture}; pen, a name in PENS, is that of all strokes, as a request has one width. A picture is
 * as picture.js has it, or {image, left}: it was read before, and this is what is left of it.
 */
const BLANK = { strokes: [], pen: null, picture: null };

export class PenSheet extends Sheet {
  #canvas;
  #pen; // of the next drawing
  #own = null; // the content that the pen made last: when there is another one, its stroke is over
  #at = null; // where the eraser is; null: the pen draws
  #isOnSheet = true;
  #tookAway = false;

  constructor(canvas, pen, changed) {
    super(BLANK, changed);
    this.#canvas = canvas;
    this.#pen = pen;
    followPointer(canvas, {
      pressed: (event) => this.#press(pointOn(canvas, event), this.erasesWith(event)),
      moved: (event) => this.#move(pointOn(canvas, event)),
      lifted: () => {
        if (this.#at === null || this.#tookAway) this.changed(true);
      },
    });
    this.draw();
  }

  get isBlank() {
    return !this.content.strokes.length && !this.content.picture;
  }

  /** The width that is seen, or that the next drawing will have. */
  get pen() {
    return this.#pen;
  }

  /** Another width for the whole drawing, or, without strokes, for the next one. */
  usePen(pen) {
    if (pen === this.#pen) return;
    this.#pen = pen;
    if (this.content.strokes.length) this.replace({ ...this.content, pen });
  }

  refine(content, options) {
    this.#pen = content.pen ?? this.#pen;
    super.refine(content, options);
  }

  put(strokes, pen = this.#pen) {
    this.replace({ strokes, pen, picture: null });
  }

  putPicture(picture) {
    this.replace({ ...BLANK, picture });
  }

  drawing() {
    const { picture, strokes, pen } = this.content;
    if (picture) return picture.left || picture.unsent ? null : { body: picture.body, type: "image/*" }; // the body knows its kind
    if (this.isBlank) return null;
    const side = this.#canvas.clientWidth;
    const body = { strokes: inPixels(strokes, side), pen_width: PENS[pen] * side, canvas: [side, side] };
    return { body: JSON.stringify(body), type: "application/json" };
  }

  /**
   * Where the model's view, of these pixels, lies on the sheet. Of a picture only the service knows what it found: the
   * view is shown in its frame, in the place of what lay there (`isView`).
   */
  place(pixels) {
    const { strokes, pen, picture } = this.content;
    if (!picture) return placeOfStrokes(strokes, inkBox(pixels), PENS[pen ?? this.#pen]);
    const { x, y, side } = picture.frame ?? WHOLE;
    return { left: x, top: y, pixel: side / SIDE, isView: true };
  }

  /** Draws everything anew, in the pixels that the screen has now: called after a resize and a change of theme too. */
  draw() {
    const canvas = this.#canvas;
    const pixels = Math.round(canvas.clientWidth * window.devicePixelRatio);
    canvas.width = pixels;
    canvas.height = pixels;
    this.paint(canvas.getContext("2d"), pixels);
    const { strokes, picture } = this.content;
    const count = strokes.length;
    const content = picture ? "a picture" : count ? `${count} stroke${count > 1 ? "s" : ""}` : "empty";
    canvas.setAttribute("aria-label", `Drawing sheet, ${content}`);
  }

  paint(context, pixels) {
    const { strokes, pen, picture } = this.content;
    if (picture?.image) {
      context.drawImage(picture.image, ...fitted(picture.image.width, picture.image.height, pixels));
    }
    if (!strokes.length) return;
    const ink = getComputedStyle(this.#canvas).color;
    Object.assign(context, { lineCap: "round", lineJoin: "round", strokeStyle: ink, fillStyle: ink });
    context.lineWidth = PENS[pen] * pixels;
    for (const stroke of inPixels(strokes, pixels)) drawStroke(context, stroke);
  }

  #press(point, erases) {
    this.#isOnSheet = true;
    this.#tookAway = false;
    this.#own = this.content;
    this.#at = erases ? point : null;
    if (erases) this.#erase(point);
    else {
      this.replace({ strokes: [...this.content.strokes, [point]], pen: this.#pen, picture: null }, { isDone: false });
      this.#own = this.content;
    }
  }

  #move(point) {
    if (this.content !== this.#own) return;
    if (this.#at !== null) this.#erase(point);
    else {
      const strokes = penMoved(this.content.strokes, point, this.#isOnSheet);
      this.#isOnSheet = isOnSheet(point);
      if (strokes !== this.content.strokes) this.refine({ ...this.content, strokes });
      this.#own = this.content;
    }
  }

  /** A whole sweep is one step to undo. */
  #erase(to) {
    const { strokes, pen } = this.content;
    const left = erased(strokes, this.#at, to, ERASER / 2 + PENS[pen ?? this.#pen] / 2);
    this.#at = to;
    if (left === strokes) return;
    const content = { ...this.content, strokes: left };
    if (this.#tookAway) this.refine(content);
    else this.replace(content, { isDone: false });
    this.#tookAway = true;
    this.#own = this.content;
  }
}

function drawStroke(context, stroke) {
  const [[x, y], ...rest] = stroke;
  context.beginPath();
  if (!rest.length) {
    context.arc(x, y, context.lineWidth / 2, 0, 2 * Math.PI);
    context.fill();
    return;
  }
  context.moveTo(x, y);
  for (const point of rest) context.lineTo(...point);
  context.stroke();
}
