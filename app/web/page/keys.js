/** The keys of the whole page. A key that a control needs for itself stays the control's. */

/**
 * erase(false) chooses the pen, erase() the other of pen and eraser. say(key) is asked of every other key whether it says
 * what was drawn. close() closes a card that is open, and tells whether one was.
 */
export function listenForKeys({ dialog, keep, why, undo, redo, clear, close, erase, say }) {
  window.addEventListener("keydown", (event) => {
    if (dialog.open || event.defaultPrevented || event.altKey || event.target.matches("input[type=text]")) return;
    const command = event.ctrlKey || event.metaKey; // the latter on a Mac
    const isControl = event.target.closest("button, a, input") !== null;
    const key = event.key.toLowerCase();
    if (command && (key === "y" || (key === "z" && event.shiftKey))) redo();
    else if (command && key === "z") undo();
    else if (command) return;
    else if (key === "e" && !event.repeat) erase();
    else if (key === "p") erase(false);
    else if (event.key === "Enter" && !isControl) keep();
    else if (event.key === "Escape") close() || clear();
    else if (event.key === "Delete") clear();
    else if (key === "w" && !event.repeat) why();
    else if (event.key === "?") dialog.showModal();
    else if (event.repeat || !say(event.key)) return;
    event.preventDefault();
  });
}
