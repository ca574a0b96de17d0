/** The only module that talks to the service. Its URLs are relative, so that the page works behind a prefix too. */

const PATIENCE = 20_000; // milliseconds: longer than the service's own for a request that arrives slowly
const RETRY = 3; // seconds, where the service does not say

/** The service said no, or (status 0) nothing at all. `seconds`: when to try again; null: trying again does not help. */
export class Refusal extends Error {
  constructor(status, { error = "", message = "", remedy = "" } = {}, seconds = null) {
    super(message);
    Object.assign(this, { name: "Refusal", status, code: error, remedy, seconds });
  }
}

/** Which version answers here: {model_version, classes, withheld, show_correction, temperature, pictures_in_scope, …}. */
export async function visit() {
  return ask("visit", { signal: AbortSignal.timeout(PATIENCE) });
}

/**
 * The answer to one drawing, and the milliseconds it took, there and back.
 *
 * drawing: {body, type, query}; a body that is still being made is a promise. keep: the service stores it; otherwise it
 * is a preview. signal: cuts the question off. query: what else is asked, as parameters of the address; so is the
 * drawing's own.
 */
export async function read({ body: making, type, query: own = {} }, { keep, signal, query = {} }) {
  const body = await making;
  const start = performance.now();
  const parameters = new URLSearchParams({ ...own, ...query }).toString();
  const answer = await ask(`drawings${keep ? "" : "/preview"}${parameters && `?${parameters}`}`, {
    method: "POST", body, headers: { "content-type": body.type || type },
    signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]),
  });
  return { answer, milliseconds: performance.now() - start };
}

/** Tells the service what was drawn: a digit, or NOT_A_DIGIT. The last word counts. */
export async function say(id, label) {
  await ask(`results/${id}/label`, {
    method: "POST", body: JSON.stringify({ label }), headers: { "content-type": "application/json" },
    signal: AbortSignal.timeout(PATIENCE),
  });
}

/** Takes back what was said. */
export async function takeBack(id) {
  await ask(`results/${id}/label`, { method: "DELETE", signal: AbortSignal.timeout(PATIENCE) });
}

/** The answer as JSON. A visit that has ended is renewed, and the question asked once more. */
async function ask(url, options) {
  const before = renewals;
  try {
    let response = await answerTo(url, options);
    if (response.status === 401) {
      if (renewals === before) await renewVisit(); // else another question has begun a visit since
      response = await answerTo(url, options);
    }
    if (response.ok) return await response.json();
    throw await refusalIn(response);
  } catch (error) {
    // No connection or half an answer is a TypeError or a SyntaxError, none in time a TimeoutError.
    if (["TypeError", "SyntaxError", "TimeoutError"].includes(error.name)) throw new Refusal(0, {}, RETRY);
    throw error;
  }
}

function answerTo(url, options) {
  return fetch(url, { credentials: "same-origin", ...options });
}

let renewal = null; // under way
let renewals = 0;

/** Opens the page once more, which begins a visit: several questions that meet the end of one share this. */
async function renewVisit() {
  renewal ??= answerTo("./", { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
  try {
    const response = await renewal;
    if (!response.ok) throw await refusalIn(response);
    renewals += 1;
  } finally {
    renewal = null;
  }
}

async function refusalIn(response) {
  const isOurs = response.headers.get("content-type")?.startsWith("application/json");
  const passes = [429, 502, 503, 504].includes(response.status);
  const seconds = passes ? Number.parseInt(response.headers.get("retry-after"), 10) || RETRY : null;
  return new Refusal(response.status, isOurs ? await response.json() : {}, seconds);
}
