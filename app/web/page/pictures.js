/** Pictures that the user hands in: photographed, chosen, dropped or pasted. */

import { openPicture } from "./picture.js";

/** opening() is told that a file was handed in, handed(picture) when it is open; of two files the later one counts. */
export function takePictures(inputs, { opening, handed }) {
  let latest = null;
  const take = async (file) => {
    latest = file;
    opening();
    const picture = await openPicture(file);
    if (file === latest) handed(picture);
  };
  for (const input of inputs) {
    input.addEventListener("change", () => {
      const [file] = input.files;
      input.value = ""; // so that choosing the same file again is a change too
      if (file) take(file);
    });
  }
  window.addEventListener("paste", (event) => {
    const [file] = event.clipboardData.files;
    if (file) take(file);
  });
  window.addEventListener("dragover", (event) => {
    event.preventDefault();
    document.body.classList.add("dropping");
  });
  window.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) document.body.classList.remove("dropping");
  });
  window.addEventListener("drop", (event) => {
    event.preventDefault();
    document.body.classList.remove("dropping");
    const [file] = event.dataTransfer.files;
    if (file) take(file);
  });
}
