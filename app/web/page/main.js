/** Joins the parts of the page. */

import { Bars } from "./bars.js";
import { Correction } from "./correction.js";
import { Framing } from "./framing.js";
import { Game } from "./game.js";
import { GridSheet } from "./grid_sheet.js";
import { History } from "./history.js";
import { listenForKeys } from "./keys.js";
import { PenSheet } from "./pen_sheet.js";
import { Pending } from "./pending.js";
import { takePictures } from "./pictures.js";
import { paintPixels } from "./pixels.js";
import { Reader } from "./reader.js";
import { NOT_KEPT, notNoted, notSent, refusal } from "./refusals.js";
import { sampleButtons, sampleStrokes } from "./samples.js";
import { Refusal, visit } from "./service.js";
import { Versions } from "./versions.js";
import { Why } from "./why.js";
import {
  ALREADY_READ, ASKING, KEEPING, NOTHING, OPENING, OUTSIDE_CARD, READING, answeredIn, lookingThrough, noted, verdict,
} from "./words.js";

const byId = (id) => document.getElementById(id);

const bars = new Bars(byId("bars"), byId("scores-title"));
const history = new History(byId("readings"), byId("forget"));
const correction = new Correction(byId, { told, notTold });
const reader = new Reader({ drawing, query, asked, answered, refused });
const pending = new Pending((words) => (words.line ? show(words) : setText("note", words.note)));
const framing = new Framing(byId("paper"), (frame) => pen.putPicture(pen.content.picture.framed(frame)));
const versions = new Versions(byId, { chosen });
const game = new Game(byId, { showWhy });
const why = new Why(byId, (pixels) => sheet.place(pixels));
const pen = new PenSheet(byId("pen-sheet"), changed);
const grid = new GridSheet(byId("grid-sheet"), changed);
let sheet = pen;
let seen = null; // the 28x28 on show
let shown = null; // the content whose answer is on show
let kept = { content: null, answer: null, noted: "" }; // what is in the history already, and what was said of it
let served = { model_version: null, show_correction: true, pictures_in_scope: true, versions: [] }; // what `visit` says of it

// -- what is shown ---------------------------------------------------------------------------------------------------

function say({ figure, line, note, kind }) {
  byId("verdict").dataset.kind = kind;
  byId("figure").textContent = figure;
  setText("line", line);
  setText("note", note);
}

/** subtle: a status region is read out whenever it is written to, so the same text is not written again. */
function setText(id, text) {
  if (byId(id).textContent !== text) byId(id).textContent = text;
}

/** words: figure, line, note and kind; an answer, if there is one, and what is said of how it came. */
function show(words, { scores = {}, pixels = null, model_version: by = null } = {}, came = "") {
  shown = null;
  say(words);
  if (pixels === null) why.about(null);
  bars.show(scores, by);
  showSeen(pixels);
  byId("latency").textContent = came;
}

function showSeen(pixels) {
  seen = pixels;
  paintPixels(byId("seen"), seen);
  byId("seen").setAttribute("aria-label", `What the model saw: ${seen ? "the drawing in 28 by 28 pixels" : "nothing yet"}`);
}

// -- what happens ----------------------------------------------------------------------------------------------------

function drawing() {
  const sent = sheet.drawing();
  return sent && { ...sent, content: sheet.content };
}

function query() {
  return { ...throughQuery(), ...(versions.areCompared && { beside: 1 }) };
}

function throughQuery() {
  return versions.through === null ? {} : { model: versions.through };
}

/** One looks through another version from now on: bars and words are that version's. */
function chosen() {
  bars.setRoster(lookedThrough());
  shown = null;
  if (!sheet.isBlank) reader.now();
}

/** answers: what each version reads in the drawing. */
function compare(answers) {
  versions.show(answers);
  game.show(answers);
}

/** Of a version that was fooled. */
function showWhy(version) {
  versions.choose(version);
  why.toggle(true);
}

/** What `visit` says of the version that previews are asked of. */
function lookedThrough() {
  return served.versions.find(({ model_version: version }) => version === versions.through) ?? served;
}

function changed(isDone) {
  byId("hint").hidden = sheet !== pen || !sheet.isBlank;
  const picture = sheet === pen ? sheet.content.picture : null;
  framing.show(picture);
  if (sheet.isBlank || picture?.unsent) {
    reader.stop();
    pending.end();
    compare([]);
    show(picture ? notSent(picture.unsent) : NOTHING);
  } else if (isDone) reader.now();
  else reader.soon();
  offerCorrection();
}

/** What was drawn can be said of the drawing that was read and stored, while it is on the sheet. */
function offerCorrection() {
  const isOffered = sheet.content === kept.content && served.show_correction;
  correction.about(isOffered ? kept.answer : null);
  setText("also", correction.asks ? ASKING : "");
}

function told(answer, label) {
  history.label(answer.id, label);
  if (answer === kept.answer) kept.noted = noted(label, answer.prediction);
  if (correction.isAbout(answer)) setText("note", kept.noted);
  offerCorrection();
}

function notTold(answer, found) {
  if (correction.isAbout(answer)) setText("note", notNoted(found));
}

/** An answer to this drawing that is on show already stays there while it is kept. */
function asked(sent, keep) {
  if (sent.content !== shown) pending.begin(READING);
  else if (keep) pending.begin(KEEPING);
}

function answered({ answer, milliseconds }, sent, keep, isUnsure) {
  if (answer.model_version !== (keep ? served : lookedThrough()).model_version) loadRoster();
  if (keep && answer.id !== null) {
    kept = { content: sent.content, answer, noted: "" };
    history.add(answer);
  }
  const words = verdict(answer);
  const isOutside = sent.type.startsWith("image/") && answer.prediction !== null && !served.pictures_in_scope;
  if (isOutside) words.note = `${words.note} ${OUTSIDE_CARD}`.trim();
  if (sheet.content === kept.content) words.note = kept.noted || words.note;
  if (!keep && versions.through) words.note = `${words.note} ${lookingThrough(versions.through, served.model_version)}`.trim();
  if (isUnsure) words.note = NOT_KEPT;
  const isOld = keep && sent.content !== sheet.content; // the drawing has changed, and its own preview follows
  if (!sheet.isBlank && !isOld) {
    pending.end();
    if (!keep) compare([{ model_version: answer.model_version, answer }, ...(answer.beside ?? [])]);
    show(words, answer, answeredIn(answer, milliseconds, keep ? served : lookedThrough()));
    shown = sent.content;
    why.about(answer.prediction === null ? null : { drawing: sent, query: keep ? {} : throughQuery() });
  }
  offerCorrection();
}

function refused(found, retries) {
  pending.end();
  show(refusal(found, retries)); // an older answer beside it would be taken for this drawing's
}

function keepIt() {
  if (sheet.isBlank) say({ ...NOTHING, note: "Draw a digit first." });
  else if (sheet.content === kept.content) setText("note", ALREADY_READ);
  else reader.keep();
}

function choose(name) {
  sheet = name === "grid" ? grid : pen;
  byId("grid-sheet").hidden = sheet !== grid;
  byId("pen-sheet").hidden = sheet !== pen;
  changed(true);
}

/** A picture or a sample is put on the pen's sheet. */
function choosePen() {
  document.querySelector("input[value=pen]").checked = true;
  choose("pen");
}

async function loadRoster() {
  try {
    served = await visit();
    byId("version").textContent = served.model_version;
    versions.setRoster(served);
    bars.setRoster(lookedThrough());
    byId("samples").replaceChildren(...sampleButtons(served.classes, (label) => {
      choosePen();
      pen.put(sampleStrokes(label));
    }));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    show(refusal(error, true));
    setTimeout(loadRoster, (error.seconds ?? 10) * 1000);
  }
}

// -- wiring ----------------------------------------------------------------------------------------------------------

byId("undo").addEventListener("click", () => sheet.undo());
byId("clear").addEventListener("click", () => sheet.clear());
byId("keep").addEventListener("click", keepIt);
byId("show-keys").addEventListener("click", () => byId("keys").showModal());
byId("hide-keys").addEventListener("click", () => byId("keys").close());
for (const input of document.querySelectorAll("input[name=sheet]")) {
  input.addEventListener("change", () => choose(input.value));
}
listenForKeys({
  dialog: byId("keys"), keep: keepIt, why: () => why.toggle(), undo: () => sheet.undo(), clear: () => sheet.clear(),
  say: (key) => correction.press(key),
});
takePictures([byId("upload"), byId("camera")], {
  opening: () => pending.begin(OPENING),
  handed: (picture) => {
    choosePen();
    pen.putPicture(picture);
    reader.keep(); // handing a picture in is asking to read it
  },
});

function drawAll() {
  pen.draw();
  history.draw();
  why.draw();
  showSeen(seen);
}
window.addEventListener("resize", drawAll);
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);

loadRoster();
