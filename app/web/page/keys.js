/** The keys of the whole page. A key that a control needs for itself stays the control's. */

/** say(key) is asked of every other key whether it says what was drawn. */
export function listenForKeys({ dialog, keep, why, undo, clear, say }) {
  window.addEventListener("keydown", (event) => {
    if (dialog.open || event.defaultPrevented || event.altKey) return;
    const command = event.ctrlKey || event.metaKey;
    const isControl = event.target.closest("button, a, input") !== null;
    if (command && event.key.toLowerCase() === "z") undo();
    else if (command) return;
    else if (event.key === "Enter" && !isControl) keep();
    else if (event.key === "Escape" || event.key === "Delete") clear();
    else if (event.key.toLowerCase() === "w" && !event.repeat) why();
    else if (event.key === "?") dialog.showModal();
    else if (event.repeat || !say(event.key)) return;
    event.preventDefault();
  });
}
