// As such pages are written: plain fetch, the key in a header, the history once on load, and no word of a failure there.
// ?key= is what they have in their source, ?api= where they call the service.

const given = new URLSearchParams(location.search);
const api = given.get("api") ?? "/api";
const headers = given.has("key") ? { "X-API-Key": given.get("key") } : {};
const sheet = document.querySelector("#sheet");
const pen = sheet.getContext("2d", { willReadFrequently: true });
Object.assign(pen, { strokeStyle: "white", lineWidth: 2, lineCap: "round", lineJoin: "round" });

function draw({ type, buttons, offsetX, offsetY }) {
  const [x, y] = [(offsetX * sheet.width) / sheet.clientWidth, (offsetY * sheet.height) / sheet.clientHeight];
  if (type === "pointerdown") {
    pen.beginPath();
    pen.moveTo(x, y);
  } else if (buttons) {
    pen.lineTo(x, y);
    pen.stroke();
  }
}

function pixels() {
  const { data } = pen.getImageData(0, 0, 28, 28);
  return Array.from({ length: 28 }, (_, row) => Array.from({ length: 28 }, (_, column) => data[4 * (28 * row + column)]));
}

async function classify() {
  const answer = document.querySelector("#answer");
  try {
    const response = await fetch(`${api}/classify`, {
      method: "POST",
      headers: { ...headers, "Content-Type": "application/json" },
      body: JSON.stringify({ pixels: pixels() }),
    });
    answer.textContent = (await response.json()).prediction ?? `refused: ${response.status}`;
  } catch (error) {
    answer.textContent = error.message;
  }
}

async function load() {
  const response = await fetch(`${api}/results`, { headers });
  const { results = [] } = await response.json();
  for (const { prediction } of results) {
    document.querySelector("#history").append(Object.assign(document.createElement("li"), { textContent: prediction }));
  }
}

sheet.addEventListener("pointerdown", draw);
sheet.addEventListener("pointermove", draw);
document.querySelector("#send").addEventListener("click", classify);
await load();
document.body.dataset.loaded = "yes";
