/** The frame over a picture on the sheet, moved and resized by mouse, finger and keys. */

import { element } from "./bars.js";
import { WHOLE, afterKey, between, gripAt, isWhole, kept, moved, stretched } from "./frame.js";
import { followPointer, pointOn } from "./sheet.js";

/** How far from a corner a finger may press, in CSS pixels. */
const REACH = 24;
const CORNERS = ["nw", "ne", "sw", "se"];
const HELP = "Arrow keys move the frame, plus and minus change its size, home takes the whole picture.";

export class Framing {
  #layer = element("div", "framing");
  #frame = element("div", "frame");
  #name = element("p", "file-name");
  #whole = element("button", "whole", "Whole picture");
  #picture = null;
  #now = WHOLE; // the frame while it is moved
  #grip = null;
  #from = null; // where the pointer was pressed

  /** framed(frame) is told of a frame once it stays. */
  constructor(paper, framed) {
    this.framed = framed;
    this.#whole.type = "button";
    this.#frame.tabIndex = 0;
    this.#frame.setAttribute("role", "application");
    this.#frame.append(...CORNERS.map((corner) => element("span", `corner ${corner}`)));
    const help = Object.assign(element("p", "unseen", HELP), { id: "framing-help" });
    this.#frame.setAttribute("aria-describedby", help.id);
    this.#layer.append(this.#name, this.#frame, help);
    paper.append(this.#layer, this.#whole);
    followPointer(this.#layer, {
      pressed: (event) => this.#press(pointOn(this.#layer, event)),
      moved: (event) => this.#move(pointOn(this.#layer, event)),
      lifted: () => this.#done(),
    });
    this.#frame.addEventListener("keydown", (event) => this.#key(event));
    this.#frame.addEventListener("keyup", () => this.#done());
    this.#frame.addEventListener("blur", () => this.#done());
    this.#whole.addEventListener("click", () => {
      this.framed(WHOLE);
      this.#frame.focus();
    });
    this.show(null);
  }

  /** Whether a frame can be put around a part of what lies on the sheet. */
  get isShown() {
    return !this.#layer.hidden && !this.#frame.hidden;
  }

  /** The same, while nothing of the picture is left out. */
  get isWhole() {
    return this.isShown && isWhole(this.#now);
  }

  /** picture: what lies on the sheet, null for none. */
  show(picture) {
    this.#picture = picture;
    this.#grip = null;
    this.#now = picture?.frame ?? WHOLE;
    this.#layer.hidden = !picture;
    this.#frame.hidden = !picture?.image;
    this.#name.textContent = picture && !picture.image ? picture.name : "";
    this.#draw();
  }

  #press(point) {
    if (!this.#picture.image || !this.#frame.checkVisibility({ visibilityProperty: true })) return;
    const grip = gripAt(this.#now, point, REACH / this.#layer.clientWidth);
    this.#grip = grip === "inside" && isWhole(this.#now) ? "outside" : grip;
    this.#from = point;
  }

  #move(point) {
    const { frame } = this.#picture;
    if (this.#grip === null) return;
    if (this.#grip === "inside") this.#set(moved(frame, point[0] - this.#from[0], point[1] - this.#from[1]));
    else if (this.#grip === "outside") this.#set(between(this.#from, point) ?? frame);
    else this.#set(stretched(frame, this.#grip, point));
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const frame = afterKey(this.#now, event.key, event.shiftKey);
    if (frame === null) return;
    event.preventDefault();
    this.#set(frame);
  }

  #set(frame) {
    this.#now = kept(frame, this.#picture.image);
    this.#draw();
  }

  #done() {
    this.#grip = null;
    const frame = this.#picture?.frame;
    const isSame = !frame || ["x", "y", "side"].every((name) => frame[name] === this.#now[name]);
    if (!isSame) this.framed(this.#now);
  }

  #draw() {
    const { x, y, side } = this.#now;
    const percent = (share) => `${Math.round(share * 100)}%`;
    for (const [name, value] of Object.entries({ x, y, length: side })) this.#frame.style.setProperty(`--${name}`, value);
    this.#whole.hidden = this.#layer.hidden || isWhole(this.#now);
    this.#whole.classList.toggle("above", y + side / 2 > 0.5); // where the frame is not
    const where = `${percent(side)} of the sheet’s side, ${percent(x)} from its left and ${percent(y)} from its top`;
    this.#frame.setAttribute("aria-label", isWhole(this.#now) ? "Frame around the whole picture" : `Frame, ${where}`);
  }
}
