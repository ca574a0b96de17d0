/** A drawing in the fragment of an address, which a browser sends to nobody. */

import { NoDrawing, codeOfSquares, codeOfStrokes, drawingOf } from "./drawing_code.js";
import { BAD_LINK, linkTooLong } from "./words.js";

/** Most letters of a drawing in a link: some 1,500 points. Longer addresses are cut off by mail and messengers. */
export const MOST = 4_000;

/** content: strokes or squares, not blank. {url}, or {fault}: why there is none, in words. */
export function linkTo(content) {
  const code = Array.isArray(content) ? codeOfSquares(content) : codeOfStrokes(content);
  if (code.length > MOST) return { fault: linkTooLong(code.length, MOST) };
  return { url: `${bare()}#${code}` };
}

/** The drawing in a fragment, {strokes, pen} or {squares}; {fault}, in words; null without a fragment. */
export function drawingIn(fragment) {
  const code = fragment.replace(/^#/, "");
  if (!code) return null;
  if (code.length > MOST) return { fault: BAD_LINK["too-long"] };
  try {
    return drawingOf(code);
  } catch (error) {
    if (!(error instanceof NoDrawing)) throw error;
    return { fault: BAD_LINK[error.kind] };
  }
}

/** Takes the drawing out of the address, once another one is on the sheet. */
export function forgetFragment() {
  if (location.hash) window.history.replaceState(null, "", bare());
}

function bare() {
  return location.href.split("#")[0];
}
