/**
 * A digit of each class, written by hand for this page: strokes with points in hundredths of the sheet's side.
 * A point given twice is a corner.
 */

import { smoothed } from "./maths.js";

export const SAMPLES = {
  0: [[[56, 18], [44, 20], [34, 31], [29, 47], [31, 65], [39, 78], [50, 82], [61, 77], [69, 63], [71, 46], [67, 29], [58, 19], [52, 18]]],
  1: [[[40, 31], [48, 24], [53, 17], [53, 17], [52, 35], [51, 52], [50, 68], [49, 83]]],
  2: [[[33, 33], [38, 22], [48, 17], [60, 20], [66, 30], [63, 43], [53, 57], [42, 70], [33, 81], [33, 81], [47, 80], [60, 79], [71, 81]]],
  3: [[[34, 24], [45, 17], [58, 19], [65, 28], [62, 39], [52, 46], [44, 48], [44, 48], [55, 49], [65, 56], [67, 67], [60, 78], [47, 82], [33, 77]]],
  4: [[[43, 17], [39, 31], [33, 47], [31, 54], [31, 54], [44, 54], [57, 52], [71, 51]], [[63, 20], [61, 36], [58, 55], [55, 70], [53, 84]]],
  5: [[[66, 19], [53, 18], [41, 19], [41, 19], [38, 32], [35, 44], [35, 44], [46, 41], [58, 44], [66, 54], [66, 67], [57, 78], [45, 82], [33, 77]]],
  6: [[[60, 17], [49, 25], [39, 39], [34, 55], [36, 70], [45, 80], [57, 80], [65, 70], [64, 59], [55, 52], [44, 56], [37, 66]]],
  7: [[[31, 22], [44, 21], [57, 20], [69, 19], [69, 19], [62, 35], [55, 51], [49, 66], [44, 83]]],
  8: [[[63, 26], [54, 18], [43, 20], [37, 30], [43, 41], [54, 50], [63, 61], [62, 74], [51, 82], [40, 77], [37, 66], [44, 55], [55, 45], [63, 34], [63, 26]]],
  9: [[[64, 30], [56, 20], [45, 20], [37, 30], [38, 43], [48, 49], [59, 45], [64, 33], [64, 30], [63, 48], [60, 66], [57, 84]]],
};

/** The strokes of a sample in shares of the sheet's side. */
export function sampleStrokes(label) {
  return SAMPLES[label].map((stroke) => smoothed(stroke).map(([x, y]) => [x / 100, y / 100]));
}

/**
 * A button for each class that a version knows, with the drawing on it: the others show what they make of it. served: what
 * `visit` says. chosen(label) is told of a click.
 */
export function sampleButtons({ classes, versions }, chosen) {
  const known = new Set([...classes, ...versions.flatMap((version) => version.classes)]);
  return [...known].filter((label) => label in SAMPLES).sort().map((label) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sample";
    button.setAttribute("aria-label", `Draw a sample ${label}`);
    button.append(sketch(SAMPLES[label]));
    button.addEventListener("click", () => chosen(label));
    return button;
  });
}

function sketch(strokes) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 100 100");
  svg.setAttribute("aria-hidden", "true");
  svg.append(...strokes.map((stroke) => {
    const line = document.createElementNS(svg.namespaceURI, "polyline");
    line.setAttribute("points", smoothed(stroke).join(" "));
    return line;
  }));
  return svg;
}
