/** What the page says when it gets no answer: what happened, and what helps. Pure functions: no DOM, no network. */

const HERE = "The drawing is still here.";
const UNREACHABLE = ["No connection", `The service cannot be reached. ${HERE}`];
const BUSY = ["The service is busy", `Others are drawing too. ${HERE}`];
const OUT_OF_DATE = [
  "The page and the service disagree",
  `One of them may be newer. ${HERE} See in a second tab whether a new page helps.`,
];
const PICTURE = "Choose a PNG, JPEG, WebP or GIF picture of one digit.";

/** By the code of a refusal, or by its status where it has none: the line, and what helps. */
const WORDS = {
  "not-understood": OUT_OF_DATE,
  "bad-drawing": OUT_OF_DATE,
  "bad-label": OUT_OF_DATE,
  "bad-parameter": OUT_OF_DATE,
  "not-found": OUT_OF_DATE,
  "method-not-allowed": OUT_OF_DATE,
  "not-authenticated": [
    "The service does not know this browser",
    `Drawing needs one cookie: allow cookies for this page, then try again. ${HERE}`,
  ],
  "forbidden": [
    "The service takes no drawings from this address",
    `Open the page at the address that you were given for it. ${HERE}`,
  ],
  "too-slow": ["Sending took too long", "The connection is slow. Try again, or draw the digit in the place of a picture."],
  "too-large": [
    "That is too much to send",
    "Take a screenshot of the picture, or draw the digit in a few strokes.",
  ],
  "wrong-media-type": ["That kind of file cannot be read", PICTURE],
  "unreadable-image": ["That picture cannot be read", PICTURE],
  "head-too-large": [
    "The browser sends too much with each question",
    `Delete the cookies of this address, then try again. ${HERE}`,
  ],
  "too-many-requests": ["Too many drawings at once", `There is a limit for each visitor and each network. ${HERE}`],
  "too-many-connections": BUSY,
  "overloaded": BUSY,
  "no-report": BUSY,
  "stalled": ["The service is stuck", `It will go on, or be started again. ${HERE}`],
  "stopping": ["The service is being restarted", HERE],
  "database-unavailable": ["The service cannot keep answers now", `Its database does not answer. ${HERE}`],
  "away": UNREACHABLE,
  "unexpected": [
    "The service made a mistake",
    `Your drawing is not at fault. ${HERE} If this stays, tell whoever runs the service.`,
  ],
};
const CODES = {
  0: "away", 401: "not-authenticated", 403: "forbidden", 408: "too-slow", 413: "too-large", 415: "wrong-media-type",
  429: "too-many-requests", 431: "head-too-large", 502: "away", 503: "overloaded", 504: "away",
};

/** "a TIFF picture" in "picture: a TIFF picture, or a camera's raw one; expected …". */
const UNREADABLE = /^(?:picture|body): ((?:an?|another) .+?)(?:[,;] | \()/;
const TOO_MANY_POINTS = [
  "This drawing is too long", "It has too many points to send. Clear it, and draw the digit in a few strokes.",
];

/** A refusal -> figure, line, note and kind. `retries`: the page tries again by itself. */
export function refusal({ status, code, message, remedy, seconds }, retries) {
  const known = code in WORDS ? code : CODES[status] ?? (status >= 500 ? "unexpected" : "not-understood");
  let [line, note] = WORDS[known];
  if (["wrong-media-type", "unreadable-image"].includes(known)) [line, note] = unreadable(message, remedy);
  if (retries && seconds !== null) line = `${line}, trying again in ${inWords(seconds)}`;
  return { figure: "", line, note, kind: "refused" };
}

/** The kind of file that the service found, and its own remedy for it. */
function unreadable(message, remedy) {
  if (message.startsWith("strokes:")) return TOO_MANY_POINTS;
  const [, file] = UNREADABLE.exec(message) ?? [];
  if (file === "another kind of file") return NOT_SENT["no-picture"];
  if (!file || file.startsWith("another")) return WORDS["wrong-media-type"];
  return [`${file[0].toUpperCase()}${file.slice(1)} cannot be read`, remedy];
}

function inWords(seconds) {
  return seconds <= 120 ? `${seconds} s` : `${Math.ceil(seconds / 60)} minutes`;
}

/** Of a file that is not sent: no picture, or one that the browser cannot make smaller. */
export const NOT_SENT = {
  "no-picture": ["That file is no picture", `${PICTURE} “Undo” brings back what was here.`],
  "too-large": ["That file is too large", "This browser cannot make it smaller. Take a screenshot of it. “Undo” brings back what was here."],
};

export function notSent(reason) {
  const [line, note] = NOT_SENT[reason];
  return { figure: "", line, note, kind: "refused" };
}

/** Beside an answer to what was to be kept, when nobody knows whether it was. */
export const NOT_KEPT = "The connection broke before it was kept: keep it again if it is not in your list.";

/** Of what was drawn, when the service could not be told. */
export function notNoted({ status, code }) {
  const again = "Not noted: ";
  if (status === 401) return `${again}this browser takes no cookies.`;
  if (code === "forbidden") return `${again}that reading belongs to an earlier visit.`;
  if (code === "not-found") return `${again}the service does not have that reading any more.`;
  if ([0, 502, 504].includes(status) || code === "away") return `${again}no connection. Say it again.`;
  if ([429, 503].includes(status)) return `${again}the service is busy. Say it again.`;
  return `${again}the service made a mistake. Say it again.`;
}
