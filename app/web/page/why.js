/** Why a drawing is read as it is: what each part of it spoke for, painted over the drawing and said in words. */

import { element } from "./bars.js";
import { SIDE } from "./maths.js";
import { paintPixels } from "./pixels.js";
import { Refusal, read } from "./service.js";
import { NEVER_EXPLAINED, NO_PLACE, NOT_EXPLAINED } from "./words.js";

const TELLING = 0.25; // share of the strongest gap below which a gap is not painted

export class Why {
  #part;
  #place; // (pixels) -> where the model's 28 by 28 lie on the sheet, or null
  #asked = null; // {drawing, version, pixels}: the reading that is to be explained
  #open = null; // the AbortController of the one question under way
  #timer = null;
  #shown = null; // {explanation, pixels, place}

  /** part(id): an element of the page. place(pixels): as of a sheet. */
  constructor(part, place) {
    this.#part = part;
    this.#place = place;
    part("why").addEventListener("click", () => this.toggle());
  }

  get isOn() {
    return this.#part("why").getAttribute("aria-pressed") === "true";
  }

  toggle(isOn = !this.isOn) {
    this.#part("why").setAttribute("aria-pressed", isOn);
    this.#part("reasons").hidden = !isOn;
    this.#show(null);
    this.#ask();
  }

  /** A reading of this drawing by this version is on show; null: none is. */
  about(reading) {
    this.#asked = reading;
    if (reading === null) {
      this.#open?.abort();
      this.#show(null);
    } else this.#ask();
  }

  /** Paints what is shown anew: called after a resize and a change of theme. */
  draw() {
    this.#paint();
  }

  async #ask() {
    clearTimeout(this.#timer);
    if (!this.isOn || this.#asked === null || this.#open !== null) return; // the one under way asks again when it ends
    const asked = this.#asked;
    const open = new AbortController();
    this.#open = open;
    let wait = 0;
    try {
      const { answer } = await read(asked.drawing, {
        keep: false, signal: open.signal, query: { ...asked.query, explain: 1 },
      });
      if (this.#asked !== null && this.isOn) this.#show(answer);
    } catch (error) {
      if (error instanceof Refusal) {
        this.#show(null); // an older map beside it would be taken for this drawing's
        this.#say([error.seconds === null ? NEVER_EXPLAINED : NOT_EXPLAINED]);
        wait = (error.seconds ?? 0) * 1000;
      } else if (error.name !== "AbortError") throw error;
    } finally {
      this.#open = null;
    }
    const isStale = this.#asked !== null && this.#asked !== asked;
    if (isStale || wait) this.#timer = setTimeout(() => this.#ask(), wait);
  }

  #show(answer) {
    const explanation = answer?.explanation ?? null;
    this.#shown = explanation && { explanation, pixels: answer.pixels, place: this.#place(answer.pixels) };
    this.#part("legend").hidden = explanation === null;
    if (explanation) {
      for (const name of ["answer", "against"]) this.#part(`legend-${name}`).textContent = explanation[name];
    }
    this.#say(explanation ? (explanation.words.length ? explanation.words : [NO_PLACE]) : []);
    this.#paint();
  }

  #say(sentences) {
    this.#part("reason-list").replaceChildren(...sentences.map((words) => element("li", "", words)));
  }

  #paint() {
    const canvas = this.#part("why-sheet");
    canvas.hidden = this.#shown === null;
    const place = this.#shown?.place ?? { left: 0, top: 0, pixel: 1 / SIDE, isView: true };
    this.#part("paper").classList.toggle("explained", this.#shown !== null && !place.isView);
    if (this.#shown === null) return;
    const pixels = Math.round(canvas.clientWidth * window.devicePixelRatio);
    Object.assign(canvas, { width: pixels, height: pixels });
    const { explanation, pixels: seen } = this.#shown;
    const context = canvas.getContext("2d");
    const { left, top, pixel } = place;
    context.setTransform(pixel * pixels, 0, 0, pixel * pixels, left * pixels, top * pixels);
    if (place.isView) paintModelsView(context, seen);
    paintEvidence(context, explanation, seen);
  }
}

/** Of a picture: what the model saw of it, in its place. One unit of the context is a pixel of it. */
function paintModelsView(context, seen) {
  const style = getComputedStyle(context.canvas);
  context.fillStyle = style.getPropertyValue("--paper");
  context.fillRect(0, 0, SIDE, SIDE);
  const small = Object.assign(document.createElement("canvas"), { width: SIDE, height: SIDE });
  paintPixels(small, seen, style.color);
  Object.assign(context, { imageSmoothingEnabled: false, globalAlpha: 0.3 });
  context.drawImage(small, 0, 0, SIDE, SIDE);
  context.globalAlpha = 1;
}

/** One unit of the context is a pixel of the model's view. Ink is squares, striped where it speaks against; gaps are dots. */
function paintEvidence(context, { ink, gaps }, seen) {
  const style = getComputedStyle(context.canvas);
  const colours = { 1: style.getPropertyValue("--for"), "-1": style.getPropertyValue("--against") };
  const most = strongest(ink);
  const mostOfGaps = strongest(gaps);
  eachPixel((row, column) => {
    if (seen[row][column]) paintInk(context, colours, column, row, most ? ink[row][column] / most : 0);
    const gap = mostOfGaps ? gaps[row][column] / mostOfGaps : 0;
    if (Math.abs(gap) >= TELLING) paintGap(context, colours[Math.sign(gap)], column, row, Math.abs(gap));
  });
  context.globalAlpha = 1;
}

function paintInk(context, colours, x, y, share) {
  context.fillStyle = colours[Math.sign(share) || 1];
  context.globalAlpha = 0.12 + 0.88 * Math.abs(share) ** 0.7;
  context.fillRect(x, y, 1, 1);
  if (share >= 0) return;
  Object.assign(context, { strokeStyle: getComputedStyle(context.canvas).getPropertyValue("--paper"), lineWidth: 0.16 });
  context.beginPath();
  context.moveTo(x, y + 1);
  context.lineTo(x + 1, y); // beside its neighbours' it is a stripe
  context.stroke();
}

function paintGap(context, colour, x, y, share) {
  context.fillStyle = colour;
  context.globalAlpha = 0.2 + 0.6 * share;
  context.beginPath();
  context.arc(x + 0.5, y + 0.5, 0.18, 0, 2 * Math.PI);
  context.fill();
}

function strongest(rows) {
  return Math.max(...rows.flat().map(Math.abs));
}

function eachPixel(paint) {
  for (let row = 0; row < SIDE; row += 1) {
    for (let column = 0; column < SIDE; column += 1) paint(row, column);
  }
}
