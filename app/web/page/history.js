/** The readings of this visit: kept in this tab's sessionStorage, gone with the tab. */

import { element } from "./bars.js";
import { percent } from "./maths.js";
import { paintPixels } from "./pixels.js";
import { doubt, remark } from "./words.js";

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

  add({ id, prediction, confidence, certainty, pixels, unsure, findings }) {
    const doubted = doubt(findings);
    const reading = { id, prediction, confidence, certainty, pixels, unsure, doubted, time: Date.now() };
    this.#set([reading, ...this.#readings].slice(0, AT_MOST));
  }

  /** label: what was drawn, null: not said any more. */
  label(id, label) {
    this.#set(this.#readings.map((reading) => (reading.id === id ? { ...reading, label } : reading)));
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

function entry({ prediction, confidence, certainty, unsure, time, doubted = "", label = null }) {
  const item = element("li", unsure ? "reading unsure" : "reading");
  item.classList.toggle("corrected", label !== null && label !== prediction);
  const canvas = Object.assign(element("canvas", "pixels"), { width: 28, height: 28 });
  canvas.setAttribute("aria-hidden", "true");
  const when = element("time", "small", new Date(time).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }));
  when.dateTime = new Date(time).toISOString();
  const read = element("span");
  read.append(element("strong", "", prediction), ...(label === null ? [] : said(remark(label, prediction))));
  item.append(canvas, read, element("span", "small", doubted || percent(certainty ?? confidence)), when);
  return item;
}

function said({ mark, words }) {
  const shown = element("span", "said", mark);
  shown.setAttribute("aria-hidden", "true");
  return [shown, element("span", "unseen", `, ${words}`)];
}
