/** Shows the 28x28 that the model saw, one canvas pixel each, in the colour of the ink. */

import { SIDE } from "./maths.js";

/** rows: 28 rows of 28 grey values, 0 paper to 255 ink; null clears. */
export function paintPixels(canvas, rows, colour = getComputedStyle(canvas).color) {
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, SIDE, SIDE);
  context.fillStyle = colour;
  rows?.forEach((row, y) => row.forEach((grey, x) => {
    context.globalAlpha = grey / 255;
    context.fillRect(x, y, 1, 1);
  }));
}
