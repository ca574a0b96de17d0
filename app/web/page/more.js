/** The menu "More": the drawing as a file or as a link. Nothing here asks the service for anything. */

import { linkTo } from "./link.js";
import { LINK_COPIED, NOTHING_TO_LINK, NOTHING_TO_SAVE, NO_LINK, NO_STROKES } from "./words.js";

const SIDE = 560; // pixels of a saved picture: 20 for each square

export class More {
  #part;
  #saved = null; // the address of the file that was saved last

  /** part(id): an element of the page. sheet(): the one on show. tell(words): says something on the page. */
  constructor(part, { sheet, tell }) {
    this.#part = part;
    Object.assign(this, { sheet, tell });
    const [button, list] = [part("show-more"), part("more-list")];
    button.addEventListener("click", () => this.#open(list.hidden));
    part("save-picture").addEventListener("click", () => this.#savePicture());
    part("save-strokes").addEventListener("click", () => this.#saveStrokes());
    part("copy-link").addEventListener("click", () => this.#copyLink());
    part("more").addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || list.hidden) return;
      event.preventDefault(); // outside of the menu, this key clears the drawing
      this.#close();
    });
    part("more").addEventListener("focusout", ({ relatedTarget }) => {
      if (relatedTarget && !part("more").contains(relatedTarget)) this.#open(false);
    });
    document.addEventListener("pointerdown", ({ target }) => {
      if (!part("more").contains(target)) this.#open(false);
    });
  }

  #open(isOpen) {
    this.#part("more-list").hidden = !isOpen;
    this.#part("show-more").setAttribute("aria-expanded", isOpen);
    this.#part("link-out").hidden = true;
    if (isOpen) this.#part("more-list").scrollIntoView({ block: "nearest" });
  }

  /** Says what came of it, when it did. */
  #close(words = "") {
    this.#open(false);
    this.#part("show-more").focus({ preventScroll: true });
    if (words) this.tell(words);
  }

  /** As it is seen, on its paper, without the ruling. */
  async #savePicture() {
    const sheet = this.sheet();
    if (sheet.isBlank) return this.#close(NOTHING_TO_SAVE);
    const canvas = Object.assign(document.createElement("canvas"), { width: SIDE, height: SIDE });
    const context = canvas.getContext("2d");
    context.fillStyle = getComputedStyle(this.#part("paper")).backgroundColor;
    context.fillRect(0, 0, SIDE, SIDE);
    sheet.paint(context, SIDE);
    const file = await new Promise((resolve) => { canvas.toBlob(resolve, "image/png"); });
    this.#save(file, "pixelwise-drawing.png");
    return this.#close();
  }

  /** In the form that POST /drawings takes. */
  #saveStrokes() {
    const sheet = this.sheet();
    if (sheet.isBlank) return this.#close(NOTHING_TO_SAVE);
    const { strokes } = sheet.content;
    if (!strokes?.length) return this.#close(NO_STROKES[strokes ? "picture" : "squares"]);
    const { body, type } = sheet.drawing();
    this.#save(new Blob([body], { type }), "pixelwise-strokes.json");
    return this.#close();
  }

  #save(file, name) {
    if (this.#saved) URL.revokeObjectURL(this.#saved);
    this.#saved = URL.createObjectURL(file);
    Object.assign(document.createElement("a"), { href: this.#saved, download: name }).click();
  }

  async #copyLink() {
    const sheet = this.sheet();
    if (sheet.isBlank) return this.#close(NOTHING_TO_LINK);
    if (sheet.content.picture) return this.#close(NO_LINK);
    const { url, fault } = linkTo(sheet.content);
    if (fault) return this.#close(fault);
    return await isCopied(url) ? this.#close(LINK_COPIED) : this.#showLink(url);
  }

  /** Selected, so that one key copies it. */
  #showLink(url) {
    this.#part("link-out").hidden = false;
    this.#part("link").value = url;
    this.#part("link").select();
  }
}

/** False where the browser has no clipboard for pages, as without HTTPS, or does not allow it. */
async function isCopied(text) {
  try {
    await navigator.clipboard?.writeText(text);
    return Boolean(navigator.clipboard);
  } catch (error) {
    if (error instanceof DOMException) return false;
    throw error;
  }
}
