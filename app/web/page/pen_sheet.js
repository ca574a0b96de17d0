/** The sheet for a pen, a mouse or a finger; it also shows a picture that was uploaded. */

import { PEN, fitted, inPixels, inkBox, isOnSheet, penMoved, placeOfStrokes } from "./maths.js";
import { Sheet, followPointer, pointOn } from "./sheet.js";

/** Content: {strokes, picture}; a picture is as picture.js has it. */
const BLANK = { strokes: [], picture: null };

export class PenSheet extends Sheet {
  #canvas;
  #isOnSheet = true;

  constructor(canvas, changed) {
    super(BLANK, changed);
    this.#canvas = canvas;
    followPointer(canvas, {
      pressed: (event) => this.#press(pointOn(canvas, event)),
      moved: (event) => this.#move(pointOn(canvas, event)),
      lifted: () => this.changed(true),
    });
    this.draw();
  }

  get isBlank() {
    return !this.content.strokes.length && !this.content.picture;
  }

  put(strokes) {
    this.replace({ strokes, picture: null });
  }

  putPicture(picture) {
    this.replace({ strokes: [], picture });
  }

  drawing() {
    if (this.isBlank) return null;
    const { picture } = this.content;
    if (picture) return picture.unsent ? null : { body: picture.body, type: "image/*" }; // the body knows its kind
    const side = this.#canvas.clientWidth;
    const body = { strokes: inPixels(this.content.strokes, side), pen_width: PEN * side, canvas: [side, side] };
    return { body: JSON.stringify(body), type: "application/json" };
  }

  /** Where the model's view, of these pixels, lies on the sheet; null for a picture, of which the service found it. */
  place(pixels) {
    return this.content.picture ? null : placeOfStrokes(this.content.strokes, inkBox(pixels));
  }

  /** Draws everything anew, in the pixels that the screen has now: called after a resize and a change of theme too. */
  draw() {
    const canvas = this.#canvas;
    const pixels = Math.round(canvas.clientWidth * window.devicePixelRatio);
    canvas.width = pixels;
    canvas.height = pixels;
    const context = canvas.getContext("2d");
    const { strokes, picture } = this.content;
    if (picture?.image) {
      context.drawImage(picture.image, ...fitted(picture.image.width, picture.image.height, pixels));
    }
    const ink = getComputedStyle(canvas).color;
    Object.assign(context, { lineWidth: PEN * pixels, lineCap: "round", lineJoin: "round", strokeStyle: ink, fillStyle: ink });
    for (const stroke of inPixels(strokes, pixels)) drawStroke(context, stroke);
    const count = strokes.length;
    const content = picture ? "a picture" : count ? `${count} stroke${count > 1 ? "s" : ""}` : "empty";
    canvas.setAttribute("aria-label", `Drawing sheet, ${content}`);
  }

  #press(point) {
    this.#isOnSheet = true;
    this.replace({ strokes: [...this.content.strokes, [point]], picture: null }, { isDone: false });
  }

  #move(point) {
    const strokes = penMoved(this.content.strokes, point, this.#isOnSheet);
    this.#isOnSheet = isOnSheet(point);
    if (strokes !== this.content.strokes) this.refine({ strokes, picture: null });
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
