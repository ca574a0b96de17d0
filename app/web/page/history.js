/** The readings of this visit: kept in this tab's sessionStorage, gone with the tab. */

import { element } from "./bars.js";
import { percent } from "./maths.js";
import { paintPixels } from "./pixels.js";

const KEY = "pixelwise.readings";
const AT_MOST = 48;

export class History {
  #list;
  #forget;
  #readings;

  constructor(list, forget) {
    this.#list = list;
    this.#forget = forget;
    this.#readings = JSON.parse(sessionStorage.getItem(KEY) ?? "[]");
    forget.addEventListener("click", () => this.#set([]));
    this.draw();
  }

  add({ prediction, confidence, pixels, unsure }) {
    const reading = { prediction, confidence, pixels, unsure, time: Date.now() };
    this.#set([reading, ...this.#readings].slice(0, AT_MOST));
  }

  draw() {
    this.#list.replaceChildren(...this.#readings.map(entry));
    this.#forget.hidden = !this.#readings.length;
    // A colour comes from the stylesheet, so a canvas is painted once it is on the page.
    this.#list.querySelectorAll("canvas").forEach((canvas, index) => paintPixels(canvas, this.#readings[index].pixels));
  }

  #set(readings) {
    this.#readings = readings;
    sessionStorage.setItem(KEY, JSON.stringify(readings));
    this.draw();
  }
}

function entry({ prediction, confidence, unsure, time }) {
  const item = element("li", unsure ? "reading unsure" : "reading");
  const canvas = Object.assign(element("canvas", "pixels"), { width: 28, height: 28 });
  canvas.setAttribute("aria-hidden", "true");
  const when = element("time", "small", new Date(time).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }));
  when.dateTime = new Date(time).toISOString();
  item.append(canvas, element("strong", "", prediction), element("span", "small", percent(confidence)), when);
  return item;
}
