/** Pictures that the user hands in: chosen, dropped or pasted. */

/**
 * handed(file, image) is told of a picture, image null if the browser cannot show it; refused() of any other file.
 * Of a kind that is not read, such as HEIC, the service says so, and what helps.
 */
export function takePictures(input, { handed, refused }) {
  const take = async (given) => {
    const file = typed(given);
    if (!file.type.startsWith("image/")) return refused();
    handed(file, await shown(file));
  };
  input.addEventListener("change", () => {
    const [file] = input.files;
    input.value = ""; // so that choosing the same file again is a change too
    if (file) take(file);
  });
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

/** Many systems know no type of a .heic: with one, the service is asked, and says what helps. */
function typed(file) {
  return file.type || !/\.hei[cf]$/i.test(file.name) ? file : new File([file], file.name, { type: "image/heic" });
}

async function shown(file) {
  try {
    return await createImageBitmap(file);
  } catch (error) {
    if (error instanceof DOMException) return null; // a broken picture: the service says what is wrong with it
    throw error;
  }
}
