/**
 * A drawing as a short text for an address, and back. Pure functions.
 *
 * The first letter is the form: p, strokes of the pen, or s, squares. Another form gets another letter, so that an old
 * link is never read as what it is not. Behind it are bytes in base64url, the last two a checksum of the others.
 *
 * p: the pen, the number of strokes, and for each stroke the number of its points and each point's way from the one
 * before, in thousandths of the sheet's side. s: 784 bits, row by row.
 */

import { PENS, SIDE } from "./maths.js";

/** Most points of all strokes that the service takes. */
export const MAX_POINTS = 5_000;
/** Steps along the sheet's side: two points of a pen are more than two steps apart. */
const GRID = 1_000;
const NAMES = Object.keys(PENS); // a code has a pen's number here, so a new one goes to the end

/** The text is no drawing. `kind`: "foreign", it has another form; "broken", it was cut off or changed. */
export class NoDrawing extends Error {
  constructor(kind) {
    super(`the text is ${kind}`);
    Object.assign(this, { name: "NoDrawing", kind });
  }
}

export function codeOfStrokes({ strokes, pen }) {
  const numbers = [NAMES.indexOf(pen), strokes.length];
  let at = [0, 0];
  for (const stroke of strokes) {
    numbers.push(stroke.length);
    for (const point of stroke) {
      const next = point.map((share) => Math.round(share * GRID));
      numbers.push(...next.map((value, axis) => folded(value - at[axis])));
      at = next;
    }
  }
  return `p${written(numbers.flatMap(asBytes))}`;
}

/** squares: 784 grey values, 0 paper. */
export function codeOfSquares(squares) {
  const bytes = Array(squares.length / 8).fill(0);
  squares.forEach((grey, index) => { if (grey) bytes[index >> 3] |= 128 >> (index & 7); });
  return `s${written(bytes)}`;
}

/** {strokes, pen} or {squares}, as they were coded; anything else is refused with NoDrawing. */
export function drawingOf(code) {
  if (!/^[ps][\w-]*$/.test(code)) throw new NoDrawing("foreign");
  const bytes = read(code.slice(1));
  return code[0] === "p" ? strokesIn(bytes) : squaresIn(bytes);
}

function strokesIn(bytes) {
  let place = 0;
  const number = () => {
    let [value, shift, byte] = [0, 0, 128];
    while (byte & 128) {
      require(place < bytes.length && shift <= 14); // three bytes hold every number here
      byte = bytes[place];
      value |= (byte & 127) << shift;
      place += 1;
      shift += 7;
    }
    return value;
  };
  const pen = NAMES[number()];
  const count = number();
  require(pen !== undefined && count > 0);
  let at = [0, 0];
  let points = 0;
  const strokes = [];
  for (let stroke = 0; stroke < count; stroke += 1) {
    const length = number();
    points += length;
    require(length > 0 && points <= MAX_POINTS);
    strokes.push(Array.from({ length }, () => {
      at = at.map((value) => value + unfolded(number()));
      require(at.every((value) => value >= 0 && value <= GRID));
      return at.map((value) => value / GRID);
    }));
  }
  require(place === bytes.length);
  return { strokes, pen };
}

function squaresIn(bytes) {
  require(bytes.length === (SIDE * SIDE) / 8 && bytes.some(Boolean));
  return { squares: Array.from({ length: SIDE * SIDE }, (_, index) => (bytes[index >> 3] & (128 >> (index & 7)) ? 255 : 0)) };
}

function require(holds) {
  if (!holds) throw new NoDrawing("broken");
}

/** Small numbers of either sign as small numbers: 0, -1, 1, -2 -> 0, 1, 2, 3. */
const folded = (value) => (value < 0 ? -2 * value - 1 : 2 * value);
const unfolded = (value) => (value % 2 ? -(value + 1) / 2 : value / 2);

/** Seven bits a byte, the lowest first; all but the last have their highest bit set. */
function asBytes(number) {
  return number < 128 ? [number] : [(number & 127) | 128, ...asBytes(number >> 7)];
}

function written(bytes) {
  const text = String.fromCharCode(...bytes, ...checksum(bytes));
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function read(text) {
  require(text.length % 4 !== 1);
  const all = Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
  const bytes = all.slice(0, -2);
  require(all.length > 2 && checksum(bytes).every((byte, index) => byte === all[bytes.length + index]));
  return bytes;
}

/** Fletcher's, of 16 bits: no text passes in which one letter was changed. */
function checksum(bytes) {
  let [sum, sums] = [1, 1];
  for (const byte of bytes) {
    sum = (sum + byte) % 255;
    sums = (sums + sum) % 255;
  }
  return [sum, sums];
}
