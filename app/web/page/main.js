/** Joins the parts of the page. */

import { Bars } from "./bars.js";
import { Correction } from "./correction.js";
import { Framing } from "./framing.js";
import { Game } from "./game.js";
import { GridSheet } from "./grid_sheet.js";
import { History, clock } from "./history.js";
import { KeptAnswers } from "./kept_answers.js";
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
  ALREADY_KEPT, ALREADY_READ, ASKING, DRAG, FRAME_ONE, GAME_KEPT, GAME_NOT_KEPT, HINTS, KEEPING, LEFT, LINK_OPENED, NOTHING,
  NOTHING_TO_KEEP, ONE_WIDTH, OPENING, OUTSIDE_CARD, READING, answeredIn, inList, lookingThrough, noted, nothingHere, readAt, verdict,
} from "./words.js";

const byId = (id) => document.getElementById(id);

const bars = new Bars(byId("bars"), byId("scores-title"));
const history = new History(byId("readings"), { forget: byId("forget"), note: byId("history-note") }, open);
const correction = new Correction(byId, { told, notTold });
const reader = new Reader({ drawing, query, asked, answered, refused });
const pending = new Pending(awaiting);
const framing = new Framing(byId("paper"), (frame) => pen.putPicture(pen.content.picture.framed(frame)));
const versions = new Versions(byId, { turned, chosen });
const game = new Game(byId, { showWhy, clear });
const why = new Why(byId, (pixels) => sheet.place(pixels));
const pen = new PenSheet(byId("pen-sheet"), rememberedPen(), changed);
const grid = new GridSheet(byId("grid-sheet"), changed);
let sheet = pen;
const tools = new Tools(byId, { pen, grid, sheet: () => sheet });
const kept = new KeptAnswers();
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

/** One looks through this version from now on. */
function chosen(version) {
  kept.look(sheet.content, version);
  shown = null;
  why.about(null); // it was another version's
  changed(true);
}

/** Of which version the page speaks has changed: bars and words are that version's. */
function turned() {
  const { speaking } = versions;
  byId("version").textContent = speaking.model_version;
  byId("version").parentElement.href = `model?version=${encodeURIComponent(speaking.model_version)}`;
  bars.setRoster(speaking);
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

function changed(isDone) {
  byId("hint").hidden = !sheet.isBlank;
  byId("hint").textContent = HINTS[sheet === pen ? "pen" : "grid"];
  tools.draw();
  game.about(sheet.content);
  if (sheet.content !== linked) forgetFragment();
  const picture = sheet === pen ? sheet.content.picture : null;
  kept.lies(sheet.content);
  const stored = kept.shown(sheet.content);
  versions.showStored(stored?.answer.model_version ?? null);
  framing.show(picture?.left ? null : picture);
  if (sheet.isBlank || picture?.unsent) {
    reader.stop();
    pending.end();
    compare([]);
    show(picture ? notSent(picture.unsent) : nothing());
  } else if (stored) {
    reader.stop();
    pending.end();
    showAgain(stored);
    compareKept(stored.answer);
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

/** What was drawn can be said of a drawing that was stored, while its stored answer is on show: of no other version's. */
function offerCorrection() {
  const { answer = null } = (served.show_correction && kept.shown(sheet.content)) || {};
  correction.about(answer, kept.labelOf(answer?.id));
  setText("also", correction.asks ? ASKING : "");
  setText("game-kept", kept.of(sheet.content) ? GAME_KEPT : GAME_NOT_KEPT);
}

function told(answer, label) {
  history.label(answer.id, label);
  kept.label(answer.id, label);
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
  if (answer.model_version !== (keep ? served : versions.speaking).model_version) loadRoster();
  const reading = { answer, isPicture: sent.type.startsWith("image/"), time: Date.now() };
  if (keep && answer.id !== null) {
    kept.note(sent.content, reading);
    history.add({ ...reading, drawing: packed(sent.content) });
  }
  // Of an older drawing, which was kept while it changed, or beside one whose own answer is on show.
  const isOld = sheet.content !== sent.content && (keep || kept.of(sheet.content));
  if (!sheet.isBlank && !isOld) {
    pending.end();
    if (!keep) compare([{ model_version: answer.model_version, answer }, ...(answer.beside ?? [])]);
    else if (sent.content !== shown) compareKept(answer);
    if (!keep && kept.shown(sent.content)) return; // it was asked for the others' sake
    if (keep) versions.showStored(answer.model_version);
    const words = wordsOf(reading);
    words.note = isUnsure ? NOT_KEPT : `${words.note} ${cameOf(reading, sent, keep)}`.trim();
    show(words, answer, answeredIn(answer, milliseconds, versions.speaking));
    shown = sent.content;
    why.about(answer.prediction === null ? null : { drawing: sent, query: throughQuery() });
  }
  offerCorrection();
}

/** Whose answer it is, and whether it is stored, where that is not plain. */
function cameOf({ answer }, { content }, keep) {
  if (keep && answer.id !== null) return inList(versions.isOtherChosen ? answer.model_version : null);
  if (keep) return content === shown ? NOTHING_TO_KEEP : "";
  const stored = kept.of(content)?.answer.model_version ?? null;
  return stored || versions.through ? lookingThrough(answer.model_version, served.model_version, stored) : "";
}

/** What is said of an answer, and of what came of it since. */
function wordsOf({ answer, isPicture }) {
  const words = verdict(answer);
  const hasSeveral = answer.findings.some(({ name }) => name === "several-digits");
  if (hasSeveral && framing.isShown) words.note = `${words.note} ${FRAME_ONE}`;
  else if (isPicture && framing.isWhole) words.note = `${words.note} ${DRAG}`.trim();
  const isOutside = isPicture && answer.prediction !== null && !served.pictures_in_scope;
  if (isOutside) words.note = `${words.note} ${OUTSIDE_CARD}`.trim();
  const label = kept.labelOf(answer.id); // a preview has no id
  if (label !== undefined) words.note = noted(label, answer.prediction);
  else if (sheet.content === linked) words.note ||= LINK_OPENED;
  else if (sheet.content === tools.widened) words.note ||= ONE_WIDTH;
  return words;
}

/** The drawing of a reading is on the sheet once more: its answer is known, and nothing is asked. */
function showAgain(reading) {
  const words = wordsOf(reading);
  const { left } = sheet.content.picture ?? {};
  if (left) words.note = `${words.note} ${LEFT[left]}`.trim();
  show(words, reading.answer, readAt(reading.answer, clock(reading.time), versions.speaking));
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
  if (kept.shown(sheet.content)?.answer.id !== reading.answer.id) {
    const ink = getComputedStyle(byId("paper")).color;
    const content = await unpacked(reading.drawing, { pixels: reading.answer.pixels, ink });
    kept.note(content, reading);
    bring(content);
  }
  byId("paper").scrollIntoView({ block: "nearest" });
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
  const { answer } = kept.of(sheet.content) ?? {};
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
  if (reading && left[left.chosen]) kept.note(left[left.chosen], reading);
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
    byId("samples").replaceChildren(...sampleButtons(served, (label) => {
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
  clear, close: () => correction.close() || game.close(), erase: (isErasing) => tools.erase(isErasing), say: (key) => correction.press(key),
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

keepWhenLeft(() => ({ chosen: sheet === pen ? "pen" : "grid", pen, grid, reading: kept.of(sheet.content)?.answer.id }));

loadRoster();
openLeft().then(openLink);
