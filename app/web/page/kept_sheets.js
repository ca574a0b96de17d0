/**
 * What lies on the sheets, kept in this tab's sessionStorage while one looks at another page and comes back. Nothing of
 * it leaves the browser, and of a cleared sheet nothing is kept.
 */

import { NoDrawing, codeOfSquares, codeOfStrokes, drawingOf } from "./drawing_code.js";
import { copy, openPicture } from "./picture.js";

const KEY = "pixelwise.sheets.1"; // another form has another key
const QUALITY = 0.92;
const MOST = 1_500_000; // characters of a picture; a browser gives a tab some five million

/**
 * Keeps them whenever this tab leaves the page. lying() tells {chosen, pen, grid, reading}: the name of the sheet on show,
 * both sheets, and the id of the answer to what lies on it, if that was stored.
 */
export function keepWhenLeft(lying) {
  window.addEventListener("pagehide", () => keep(lying()));
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") keep(lying()); // a phone may end the tab without another word
  });
}

function keep({ chosen, pen, grid, reading = null }) {
  const kept = { chosen, pen: packed(pen), grid: packed(grid), reading };
  if (!kept.pen && !kept.grid) sessionStorage.removeItem(KEY);
  else store(kept);
}

/**
 * The sheets as they were left, {chosen, pen, grid, reading}, contents null where there is nothing; null where there is
 * nothing at all.
 */
export async function leftSheets() {
  const kept = JSON.parse(sessionStorage.getItem(KEY));
  if (kept === null) return null;
  return { ...kept, pen: kept.pen && await unpacked(kept.pen), grid: kept.grid && await unpacked(kept.grid) };
}

/** Where the list of readings has taken the room, the drawing is not kept: the list was asked for. */
function store(kept) {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(kept));
  } catch (error) {
    if (error.name !== "QuotaExceededError") throw error;
    sessionStorage.removeItem(KEY);
  }
}

/** null of a blank sheet, and of a picture that the browser cannot show or that was opened from the list. */
function packed({ isBlank, content }) {
  if (isBlank) return null;
  if (Array.isArray(content)) return { code: codeOfSquares(content) };
  const { picture } = content;
  if (!picture) return { code: codeOfStrokes(content) };
  if (!picture.image || picture.left) return null;
  const { name, image, frame } = picture;
  const data = copy(image, [0, 0, image.width, image.height]).toDataURL("image/webp", QUALITY);
  return data.length > MOST ? null : { data, name, frame };
}

async function unpacked({ code, data, name, frame }) {
  if (data) return { strokes: [], pen: null, picture: (await openPicture(fileOf(data, name))).framed(frame) };
  try {
    const { squares, strokes, pen } = drawingOf(code);
    return squares ?? { strokes, pen, picture: null };
  } catch (error) {
    if (!(error instanceof NoDrawing)) throw error;
    return null; // it has more points than the service takes
  }
}

/** Of a data URL, which the page's policy lets nobody fetch. */
function fileOf(data, name) {
  const [, type, text] = /^data:([^;]+);base64,(.*)$/.exec(data);
  return new File([Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))], name, { type });
}
