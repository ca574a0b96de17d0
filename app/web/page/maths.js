/**
 * Pure functions: no DOM, no network.
 *
 * A point is [x, y] in shares of the sheet's side, 0 to 1 from its top left corner, so a drawing outlives a change of
 * size. A stroke is a list of points, one point is a dot.
 */

export const SIDE = 28;
/** Width of the usual pen, as a share of the sheet's side. */
export const PEN = 16 / 280;
/** All widths. The service draws strokes anew, so they change nothing but which drawings are small enough to be a dot. */
export const PENS = { thin: 10 / 280, usual: PEN, thick: 24 / 280 };
/** Points nearer than this to the one before add nothing: mice report up to a thousand a second. */
const NEAREST = 1 / 400;

const clamp = (value) => Math.min(Math.max(value, 0), 1);

export function isOnSheet([x, y]) {
  return x >= 0 && x <= 1 && y >= 0 && y <= 1;
}

/**
 * The strokes after the pen moved to `point`. What is drawn beyond the edge is no ink: the stroke ends at the edge, and
 * a new one begins where the pen comes back.
 */
export function penMoved(strokes, point, wasOnSheet) {
  if (!wasOnSheet) return isOnSheet(point) ? [...strokes, [point]] : strokes;
  const stroke = strokes.at(-1);
  const to = point.map(clamp);
  const [x, y] = stroke.at(-1);
  if (Math.hypot(to[0] - x, to[1] - y) < NEAREST) return strokes;
  return [...strokes.slice(0, -1), [...stroke, to]];
}

/** The strokes in pixels of a sheet of this side, to a tenth. */
export function inPixels(strokes, side) {
  return strokes.map((stroke) => stroke.map((point) => point.map((share) => Math.round(share * side * 10) / 10)));
}

/** A stroke with its corners cut, so that a few points make a curve (Chaikin's way). Its ends stay. */
export function smoothed(stroke, times = 3) {
  if (times === 0 || stroke.length < 3) return stroke;
  const cut = stroke.slice(1).flatMap((to, index) => {
    const from = stroke[index];
    const at = (share) => from.map((value, axis) => value + (to[axis] - value) * share);
    return [at(0.25), at(0.75)];
  });
  return smoothed([stroke[0], ...cut, stroke.at(-1)], times - 1);
}

/** The square, 0 to 783 row by row, that lies under a point of the sheet. */
export function squareAt(point) {
  const [column, row] = point.map((share) => Math.min(Math.floor(clamp(share) * SIDE), SIDE - 1));
  return row * SIDE + column;
}

/** All squares on the straight way from one to another, both ends among them. */
export function squaresBetween(from, to) {
  const [fromRow, toRow] = [from, to].map((square) => Math.floor(square / SIDE));
  const [fromColumn, toColumn] = [from, to].map((square) => square % SIDE);
  const steps = Math.max(Math.abs(toRow - fromRow), Math.abs(toColumn - fromColumn), 1);
  return Array.from({ length: steps + 1 }, (_, step) => {
    const row = Math.round(fromRow + ((toRow - fromRow) * step) / steps);
    const column = Math.round(fromColumn + ((toColumn - fromColumn) * step) / steps);
    return row * SIDE + column;
  });
}

/** Where a key leads from a square; null for a key that leads nowhere. The edges hold. */
export function squareAfter(key, square) {
  const row = Math.floor(square / SIDE);
  const column = square % SIDE;
  const last = SIDE - 1;
  switch (key) {
    case "ArrowLeft": return row * SIDE + Math.max(column - 1, 0);
    case "ArrowRight": return row * SIDE + Math.min(column + 1, last);
    case "ArrowUp": return Math.max(row - 1, 0) * SIDE + column;
    case "ArrowDown": return Math.min(row + 1, last) * SIDE + column;
    case "Home": return row * SIDE;
    case "End": return row * SIDE + last;
    default: return null;
  }
}

/** The box of all values above 0 in these rows: {left, top, right, bottom}, the last two beyond it; null for none. */
export function inkBox(rows) {
  const has = (values) => values.some((value) => value > 0);
  const filled = rows.flatMap((row, index) => (has(row) ? [index] : []));
  if (!filled.length) return null;
  const columns = rows[0].flatMap((_, column) => (has(rows.map((row) => row[column])) ? [column] : []));
  return { left: columns[0], top: filled[0], right: columns.at(-1) + 1, bottom: filled.at(-1) + 1 };
}

/**
 * Where the model's 28 by 28 lie on a sheet of strokes: {left, top, pixel}, in shares of its side. The recipe makes the
 * longest side of the points 18 pixels, and the ink's box is a pixel larger all around. ink: its box among the 28 by 28.
 */
export function placeOfStrokes(strokes, ink, pen = PEN) {
  const points = strokes.flat();
  if (!points.length || ink === null) return null;
  const [xs, ys] = [0, 1].map((axis) => points.map((point) => point[axis]));
  const [left, top] = [Math.min(...xs), Math.min(...ys)];
  const longest = Math.max(Math.max(...xs) - left, Math.max(...ys) - top);
  const pixel = longest > pen ? longest / 18 : pen / 2;
  return { left: left - (ink.left + 1) * pixel, top: top - (ink.top + 1) * pixel, pixel };
}

/** The same for squares: the recipe makes the longest side of their ink 20 pixels. own: their ink's box. */
export function placeOfSquares(own, ink) {
  if (own === null || ink === null) return null;
  const pixel = Math.max(own.right - own.left, own.bottom - own.top) / SIDE / 20;
  return { left: own.left / SIDE - ink.left * pixel, top: own.top / SIDE - ink.top * pixel, pixel };
}

/** The classes with the highest scores, best first. */
export function best(scores, count) {
  return Object.keys(scores).sort((one, other) => scores[other] - scores[one]).slice(0, count);
}

/**
 * The scores after their logits are divided by the temperature that the release measured: the highest is how often such
 * an answer is right. As they are where it measured none (null).
 */
export function calibrated(scores, temperature) {
  if (!temperature) return scores;
  const highest = Math.max(...Object.values(scores));
  const shares = Object.entries(scores).map(([label, score]) => [label, (score / highest) ** (1 / temperature)]);
  const sum = shares.reduce((total, [, share]) => total + share, 0);
  return Object.fromEntries(shares.map(([label, share]) => [label, share / sum]));
}

/** 0.99996 -> "99.9%": cut, not rounded, so that only certainty is 100%. */
export function percent(share) {
  return `${(Math.floor(share * 1000 + 1e-9) / 10).toFixed(1)}%`;
}

/** Where a picture of this size goes in a square of this side: whole, as large as possible, in the middle. */
export function fitted(width, height, side) {
  const scale = side / Math.max(width, height);
  return [(side - width * scale) / 2, (side - height * scale) / 2, width * scale, height * scale];
}
