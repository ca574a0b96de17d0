/**
 * The readings of this visit, each with its drawing: kept in this tab's sessionStorage, gone with the tab. Each can be
 * opened again.
 */

import { element } from "./bars.js";
import { percent } from "./maths.js";
import { paintPixels } from "./pixels.js";
import { BRING_BACK, CLEAR, CLEARED, LIST, doubt, openAgain, remark } from "./words.js";

const KEY = "pixelwise.readings.2"; // a list of another form has another key
const AT_MOST = 48;

export class History {
  #list;
  #forget;
  #note;
  #readings;
  #cleared = null; // the readings that were on the list before, while they can be brought back
  #opened;

  /** forget: the button; note: what is said of the list. opened(reading): an entry was clicked. */
  constructor(list, { forget, note }, opened) {
    this.#list = list;
    this.#forget = forget;
    this.#note = note;
    this.#opened = opened;
    this.#readings = JSON.parse(sessionStorage.getItem(KEY) ?? "[]");
    forget.addEventListener("click", () => this.#clear());
    this.draw();
  }

  /** A reading is {answer, drawing, isPicture, time, label}; drawing as `packed` made it. */
  add(reading) {
    this.#cleared = null;
    this.#set([reading, ...this.#readings].slice(0, AT_MOST));
  }

  has(id) {
    return this.find(id) !== undefined;
  }

  find(id) {
    return this.#readings.find(({ answer }) => answer.id === id);
  }

  /** label: what was drawn, null: not said any more. */
  label(id, label) {
    const labelled = (readings) => readings.map((one) => (one.answer.id === id ? { ...one, label } : one));
    this.#cleared &&= labelled(this.#cleared);
    this.#set(labelled(this.#readings));
  }

  draw() {
    const focused = this.#list.querySelector(":focus")?.dataset.id;
    this.#list.replaceChildren(...this.#readings.map((reading) => entry(reading, () => this.#opened(reading))));
    this.#list.querySelector(`[data-id="${focused}"]`)?.focus({ preventScroll: true });
    this.#forget.hidden = !this.#readings.length && !this.#cleared;
    this.#forget.textContent = this.#cleared ? BRING_BACK : CLEAR;
    this.#note.textContent = this.#cleared ? CLEARED : LIST;
    // A colour comes from the stylesheet, so a canvas is painted once it is on the page.
    this.#list.querySelectorAll("canvas").forEach((canvas, index) => paintPixels(canvas, this.#readings[index].answer.pixels));
  }

  /** Or, right after, brings the list back. */
  #clear() {
    const back = this.#cleared;
    this.#cleared = back ? null : this.#readings;
    this.#set(back ?? []);
  }

  #set(readings) {
    this.#readings = readings;
    sessionStorage.setItem(KEY, JSON.stringify(readings));
    this.draw();
  }
}

/** The time of day, such as 14:05. */
export function clock(time) {
  return new Date(time).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

function entry({ answer, time, label = null }, opened) {
  const { id, prediction, confidence, certainty, unsure, findings } = answer;
  const item = element("li", unsure ? "reading unsure" : "reading");
  item.classList.toggle("corrected", label !== null && label !== prediction);
  const open = Object.assign(element("button", "open"), { type: "button" });
  open.dataset.id = id;
  open.setAttribute("aria-label", openAgain(prediction, clock(time)));
  open.append(Object.assign(element("canvas", "pixels"), { width: 28, height: 28 }));
  open.addEventListener("click", opened);
  const when = element("time", "small", clock(time));
  when.dateTime = new Date(time).toISOString();
  const read = element("span");
  read.append(element("strong", "", prediction), ...(label === null ? [] : said(remark(label, prediction))));
  item.append(open, read, element("span", "small", doubt(findings) || percent(certainty ?? confidence)), when);
  return item;
}

function said({ mark, words }) {
  const shown = element("span", "said", mark);
  shown.setAttribute("aria-hidden", "true");
  return [shown, element("span", "unseen", `, ${words}`)];
}
