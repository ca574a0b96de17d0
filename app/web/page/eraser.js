/** What an eraser leaves of strokes. Pure functions; points and lengths are in shares of the sheet's side. */

/** Width of the eraser. */
export const ERASER = 0.1;
/** A rest no longer than this is not a stroke of its own. */
const SHORTEST = 1 / 400;

/**
 * The strokes without those parts whose middle comes nearer than `reach` to the way from one point to another; what
 * is cut in the middle becomes two strokes. The very same strokes, if nothing was touched.
 */
export function erased(strokes, from, to, reach) {
  const left = strokes.map((stroke) => rests(stroke, from, to, reach));
  return left.every((pieces, index) => pieces[0] === strokes[index]) ? strokes : left.flat();
}

/** The pieces that are left of one stroke: [stroke] itself, if it was not touched. */
function rests(stroke, from, to, reach) {
  const lines = stroke.length === 1 ? [[stroke[0], stroke[0]]] : stroke.slice(1).map((end, index) => [stroke[index], end]);
  const cuts = lines.map(([start, end]) => covered(start, end, from, to, reach));
  if (cuts.every((cut) => cut === null)) return [stroke];
  const pieces = [[]];
  for (const [index, [start, end]] of lines.entries()) {
    if (cuts[index] === null) {
      extend(pieces.at(-1), start, end);
      continue;
    }
    const [enters, leaves] = cuts[index];
    if (enters > 0) extend(pieces.at(-1), start, between(start, end, enters));
    pieces.push([]);
    if (leaves < 1) extend(pieces.at(-1), between(start, end, leaves), end);
  }
  return pieces.filter((piece) => lengthOf(piece) > SHORTEST);
}

function extend(piece, start, end) {
  if (!piece.length) piece.push(start);
  piece.push(end);
}

/**
 * From which share to which share of the line from `start` to `end` its points are nearer than `reach` to the way; null
 * for none. All points that near are a convex shape, a strip with two round ends, so there is one such part at most.
 */
function covered(start, end, from, to, reach) {
  const parts = [inCircle(start, end, from, reach), inCircle(start, end, to, reach), inStrip(start, end, from, to, reach)];
  const found = parts.filter((part) => part !== null);
  if (!found.length) return null;
  return [Math.min(...found.map(([enters]) => enters)), Math.max(...found.map(([, leaves]) => leaves))];
}

function inCircle(start, end, middle, radius) {
  const step = minus(end, start);
  const away = minus(start, middle);
  const a = dot(step, step);
  const c = dot(away, away) - radius ** 2;
  if (a === 0) return c < 0 ? [0, 1] : null;
  const b = dot(away, step);
  const root = b * b - a * c;
  if (root <= 0) return null;
  return within((-b - Math.sqrt(root)) / a, (-b + Math.sqrt(root)) / a);
}

/** The rectangle along the way, without the round ends. */
function inStrip(start, end, from, to, reach) {
  const way = minus(to, from);
  const length = Math.hypot(...way);
  if (length === 0) return null;
  const along = way.map((value) => value / length);
  const across = [-along[1], along[0]];
  const away = minus(start, from);
  const step = minus(end, start);
  const one = inSlab(dot(away, along), dot(step, along), 0, length);
  const other = inSlab(dot(away, across), dot(step, across), -reach, reach);
  return one && other && within(Math.max(one[0], other[0]), Math.min(one[1], other[1]));
}

/** Where at + share * step lies between two limits. */
function inSlab(at, step, low, high) {
  if (step === 0) return at > low && at < high ? [0, 1] : null;
  const [one, other] = [(low - at) / step, (high - at) / step];
  return [Math.min(one, other), Math.max(one, other)];
}

function within(enters, leaves) {
  const [first, last] = [Math.max(enters, 0), Math.min(leaves, 1)];
  return first < last ? [first, last] : null;
}

function lengthOf(piece) {
  return piece.slice(1).reduce((sum, point, index) => sum + Math.hypot(...minus(point, piece[index])), 0);
}

const minus = ([x, y], [fromX, fromY]) => [x - fromX, y - fromY];
const dot = ([x, y], [otherX, otherY]) => x * otherX + y * otherY;
const between = (start, end, share) => {
  const step = minus(end, start);
  return [start[0] + share * step[0], start[1] + share * step[1]];
};
