/**
 * The frame on a picture: the square that is read. Pure functions: no DOM.
 *
 * A frame is {x, y, side} in shares of the sheet's side, from its top left corner. The picture lies whole in the middle
 * of the sheet (`fitted`), so the frame may reach beyond two of its edges, but its middle never does.
 */

import { fitted } from "./maths.js";

export const WHOLE = { x: 0, y: 0, side: 1 };
/** The smallest side. */
export const LEAST = 0.1;
export const STEP = 0.02;
/** How far a pointer goes before it draws a frame: less is a tap. */
const TAP = 0.03;

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

export function isWhole({ side }) {
  return side === 1;
}

/** The nearest frame that lies on the sheet, with its middle on a picture of this size. */
export function kept({ x, y, side }, { width, height }) {
  const [left, top, across, down] = fitted(width, height, 1);
  const length = clamp(side, LEAST, 1);
  const along = (from, begin, size) => clamp(clamp(from, begin - length / 2, begin + size - length / 2), 0, 1 - length);
  return { x: along(x, left, across), y: along(y, top, down), side: length };
}

export function moved({ x, y, side }, right, down) {
  return { x: x + right, y: y + down, side };
}

/** A frame that is larger or smaller by so much, around the same middle. */
export function grown({ x, y, side }, by) {
  const length = clamp(side + by, LEAST, 1);
  return { x: x + (side - length) / 2, y: y + (side - length) / 2, side: length };
}

/** The corner of a frame ("nw", "ne", "sw", "se") that lies within `reach` of a point, else "inside" or "outside". */
export function gripAt({ x, y, side }, [px, py], reach) {
  const near = Math.min(reach, side / 3); // so that a small frame can still be moved
  const edge = (at, from) => (Math.abs(at - from) <= near ? 0 : Math.abs(at - from - side) <= near ? 1 : null);
  const [across, down] = [edge(px, x), edge(py, y)];
  if (across !== null && down !== null) return `${"ns"[down]}${"we"[across]}`;
  return px >= x && px <= x + side && py >= y && py <= y + side ? "inside" : "outside";
}

/** The frame with one corner at a point; the opposite corner stays. */
export function stretched({ x, y, side }, corner, [px, py]) {
  const [right, bottom] = [x + side, y + side];
  const isWest = corner.endsWith("w");
  const isNorth = corner.startsWith("n");
  const most = Math.min(isWest ? right : 1 - x, isNorth ? bottom : 1 - y);
  const length = clamp(Math.max(isWest ? right - px : px - x, isNorth ? bottom - py : py - y), LEAST, most);
  return { x: isWest ? right - length : x, y: isNorth ? bottom - length : y, side: length };
}

/** The square that a pointer draws from one point to another; null while it is no more than a tap. */
export function between([x, y], [px, py]) {
  if (Math.hypot(px - x, py - y) < TAP) return null;
  const corner = `${py < y ? "n" : "s"}${px < x ? "w" : "e"}`;
  return stretched({ x, y, side: 0 }, corner, [px, py]);
}

/** Where a key leads; null for a key that leads nowhere. */
export function afterKey(frame, key, isShifted) {
  const [right, down] = {
    ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP],
  }[key] ?? [0, 0];
  if (right || down) return isShifted ? grown(frame, right + down) : moved(frame, right, down);
  if (key === "+" || key === "=") return grown(frame, STEP);
  if (key === "-" || key === "_") return grown(frame, -STEP);
  return key === "Home" ? WHOLE : null;
}

/** The part of a picture of this size that lies in a frame: [x, y, width, height] in whole pixels of the picture. */
export function cut({ x, y, side }, { width, height }) {
  const [left, top, across] = fitted(width, height, 1);
  const along = (from, begin, size) => {
    const first = clamp(Math.floor(((from - begin) / across) * width), 0, size - 1);
    const last = clamp(Math.ceil(((from + side - begin) / across) * width), first + 1, size);
    return [first, last - first];
  };
  const [column, columns] = along(x, left, width);
  const [row, rows] = along(y, top, height);
  return [column, row, columns, rows];
}

/** Width and height that fit into a square of this side; a smaller picture stays as it is. */
export function within(width, height, side) {
  const scale = Math.min(1, side / Math.max(width, height));
  return [width, height].map((length) => Math.max(1, Math.round(length * scale)));
}
