/**
 * A drawing as it is kept beside its reading in this tab, small enough for sessionStorage, and its way back to a sheet.
 *
 * Kept is {code} of strokes or squares, {copy} of a picture, a data URL of a few kilobytes, or {} of what is too large or
 * cannot be shown by the browser: then only what the model saw is left.
 */

import { codeOfSquares, codeOfStrokes, drawingOf } from "./drawing_code.js";
import { cut, within } from "./frame.js";
import { SIDE } from "./maths.js";
import { paintPixels } from "./pixels.js";

const COPY = 224; // pixels of a copy's longer side
const QUALITY = 0.7;
const MOST = 32_000; // characters of one drawing; a browser gives a tab some five million

/** content: of either sheet. */
export function packed(content) {
  const kept = whole(content);
  return Object.values(kept).some((text) => text.length > MOST) ? {} : kept;
}

function whole(content) {
  if (Array.isArray(content)) return { code: codeOfSquares(content) };
  if (!content.picture) return { code: codeOfStrokes(content) };
  return content.picture.image ? { copy: copyOf(content.picture) } : {};
}

/** What lay in its frame. */
function copyOf({ image, frame }) {
  const [x, y, width, height] = cut(frame, image);
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = within(width, height, COPY);
  canvas.getContext("2d").drawImage(image, x, y, width, height, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL("image/webp", QUALITY);
}

/**
 * The content for a sheet, {strokes, pen, picture} or squares. pixels: the 28x28 that the model saw; ink: the colour
 * that they are drawn in, where nothing else is left.
 */
export async function unpacked({ code, copy }, { pixels, ink }) {
  if (code) {
    const { squares, strokes, pen } = drawingOf(code);
    return squares ?? { strokes, pen, picture: null };
  }
  const image = copy ? await shown(copy) : view(pixels, ink);
  return { strokes: [], pen: null, picture: { image, left: copy ? "copy" : "view" } };
}

async function shown(copy) {
  const image = Object.assign(new Image(), { src: copy });
  await image.decode();
  return image;
}

/** Each pixel as a square of several, so that it stays one when it is enlarged. */
function view(pixels, ink) {
  const small = Object.assign(document.createElement("canvas"), { width: SIDE, height: SIDE });
  paintPixels(small, pixels, ink);
  const canvas = Object.assign(document.createElement("canvas"), { width: 20 * SIDE, height: 20 * SIDE });
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = false;
  context.drawImage(small, 0, 0, canvas.width, canvas.height);
  return canvas;
}
