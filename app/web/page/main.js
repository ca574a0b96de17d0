/** Joins the parts of the page. */

import { Bars } from "./bars.js";
import { Correction } from "./correction.js";
import { Framing } from "./framing.js";
import { Game } from "./game.js";
import { GridSheet } from "./grid_sheet.js";
import { History, clock } from "./history.js";
import { packed, unpacked } from "./kept_drawings.js";
import { keepWhenLeft, leftSheets } from "./kept_sheets.js";
import { listenForKeys } from "./keys.js";
import { drawingIn, forgetFragment } from "./link.js";
import { More } from "./more.js";
import { PenSheet } from "./pen_sheet.js";
import { Pending } from "./pending.js";
import { takePictures } from "./pictures.js";
import { paintPixels } from "./pixels.js";
import { Reader } from "./reader.js";
import { NOT_KEPT, notNoted, notSent, refusal } from "./refusals.js";
import { sampleButtons, sampleStrokes } from "./samples.js";
import { Refusal, visit } from "./service.js";
import { Tools, rememberedPen } from "./tools.js";
import { Versions } from "./versions.js";
import { Why } from "./why.js";
import {
  ALREADY_KEPT, ALREADY_READ, ASKING, FRAME_ONE, HINTS, KEEPING, KEPT, LEFT, LINK_OPENED, NOTHING, ONE_WIDTH, OPENING, OUTSIDE_CARD, READING,
  answeredIn, lookingThrough, noted, nothingHere, readAt, verdict,
} from "./words.js";

const byId = (id) => document.getElementById(id);

const bars = new Bars(byId("bars"), byId("scores-title"));
const history = new History(byId("readings"), byId("forget"), open);
const correction = new Correction(byId, { told, notTold });
const reader = new Reader({ drawing, query, asked, answered, refused });
const pending = new Pending(awaiting);
const framing = new Framing(byId("paper"), (frame) => pen.putPicture(pen.content.picture.framed(frame)));
const versions = new Versions(byId, { chosen });
const game = new Game(byId, { showWhy, clear });
const why = new Why(byId, (pixels) => sheet.place(pixels));
const pen = new PenSheet(byId("pen-sheet"), rememberedPen(), changed);
const grid = new GridSheet(byId("grid-sheet"), changed);
let sheet = pen;
const tools = new Tools(byId, { pen, grid, sheet: () => sheet });
const readings = new WeakMap(); // content that was stored -> its reading, as in the history
const labels = new Map(); // id of an answer -> what was said of it since; null: taken back
let linked = null; // the content that came with the address
let seen = null; // the 28x28 on show
let shown = null; // the content whose answer is on show
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

/** What is awaited: nothing that was read before stands beside it, but an answer that is being kept. */
function awaiting(words) {
  if (!words.line) return setText("note", words.note);
  compare([]);
  return show(words);
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
  nameVersion();
  bars.setRoster(lookedThrough());
  shown = null;
  why.about(null); // it was another version's
  if (!sheet.isBlank) reader.now();
}

/** answers: what each version reads in the drawing. */
function compare(answers) {
  versions.show(answers);
  game.show(answers);
}

/** Beside an answer that was kept: what the others read of the drawing only a preview tells. */
function compareKept(answer) {
  compare([]); // what stood there was of another drawing
  if (versions.areCompared && answer.prediction !== null) reader.now();
}

/** Of a version that was fooled. */
function showWhy(version) {
  versions.choose(version);
  why.toggle(true);
}

/** The page of the version whose readings one sees. */
function nameVersion() {
  const { model_version: version } = lookedThrough();
  byId("version").textContent = version;
  byId("version").parentElement.href = `model?version=${encodeURIComponent(version)}`;
}

/** What `visit` says of the version that previews are asked of. */
function lookedThrough() {
  return served.versions.find(({ model_version: version }) => version === versions.through) ?? served;
}

function changed(isDone) {
  byId("hint").hidden = !sheet.isBlank;
  byId("hint").textContent = HINTS[sheet === pen ? "pen" : "grid"];
  tools.draw();
  game.about(sheet.content);
  if (sheet.content !== linked) forgetFragment();
  const picture = sheet === pen ? sheet.content.picture : null;
  framing.show(picture?.left ? null : picture);
  if (sheet.isBlank || picture?.unsent) {
    reader.stop();
    pending.end();
    compare([]);
    show(picture ? notSent(picture.unsent) : nothing());
  } else if (readings.has(sheet.content)) {
    reader.stop();
    pending.end();
    showAgain(readings.get(sheet.content));
    compareKept(readings.get(sheet.content).answer);
  } else {
    if (isDone) reader.now();
    else reader.soon();
    if (reader.isKeeping) pending.begin(READING); // it is asked about only when another one is kept
  }
  offerCorrection();
}

function nothing() {
  const [other, name] = sheet === pen ? [grid, "Squares"] : [pen, "Pen"];
  return other.isBlank ? NOTHING : nothingHere(name);
}

/** What was drawn can be said of a drawing that was read and stored, while it is on the sheet. */
function offerCorrection() {
  const { answer = null } = (served.show_correction && readings.get(sheet.content)) || {};
  correction.about(answer, labels.get(answer?.id));
  setText("also", correction.asks ? ASKING : "");
}

function told(answer, label) {
  history.label(answer.id, label);
  labels.set(answer.id, label);
  if (correction.isAbout(answer)) {
    setText("note", noted(label, answer.prediction));
    byId("verdict").scrollIntoView({ block: "nearest" }); // on a phone the question is far below it
  }
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
  const reading = { answer, isPicture: sent.type.startsWith("image/"), time: Date.now() };
  if (keep && answer.id !== null) {
    readings.set(sent.content, reading);
    history.add({ ...reading, drawing: packed(sent.content) });
  }
  // Of an older drawing, which was kept while it changed, or beside one whose own answer is on show.
  const isOld = sheet.content !== sent.content && (keep || readings.has(sheet.content));
  if (!sheet.isBlank && !isOld) {
    const words = wordsOf(reading);
    if (!keep && versions.through) words.note = `${words.note} ${lookingThrough(versions.through, served.model_version)}`.trim();
    if (keep && answer.id !== null) words.note = `${words.note} ${KEPT}`.trim();
    if (isUnsure) words.note = NOT_KEPT;
    pending.end();
    if (!keep) compare([{ model_version: answer.model_version, answer }, ...(answer.beside ?? [])]);
    else if (sent.content !== shown) compareKept(answer);
    if (!keep && sent.content === shown && versions.through === null) return; // it was asked for the others' sake
    show(words, answer, answeredIn(answer, milliseconds, keep ? served : lookedThrough()));
    shown = sent.content;
    why.about(answer.prediction === null ? null : { drawing: sent, query: keep ? {} : throughQuery() });
  }
  offerCorrection();
}

/** What is said of an answer, and of what came of it since. */
function wordsOf({ answer, isPicture }) {
  const words = verdict(answer);
  const hasSeveral = answer.findings.some(({ name }) => name === "several-digits");
  if (hasSeveral && framing.isShown) words.note = `${words.note} ${FRAME_ONE}`;
  const isOutside = isPicture && answer.prediction !== null && !served.pictures_in_scope;
  if (isOutside) words.note = `${words.note} ${OUTSIDE_CARD}`.trim();
  const stored = readings.get(sheet.content)?.answer;
  if (labels.has(stored?.id)) words.note = noted(labels.get(stored.id), stored.prediction);
  else if (sheet.content === linked) words.note ||= LINK_OPENED;
  else if (sheet.content === tools.widened) words.note ||= ONE_WIDTH;
  return words;
}

/** The drawing of a reading is on the sheet once more: its answer is known, and nothing is asked. */
function showAgain(reading) {
  const words = wordsOf(reading);
  const { left } = sheet.content.picture ?? {};
  if (left) words.note = `${words.note} ${LEFT[left]}`.trim();
  show(words, reading.answer, readAt(reading.answer, clock(reading.time), served));
  why.about(explained(reading.answer));
}

/** What to ask for an explanation of it; null where there is none: the drawing is a copy, or the version is gone. */
function explained({ model_version: version }) {
  const sent = drawing();
  const isServed = served.versions.some((one) => one.model_version === version);
  return sent && isServed ? { drawing: sent, query: version === served.model_version ? {} : { model: version } } : null;
}

/** Brings the drawing of a reading in the list back to its sheet. */
async function open(reading) {
  if (readings.get(sheet.content)?.answer.id !== reading.answer.id) {
    const ink = getComputedStyle(byId("paper")).color;
    const content = await unpacked(reading.drawing, { pixels: reading.answer.pixels, ink });
    note(content, reading);
    bring(content);
  }
  byId("paper").scrollIntoView({ block: "nearest" });
}

/** This content was stored, and read so. */
function note(content, reading) {
  readings.set(content, reading);
  if (reading.label) labels.set(reading.answer.id, reading.label);
}

async function refused(found, retries) {
  pending.end();
  if (found.status === 403 && versions.areCompared) {
    await loadRoster(); // versions may be compared no longer
    if (!versions.areCompared) return reader.now();
  }
  compare([]);
  show(refusal(found, retries)); // an older answer beside it would be taken for this drawing's
}

function keepIt() {
  const { answer } = readings.get(sheet.content) ?? {};
  if (sheet.isBlank) say({ ...NOTHING, note: "Draw a digit first." });
  else if (answer) setText("note", history.has(answer.id) ? ALREADY_READ : ALREADY_KEPT);
  else reader.keep();
}

/** Whether there was anything to clear. */
function clear() {
  const { isBlank } = sheet;
  sheet.clear();
  tools.draws(); // there is nothing to erase
  return !isBlank;
}

/** The pen's sheet or that of squares. */
function choose(name) {
  document.querySelector(`input[name=sheet][value=${name}]`).checked = true;
  sheet = name === "grid" ? grid : pen;
  byId("grid-sheet").hidden = sheet !== grid;
  byId("pen-sheet").hidden = sheet !== pen;
  sheet.draw(); // a sheet that was hidden had no size
}

/** Puts a drawing on its sheet, as a step to undo. */
function bring(content) {
  choose(Array.isArray(content) ? "grid" : "pen");
  sheet.replace(content);
}

/** The drawing that came in the address, if there is one. It is previewed, and stored no more than another one. */
function openLink() {
  const { fault, squares, strokes, pen: width } = drawingIn(location.hash) ?? {};
  if (fault) setText("note", fault);
  if (!squares && !strokes) return;
  linked = squares ?? { strokes, pen: width, picture: null };
  bring(linked);
}

/** What lay on the sheets when this tab left the page, unless something was drawn while it was opened. */
async function openLeft() {
  const left = await leftSheets();
  if (left === null || !pen.isBlank || !grid.isBlank) return;
  const reading = history.find(left.reading);
  const other = left.chosen === "pen" ? "grid" : "pen";
  if (reading && left[left.chosen]) note(left[left.chosen], reading);
  for (const name of [other, left.chosen]) if (left[name]) bring(left[name]);
  if (!left[left.chosen]) {
    choose(left.chosen);
    changed(true);
  }
}

async function loadRoster() {
  const isFirst = served.model_version === null;
  try {
    served = await visit();
    versions.setRoster(served);
    nameVersion();
    bars.setRoster(lookedThrough());
    byId("samples").replaceChildren(...sampleButtons(served.classes, (label) => {
      choose("pen");
      pen.put(sampleStrokes(label));
    }));
    if (isFirst && !sheet.isBlank) changed(true); // what lay there already was read without the versions beside it
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    show(refusal(error, true));
    setTimeout(loadRoster, (error.seconds ?? 10) * 1000);
  }
}

// -- wiring ----------------------------------------------------------------------------------------------------------

byId("clear").addEventListener("click", clear);
byId("keep").addEventListener("click", keepIt);
byId("show-keys").addEventListener("click", () => byId("keys").showModal());
byId("hide-keys").addEventListener("click", () => byId("keys").close());
for (const input of document.querySelectorAll("input[name=sheet]")) {
  input.addEventListener("change", () => {
    choose(input.value);
    changed(true);
  });
  input.addEventListener("click", () => tools.draws()); // also where it is chosen already
}
listenForKeys({
  dialog: byId("keys"), keep: keepIt, why: () => why.toggle(), undo: () => sheet.undo(), redo: () => sheet.redo(),
  clear, erase: (isErasing) => tools.erase(isErasing), say: (key) => correction.press(key),
});
takePictures([byId("upload"), byId("camera")], {
  opening: () => pending.begin(OPENING),
  handed: (picture) => {
    choose("pen");
    pen.putPicture(picture);
    reader.keep(); // handing a picture in is asking to read it
  },
});

new More(byId, { sheet: () => sheet, tell: (words) => setText("note", words) });
window.addEventListener("hashchange", openLink);

function drawAll() {
  pen.draw();
  history.draw();
  why.draw();
  showSeen(seen);
}
window.addEventListener("resize", drawAll);
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);

keepWhenLeft(() => ({ chosen: sheet === pen ? "pen" : "grid", pen, grid, reading: readings.get(sheet.content)?.answer.id }));

loadRoster();
openLeft().then(openLink);
