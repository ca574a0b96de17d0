/** What the page says, from what the service says. Pure functions: no DOM, no network. */

import { best } from "./maths.js";

export const NOTHING = { figure: "", line: "Nothing drawn yet", note: "", kind: "empty" };
/** On a blank sheet, while there is a drawing on the one of this name. */
export function nothingHere(other) {
  return { ...NOTHING, line: "This sheet is empty", note: `Your drawing is still there: choose “${other}”.` };
}

export const HINTS = { pen: "Draw one digit", grid: "Fill squares to draw one digit" };
export const ONE_WIDTH = "The width is that of the whole drawing; the model reads it the same.";
/** While an answer is awaited, and while a file is opened. */
export const READING = { figure: "", line: "Reading it…", note: "", kind: "pending" };
export const OPENING = { figure: "", line: "Opening the file…", note: "", kind: "pending" };
/** Beside an answer, while the service is asked to keep it. */
export const KEEPING = { note: "Keeping it…" };
export const NOTHING_TO_KEEP = "So there is nothing to keep.";
export const ALREADY_READ = "This drawing is already in your list.";
export const ALREADY_KEPT = "This drawing was read before, and is no longer in your list.";

export const NOT_A_DIGIT = "not-a-digit";
export const MAY_BE_WITHHELD = "may-be-withheld";
export const OUTSIDE_CARD = "Pictures of paper are outside this version’s card.";
export const QUESTION = "Was this right?";
export const ASKING = `${QUESTION} You are asked one time in ten, to count how often it is.`;

/** By the name of a finding. A name that is not here is said in the service's own words. */
export const FINDINGS = {
  "inverted": "It looks inverted: ink and paper are swapped.",
  "unit-range": "Its values look like 0 to 1 instead of 0 to 255.",
  "blank": "There is nothing drawn on it.",
  "faint": "It looks faint: no line is dark enough.",
  "off-centre": "It looks off-centre: move it to the middle.",
  "too-small": "It looks too small: draw it larger.",
  "too-large": "It looks too large: leave a margin.",
  "too-thick": "Its lines look too thick: use a thinner pen.",
  [NOT_A_DIGIT]: "Draw one of 0 to 9, alone.",
  [MAY_BE_WITHHELD]: "It may be a 0, which this version was never taught.",
};

/** Beside several digits in a picture that has a frame. */
export const DRAG = "Drag a corner to read a part of it.";
export const FRAME_ONE = "Or frame one of them.";

/** The line when there was no digit to read, by the name of the finding. What to do is said in the service's words. */
export const UNREAD = {
  "blank": "Nothing to read",
  "faint": "Too faint to read",
  "frame": "A frame, and no digit in it",
  "lines": "The paper’s lines are in the way",
  "several-digits": "Several digits",
  "too-small": "Too small to read",
};

/** "7" -> "a 7", "8" -> "an 8". */
export function withArticle(label) {
  return `${label.startsWith("8") ? "an" : "a"} ${label}`;
}

/** An answer -> the figure to show large, the line, a note, and the kind: empty, sure or unsure. */
export function verdict(answer) {
  if (answer.prediction === null) return { ...NOTHING, ...unread(answer.findings) };
  const found = answer.findings.map(({ name, remedy }) => FINDINGS[name] ?? remedy).join(" ");
  if (seesNoDigit(answer)) return noDigit(answer, found);
  const line = answer.unsure
    ? `Unsure: ${best(answer.scores, 2).join(" or ")}`
    : `Looks like ${withArticle(answer.prediction)}`;
  return { figure: answer.prediction, line, note: found, kind: answer.unsure ? "unsure" : "sure" };
}

/** It says all the same which digit it would be, if it had to be one. */
function noDigit({ prediction }, found) {
  const note = `If it is a digit, it is ${withArticle(prediction)}. ${found}`;
  return { figure: "?", line: "I see no digit here", note, kind: "unsure" };
}

function unread(findings) {
  const line = findings.map(({ name }) => UNREAD[name]).find(Boolean) ?? "No digit to read";
  const note = findings.map(({ remedy }) => remedy).join(" ");
  return { line, note };
}

/** 93% sure · answered in 3 ms by model v2.0. `served`: what `visit` says, perhaps of another version by now. */
export function answeredIn(answer, milliseconds, served) {
  const sure = howSure(answer, served);
  const said = `nswered in ${Math.round(milliseconds)} ms by model ${answer.model_version}`;
  return sure ? `${sure} · a${said}` : `A${said}`;
}

/** 93% sure · read at 14:05 by model v2.0: of a reading that is opened again. */
export function readAt(answer, clock, served) {
  const sure = howSure(answer, served);
  const said = `ead at ${clock} by model ${answer.model_version}`;
  return sure ? `${sure} · r${said}` : `R${said}`;
}

export const LIST = "“Keep it”, and a picture that you hand in, goes to the service, which may keep it. This list is yours, for this visit only.";
export const CLEAR = "Clear the list";
export const CLEARED = "The list is cleared here. What the service kept, it still has.";
export const BRING_BACK = "Bring it back";

/** The name of an entry in the list. */
export function openAgain(prediction, clock) {
  return `Open the ${prediction} of ${clock} again`;
}

/** Of a picture that is opened again, by what is left of it. */
export const LEFT = {
  copy: "This is a small copy of the picture; the picture itself was not kept here.",
  view: "Only what the model saw was kept here.",
};

export const PEN_CHOSEN = "Pen";
export const ERASER_CHOSEN = "Eraser";
export const NOTHING_TO_SAVE = "There is nothing to save yet: draw a digit first.";
export const NOTHING_TO_LINK = "There is nothing to link to yet: draw a digit first.";
export const NO_STROKES = {
  picture: "A picture has no strokes. Save it as a PNG.",
  squares: "Squares have no strokes. Save them as a PNG, or copy a link.",
};
export const NO_LINK = "A picture does not fit into a link. Save it as a PNG.";
export const LINK_COPIED = "Link copied. The drawing is in the link itself; nothing was sent.";
export const LINK_OPENED = "This drawing came with the link. It is not kept.";

export function linkTooLong(length, most) {
  return `This drawing is too long for a link: ${length} letters, at most ${most}. Save its strokes as JSON.`;
}

/** Of an address whose end is no drawing, by what is wrong with it. */
export const BAD_LINK = {
  "foreign": "The end of this address, from “#” on, is no drawing, and was ignored.",
  "broken": "The drawing in this link is cut off or changed, and was ignored. Copy the whole link again.",
  "too-long": "The drawing in this link is longer than any that this page makes, and was ignored.",
};

/** Why no score may be right; "" where nothing says so. It stands beside a reading in the list, in the place of a figure. */
export function doubt(findings) {
  return findings.map(({ name }) => DOUBTS[name]).find(Boolean) ?? "";
}

const DOUBTS = { [MAY_BE_WITHHELD]: "may be a 0", [NOT_A_DIGIT]: "may be no digit" };

/** Cut, not rounded, and never 100: no model is. */
function sureness(certainty) {
  return `${Math.min(Math.floor(certainty * 100 + 1e-9), 99)}% sure`;
}

/** Nothing without a certainty, nor where no score may be right. */
function howSure({ certainty = null, unsure, findings, model_version: version }, served) {
  if (certainty === null || doubt(findings)) return "";
  const sure = sureness(certainty);
  if (!unsure || version !== served.model_version) return sure;
  return `${sure}, unsure below ${Math.round(served.unsure_below * 100)}%`;
}

/** The title of the bars. */
export function scoresTitle(areCalibrated) {
  return areCalibrated ? "How sure of each digit" : "Every digit’s score";
}

/** What a key says of an answer with this prediction: a digit, NOT_A_DIGIT, or null for a key that says nothing. */
export function saidBy(key, prediction) {
  if (/^[0-9]$/.test(key)) return key;
  return { y: prediction, x: NOT_A_DIGIT }[key.toLowerCase()] ?? null;
}

/** The sentence when it is stored what was drawn; label null: nothing is said any more. */
export function noted(label, prediction) {
  if (label === null) return "Taken back.";
  if (label === NOT_A_DIGIT) return "Noted: it was no digit.";
  return `Noted: ${label === prediction ? "right, " : ""}it was ${withArticle(label)}.`;
}

/** What was said of a reading: a mark to show, and words to hear. */
export function remark(label, prediction) {
  if (label === NOT_A_DIGIT) return { mark: "no digit", words: "it was no digit" };
  return label === prediction
    ? { mark: "✓", words: "right" }
    : { mark: `→ ${label}`, words: `it was ${withArticle(label)}` };
}

/** What kind of model a version is, by its architecture. */
export const KINDS = {
  linear: "linear: weighs each pixel",
  network: "network: layers of units",
  convolutional: "convolutional: looks for shapes",
};

/** What one version reads, in two short words: {answer, refusal} -> figure and how sure. */
export function inShort({ answer, refusal = null }) {
  if (refusal !== null) return { figure: "–", sure: "busy" };
  if (answer.prediction === null) return { figure: "–", sure: "reads nothing" };
  if (seesNoDigit(answer)) return { figure: "?", sure: "sees no digit" };
  const doubted = doubt(answer.findings);
  const sure = answer.certainty === null ? "" : sureness(answer.certainty);
  return { figure: answer.prediction, sure: doubted || (answer.unsure ? `unsure${sure && `, ${sure}`}` : sure || "sure") };
}

/** Where versions differ, in a sentence; "" where there is nothing to compare. */
export function together(answers) {
  const readers = new Map(); // digit -> versions
  for (const { model_version: version, answer } of answers) {
    if (!answer?.prediction || seesNoDigit(answer)) continue;
    readers.set(answer.prediction, [...(readers.get(answer.prediction) ?? []), version]);
  }
  if (!readers.size || answers.length < 2) return "";
  const sides = [...readers].sort(([, one], [, other]) => other.length - one.length);
  const [[digit, agreeing]] = sides;
  if (agreeing.length === answers.length) return `All read ${withArticle(digit)}.`;
  const said = sides.map(([read, versions]) => `${listed(versions)} ${reads(versions)} ${withArticle(read)}`).join(", ");
  return sides.length > 1 ? `They differ: ${said}.` : `${said}.`;
}

function reads(versions) {
  return versions.length > 1 ? "read" : "reads";
}

function listed(names) {
  return names.length > 1 ? `${names.slice(0, -1).join(", ")} and ${names.at(-1)}` : names[0];
}

/** Of a drawing that was kept. version: who read it, where another one was looked through before; else null. */
export function inList(version) {
  return version === null ? "It is in your list now." : `It is in your list now, as ${version} read it.`;
}

/** Of a reading by a version that one looks through, while another one answers. stored: who read it when it was kept, or null. */
export function lookingThrough(through, answering, stored = null) {
  return `You look through ${through}. ${stored ? `Kept is what ${stored} read.` : `What you keep is read by ${answering}.`}`;
}

export const GAME_NOT_KEPT = "Nothing of it is kept unless you keep it.";
export const GAME_KEPT = "You kept this one.";
export const GAME = "Draw a digit that people would read, and a version misreads. Which one do you draw?";

/** Once a digit is chosen. wasCleared: something lay on the sheet, which is not what was drawn for it. */
export function yourTurn(digit, wasCleared) {
  const back = wasCleared ? " “Undo” brings back what lay here; it does not count." : "";
  return `Draw your ${digit} now, as strangely as you like.${back}`;
}

export function fromBefore(digit) {
  return `What lies here is from before you chose, and does not count. Clear it, and draw your ${digit}.`;
}

/**
 * Who is fooled by a drawing that is meant as this digit: words, and the version. Only who is sure of another digit is
 * fooled; the other versions vouch that the digit can be read, and where none does, people must. No words where nobody read
 * it. Who was too busy to read it is said, and taken for neither.
 */
export function fooledBy(digit, answers) {
  const given = answers.filter(({ answer }) => answer?.prediction);
  if (!given.length) return { words: "" };
  const named = (those) => listed(those.map(({ model_version: version }) => version));
  const busy = answers.filter(({ refusal = null }) => refusal !== null);
  const unasked = busy.length ? ` ${named(busy)} ${busy.length > 1 ? "were" : "was"} busy and could not be asked.` : "";
  const right = given.filter(({ answer }) => answer.prediction === digit && !seesNoDigit(answer));
  const fooled = given.filter(({ answer }) => answer.prediction !== digit && !answer.unsure && !seesNoDigit(answer));
  if (!fooled.length) {
    const wavering = given.filter((one) => !right.includes(one));
    if (!wavering.length) return { words: `Nobody is fooled: ${named(right)} ${reads(right)} your ${digit}.${unasked}` };
    return { words: `${named(wavering)} ${wavering.length > 1 ? "waver" : "wavers"}, but nobody is fooled.${unasked}` };
  }
  const [{ model_version: version, answer }] = fooled;
  const others = fooled.length > 1 ? ` So ${fooled.length > 2 ? "are" : "is"} ${named(fooled.slice(1))}.` : "";
  const judge = right.length
    ? `${named(right)} still ${reads(right)} your ${digit}.`
    : `No version ${busy.length ? "that was asked " : ""}reads your ${digit}: would people?`;
  const words = `${version} is fooled: it is sure of ${withArticle(answer.prediction)}.${others} ${judge}${unasked}`;
  return { words, version };
}

function seesNoDigit({ findings }) {
  return findings.some(({ name }) => name === NOT_A_DIGIT);
}

export const NO_PLACE = "No place decides alone: it is all of it together.";
export const NOT_EXPLAINED = "The service is busy with answers. The reasons follow.";
export const NEVER_EXPLAINED = "The service gives no reasons for this answer.";

export function cannotRead(label) {
  return `this version cannot read ${label}`;
}
