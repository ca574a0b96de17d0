/** One bar with its number for every digit; a digit that the model never learned says so instead. */

import { percent } from "./maths.js";
import { cannotRead } from "./words.js";

export class Bars {
  #list;
  #rows = new Map(); // label -> {row, number}
  #scores = {};

  constructor(list) {
    this.#list = list;
  }

  /** classes: labels that the model gives; withheld: labels that people draw and it cannot give. */
  setRoster({ classes, withheld }) {
    this.#rows.clear();
    this.#list.replaceChildren(...[...classes, ...withheld].sort().map((label) => {
      const row = element("li", "bar");
      row.append(element("span", "label", label));
      if (withheld.includes(label)) {
        row.append(element("span", "withheld", cannotRead(label)));
        return row;
      }
      const number = element("span", "number");
      const track = element("span", "track");
      track.append(element("span", "fill"));
      row.append(track, number);
      this.#rows.set(label, { row, number });
      return row;
    }));
    this.show(this.#scores);
  }

  /** scores: label -> 0 to 1; {} for none. */
  show(scores) {
    this.#scores = scores;
    const highest = Math.max(...Object.values(scores));
    for (const [label, { row, number }] of this.#rows) {
      const score = scores[label];
      row.style.setProperty("--share", score ?? 0);
      row.classList.toggle("best", score === highest);
      number.textContent = score === undefined ? "–" : percent(score);
    }
  }
}

/** An element with a class and a text. */
export function element(name, className = "", text = "") {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}
