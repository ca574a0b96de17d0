/** One bar with its number for every digit, below their title; a digit that the model never learned says so instead. */

import { calibrated, percent } from "./maths.js";
import { cannotRead, scoresTitle } from "./words.js";

export class Bars {
  #list;
  #title;
  #served = null; // the version of the roster
  #rows = new Map(); // label -> {row, number}
  #temperatures = new Map(); // version -> the one that it measured
  #shown = [{}, null];

  constructor(list, title) {
    this.#list = list;
    this.#title = title;
  }

  /**
   * classes: labels that the model gives; withheld: labels that people draw and it cannot give; temperature: what makes
   * certainties of the scores of this version, null for none.
   */
  setRoster({ model_version: version, classes, withheld, temperature = null }) {
    this.#served = version;
    this.#temperatures.set(version, temperature);
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
    this.show(...this.#shown);
  }

  /** scores: label -> 0 to 1, of this version; {} for none. What is shown is calibrated, where the version is. */
  show(scores, version) {
    this.#shown = [scores, version];
    const temperature = this.#temperatures.get(version ?? this.#served);
    this.#title.textContent = scoresTitle(Boolean(temperature));
    const shares = calibrated(scores, temperature);
    const highest = Math.max(...Object.values(shares));
    for (const [label, { row, number }] of this.#rows) {
      const score = shares[label];
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
