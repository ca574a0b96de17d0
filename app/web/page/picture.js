/**
 * A picture that was handed in: what is shown of it, and what is sent.
 *
 * It is made smaller here, so that a photograph of 50 million pixels never travels: the service looks at copies of at
 * most LONGEST pixels itself. It is turned as it was taken. What this browser cannot open goes as it is, and the
 * service says what helps.
 */

import { WHOLE, cut, isWhole, kept, within } from "./frame.js";

/** The longest side that is sent. */
export const LONGEST = 1250;
/** The longest side of the copy that is kept, so that a part of a picture still has enough pixels. */
const KEPT = 2 * LONGEST;
/** A file of fewer bytes and pixels goes as it is. */
const SMALL = 1 << 20;
/** The service's limit. */
export const MOST_BYTES = 32 << 20;
const READ = ["image/png", "image/jpeg", "image/webp", "image/gif"];
const QUALITY = 0.92;
/** Types of files for which many systems know none. */
const TYPES = { heic: "image/heic", heif: "image/heif", tif: "image/tiff", tiff: "image/tiff" };

export class Picture {
  #file;
  #body = null;

  /** image: what is shown, null if this browser cannot; unsent: why the file is not sent at all, "" if it is. */
  constructor(file, image, { frame = WHOLE, unsent = "" } = {}) {
    this.#file = file;
    Object.assign(this, { name: file.name, image, frame, unsent });
  }

  /** The same with another frame. */
  framed(frame) {
    return new Picture(this.#file, this.image, { frame: kept(frame, this.image), unsent: this.unsent });
  }

  /** What is sent: the file, or the promise of a smaller one. */
  get body() {
    this.#body ??= this.#goesAsItIs() ? this.#file : this.#part();
    return this.#body;
  }

  #goesAsItIs() {
    if (!this.image) return true;
    const { width, height } = this.image;
    const isSmall = this.#file.size <= SMALL && Math.max(width, height) <= LONGEST;
    return isSmall && isWhole(this.frame) && READ.includes(this.#file.type);
  }

  /** The part in the frame: JPEG of a JPEG, else PNG as long as that is small or something shows through. */
  async #part() {
    const part = copy(this.image, cut(this.frame, this.image), LONGEST);
    if (this.#file.type === "image/jpeg") return encoded(part, "image/jpeg");
    const exact = await encoded(part, "image/png");
    return exact.size <= SMALL || isTransparent(part) ? exact : encoded(part, "image/jpeg");
  }
}

/** The picture in a file; where it cannot be sent, that says why. */
export async function openPicture(given) {
  const file = typed(given);
  if (!file.type.startsWith("image/")) return new Picture(file, null, { unsent: "no-picture" });
  const image = await decoded(file);
  return new Picture(file, image, { unsent: !image && file.size > MOST_BYTES ? "too-large" : "" });
}

function typed(file) {
  const type = TYPES[file.name.split(".").at(-1).toLowerCase()];
  return file.type || !type ? file : new File([file], file.name, { type });
}

/** null where the browser cannot open it: a kind that it does not know, or a broken one. */
async function decoded(file) {
  let image;
  try {
    image = await createImageBitmap(file, { imageOrientation: "from-image", colorSpaceConversion: "none" });
  } catch (error) {
    if (error instanceof DOMException) return null;
    throw error;
  }
  if (Math.max(image.width, image.height) <= KEPT) return image;
  const smaller = copy(image, [0, 0, image.width, image.height], KEPT);
  image.close();
  return smaller;
}

/** A part of an image as a canvas whose sides are at most `longest`. */
export function copy(image, [x, y, width, height], longest = LONGEST) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = within(width, height, longest);
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(image, x, y, width, height, 0, 0, canvas.width, canvas.height);
  return canvas;
}

function encoded(canvas, type) {
  return new Promise((resolve) => { canvas.toBlob(resolve, type, QUALITY); });
}

function isTransparent(canvas) {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  for (let at = 3; at < data.length; at += 4) if (data[at] < 255) return true;
  return false;
}
