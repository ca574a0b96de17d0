/** The only module that talks to the service. Its URLs are relative, so that the page works behind a prefix too. */

const PATIENCE = 10_000; // milliseconds
const RETRY = 3; // seconds, where the service does not say

/** The service said no, or (status 0) nothing at all. `seconds`: when to try again; null: trying again does not help. */
export class Refusal extends Error {
  constructor(status, { message = "", remedy = "" } = {}, seconds = null) {
    super(message);
    Object.assign(this, { name: "Refusal", status, remedy, seconds });
  }
}

/** What the service serves: {model_version, classes, withheld}. */
export async function health() {
  return (await ask("health", { signal: AbortSignal.timeout(PATIENCE) })).json();
}

/**
 * The answer to one drawing, and the milliseconds it took, there and back.
 *
 * drawing: {body, type, query}. keep: the service stores it; otherwise it is a preview. signal: cuts the question off.
 */
export async function read({ body, type, query = "" }, { keep, signal }) {
  const start = performance.now();
  const response = await ask(`drawings${keep ? "" : "/preview"}${query}`, {
    method: "POST", body, headers: { "content-type": type },
    signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]),
  });
  const answer = await response.json();
  return { answer, milliseconds: performance.now() - start };
}

async function ask(url, options) {
  let response;
  try {
    response = await fetch(url, { credentials: "same-origin", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal(0, {}, RETRY); // a TypeError without connection, a TimeoutError
  }
  if (response.ok) return response;
  const isOurs = response.headers.get("content-type")?.startsWith("application/json");
  const passes = [429, 502, 503, 504].includes(response.status);
  const seconds = passes ? Number.parseInt(response.headers.get("retry-after") ?? RETRY, 10) || RETRY : null;
  throw new Refusal(response.status, isOurs ? await response.json() : {}, seconds);
}
