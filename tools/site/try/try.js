"use strict";
// The page. Everything that computes is in workers, which run the project's Go program: see worker.js and cmd/browser.

const $ = id => document.getElementById(id);
const text = JSON.parse($("strings").textContent);
const say = (key, values = {}) => text[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
const percent = p => (100 * p).toFixed(1) + "%";
const packed = window.packed; // name -> a file, packed by tools/build_try.py
const page = window.tryPage = { ready: false, looks: 0, steps: 0 }; // for tools/try_check.py

// unpack returns the bytes of a packed file: each character but the first has 15 bits, from U+4000 on; the first has the length.
function unpack(name) {
  const { length, data } = packed[name];
  const bytes = new Uint8Array(length);
  let bits = 0, value = 0, at = 0;
  for (let i = 0; i < data.length; i++) {
    value = (value & 0xff) << 15 | data.charCodeAt(i) - 0x4000;
    bits += 15;
    while (bits >= 8 && at < length) {
      bits -= 8;
      bytes[at++] = value >> bits;
    }
  }
  return bytes;
}

const fromBase64 = base64 => Uint8Array.from(atob(base64), c => c.charCodeAt(0));

function toBase64(bytes) {
  let s = "";
  for (const b of bytes) s += String.fromCharCode(b);
  return btoa(s);
}

// An Engine is a worker with the Go program in it.
class Engine {
  constructor(wasm) {
    const url = URL.createObjectURL(new Blob([window.workerSource], { type: "text/javascript" })); // a page from file:// may load no other worker
    this.worker = new Worker(url);
    this.waiting = new Map();
    this.count = 0;
    this.worker.onmessage = ({ data }) => {
      const call = this.waiting.get(data.id);
      this.waiting.delete(data.id);
      if (!call) return showError(say("failed", { e: data.error }));
      data.error ? call.reject(new Error(data.error)) : call.resolve(data);
    };
    this.worker.onerror = e => { // it is dead: no call will be answered
      showError(say("failed", { e: e.message }));
      for (const { reject } of this.waiting.values()) reject(new Error(e.message));
      this.waiting.clear();
    };
    this.started = this.call("start", null, wasm);
  }

  call(method, request, bytes) {
    const id = ++this.count;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.worker.postMessage({ id, method, request, bytes });
    });
  }
}

function showError(message) {
  $("error").textContent = message || "";
  $("error").hidden = !message;
}

// ---- the picture ----

const state = { pixels: null, source: "", channels: [], infos: {} };
let engine, wasm;

const sliders = ["shiftX", "shiftY", "brightness", "square", "squareX", "squareY", "temperature"];
const initial = Object.fromEntries(sliders.map(id => [id, $(id).value]));
const temperature = () => 10 ** Number($("temperature").value);

function showSliders() {
  for (const id of sliders) {
    const v = Number($(id).value);
    $(id + "-value").textContent = id === "temperature" ? temperature().toFixed(2) : id === "brightness" ? (v > 0 ? "+" : "") + Math.round(100 * v) + "%" : say("px", { v });
    $(id).setAttribute("aria-valuetext", $(id + "-value").textContent);
  }
}

function takePicture(pixels, source) {
  Object.assign(state, { pixels, source, channels: [] });
  showError("");
  look();
}

async function takeFile(file) {
  if (!file) return showError(say("notFile"));
  try {
    const { result } = await engine.call("picture", null, new Uint8Array(await file.arrayBuffer()));
    for (const input of document.querySelectorAll("#tests input")) input.checked = false;
    takePicture(result, say("yours") + (file.name ? ": " + file.name : ""));
  } catch (e) {
    showError(say("bad", { e: e.message }));
  }
}

function paintPixels(canvas, pixels) {
  const image = new ImageData(32, 32);
  for (let i = 0; i < 1024; i++) image.data.set([pixels[3 * i], pixels[3 * i + 1], pixels[3 * i + 2], 255], 4 * i);
  canvas.getContext("2d").putImageData(image, 0, 0);
}

function canvas(width, height) {
  const c = document.createElement("canvas");
  c.width = width;
  c.height = height;
  return c;
}

function showTests(images) {
  const perClass = Array(10).fill(0);
  for (const { Index, Label, Pixels } of [...images].sort((a, b) => a.Label - b.Label || a.Index - b.Index)) {
    if (++perClass[Label] > 5) continue; // the others serve the training
    const label = document.createElement("label"), input = document.createElement("input"), picture = canvas(32, 32);
    const name = say("testImage", { class: text.classes[Label], i: Index });
    Object.assign(input, { type: "radio", name: "test", value: Index, title: name });
    input.setAttribute("aria-label", name);
    paintPixels(picture, fromBase64(Pixels));
    input.onchange = () => takePicture(Pixels, name);
    label.append(input, picture);
    $("tests").append(label);
  }
}

// ---- the answer ----

const network = () => document.querySelector("input[name=network]:checked").value;
const stages = model => model === "modern" ? 4 : 5;

let looking = false, again = false;
async function look() { // one request at a time; the last change wins
  if (!state.pixels || !engine || !state.infos[network()]) return; // a network that is being loaded looks when it is there
  if (looking) {
    again = true;
    return;
  }
  looking = true;
  try {
    do {
      again = false;
      const picture = state.pixels;
      const model = network() === "chapter" && !$("shortcuts").checked ? "cut" : network();
      const value = id => Number($(id).value);
      const { result, ms, memory } = await engine.call("look", {
        model, pixels: picture, temperature: temperature(), class: value("heat-class"), stage: value("heat-stage"),
        channels: state.channels,
        change: { shiftX: value("shiftX"), shiftY: value("shiftY"), brightness: value("brightness"),
          square: value("square"), squareX: value("squareX"), squareY: value("squareY") },
      });
      if (picture === state.pixels) {
        state.channels = result.Maps.map(m => m.Shown);
        show(result, model);
      }
      Object.assign(page, { probabilities: result.Probabilities, ms, memory, model, looks: page.looks + 1 });
      $("timing").textContent = say("timing", { ms: Math.round(ms) });
    } while (again);
  } catch (e) {
    showError(e.message);
  }
  looking = false;
}

function show(result, model) {
  const names = [...text.classes, say("others")];
  const answers = model === "cut" ? result.Probabilities : result.Probabilities.slice(0, 10); // the other 990 outputs are no class
  const best = answers.indexOf(Math.max(...answers));
  const chosen = Number($("heat-class").value);
  showPicture(result, names[chosen < 0 ? best : chosen]);
  $("source").textContent = state.source;
  const says = say("says", { class: names[best], p: percent(result.Probabilities[best]) });
  if ($("says").textContent !== says) $("says").textContent = $("strip-says").textContent = says; // a live region: speaks on every write
  $("strip-picture").getContext("2d").drawImage($("picture"), 0, 0);
  $("bars").lastChild.hidden = $("others").hidden = result.Probabilities.length === 10;
  result.Probabilities.forEach((p, i) => {
    const row = $("bars").children[i];
    row.classList.toggle("first", i === best);
    row.querySelector(".track div").style.width = percent(p);
    row.querySelector(".value").textContent = percent(p);
  });
  showMaps(result.Maps);
  const info = state.infos[model === "modern" ? "modern" : "chapter"];
  const data = info.data === "embedded JPEG copy" ? say("embedded") : info.data;
  const bits = info.dtype.replace(/\D/g, ""); // F16: 16
  $("about").textContent = say("about", { n: info.test_images, p: (100 * info.accuracy).toFixed(2) + "%", bits, data });
  $("about").hidden = model === "cut";
  $("cut").hidden = model !== "cut";
  $("shortcuts").parentElement.hidden = model === "modern";
}

function showPicture(result, className) {
  const c = $("picture").getContext("2d"), small = canvas(32, 32);
  paintPixels(small, fromBase64(result.Pixels));
  c.imageSmoothingEnabled = false;
  c.drawImage(small, 0, 0, 256, 256);
  const heat = result.Heat.flat(), n = result.Heat.length, largest = Math.max(...heat);
  const on = $("heat").checked && largest > 0;
  $("picture").setAttribute("aria-label", on ? say("pictureAltHeat", { class: className }) : say("pictureAlt"));
  if (!on) return;
  const glow = canvas(n, n), image = new ImageData(n, n);
  heat.forEach((v, i) => image.data.set([255, 110, 0, 190 * v / largest], 4 * i));
  glow.getContext("2d").putImageData(image, 0, 0);
  c.imageSmoothingEnabled = true;
  c.drawImage(glow, 0, 0, 256, 256);
}

function showMaps(maps) {
  while ($("maps").children.length > maps.length) $("maps").lastChild.remove();
  maps.forEach((m, i) => {
    let figure = $("maps").children[i];
    if (!figure) {
      figure = document.createElement("figure");
      figure.append(canvas(1, 1), document.createElement("figcaption"));
      figure.firstChild.setAttribute("role", "img");
      $("maps").append(figure);
    }
    paintMap(figure.firstChild, m);
    const name = i === 0 ? say("stem") : say("stage", { i });
    const caption = name + ": " + say(m.Silent ? "map" : "mapLive", { n: m.Size, c: m.Channels, s: m.Silent });
    figure.firstChild.setAttribute("aria-label", caption);
    figure.lastChild.textContent = caption;
  });
}

// paintMap draws 8×2 channels with a gap, or the channels of a single position as 32 columns.
function paintMap(canvas, m) {
  const values = fromBase64(m.Values), n = m.Size, columns = n === 1 ? 32 : 8, gap = n === 1 ? 0 : 2;
  const scale = n === 1 ? 1 : Math.ceil(24 / n); // so that a gap is narrower than a value
  const cell = n * scale + gap, rows = Math.ceil(m.Shown.length / columns);
  canvas.width = columns * cell - gap;
  canvas.height = rows * cell - gap;
  const c = canvas.getContext("2d");
  m.Shown.forEach((_, k) => {
    for (let i = 0; i < n * n; i++) {
      const v = values[k * n * n + i] / 255;
      c.fillStyle = `rgb(${18 + 237 * v ** 0.7} ${28 + 205 * v} ${60 + 90 * v ** 2})`;
      c.fillRect((k % columns) * cell + (i % n) * scale, Math.floor(k / columns) * cell + Math.floor(i / n) * scale, scale, scale);
    }
  });
}

// ---- training ----

const training = { engine: null, running: false, begun: false, losses: [], ms: [], loop: null };
const rate = () => 10 ** Number($("rate").value);

function showRate() {
  $("rate-value").textContent = rate() < 0.01 ? rate().toFixed(4) : rate().toFixed(3);
  $("rate").setAttribute("aria-valuetext", $("rate-value").textContent);
}

async function prepareTraining() {
  if (!training.engine) { // a worker of its own, so that the sliders above stay quick
    training.engine = new Engine(wasm);
    await training.engine.started;
    await training.engine.call("images", null, unpack("train"));
    await training.engine.call("images", null, unpack("test"));
  }
  if (!training.begun) {
    await training.engine.call("train", { shortcuts: $("train-shortcuts").checked, seed: 1 + Math.floor(Math.random() * 1e9) });
    Object.assign(training, { begun: true, losses: [] });
    $("test-accuracy").textContent = "";
  }
}

async function train() {
  if (training.running) {
    training.running = false;
    return;
  }
  training.running = true;
  $("start").textContent = say("stop");
  showError("");
  await training.loop; // of the training that has just been stopped: its last step may not be done yet
  training.loop = trainUntilStopped();
  await training.loop;
  if (!training.running) $("start").textContent = say(training.begun ? "goOn" : "start");
}

async function trainUntilStopped() {
  try {
    await prepareTraining();
    while (training.running) await trainStep();
  } catch (e) {
    training.running = false;
    showError(e.message);
  }
}

async function trainStep() {
  const evaluate = training.losses.length % 25 === 24;
  const { result, ms } = await training.engine.call("step", { learningRate: rate(), evaluate });
  if (!evaluate) training.ms.push(ms);
  page.steps = result.Step;
  if (result.Loss === null) {
    training.running = training.begun = false;
    showError(say("diverged"));
    return;
  }
  training.losses.push(result.Loss);
  $("loss").textContent = say("step", { n: result.Step, l: result.Loss.toFixed(3) }) + pace();
  if (result.TestAccuracy !== undefined) $("test-accuracy").textContent = say("test", { n: result.Step, p: percent(result.TestAccuracy) });
  drawCurve();
}

// pace tells how long 100 steps take, by the median of the last ones: the first are slower.
function pace() {
  const last = training.ms.slice(-9).sort((a, b) => a - b);
  return last.length < 9 ? "" : say("pace", { s: Math.max(1, Math.round(last[4] / 10)) });
}

async function restart() {
  training.running = false;
  await training.loop;
  training.begun = false;
  training.losses = [];
  $("loss").textContent = $("test-accuracy").textContent = "";
  $("start").textContent = say("start");
  showError("");
  drawCurve();
}

function drawCurve() {
  const left = 52, right = 628, top = 12, bottom = 264, highest = 3.5;
  const steps = Math.max(100, training.losses.length);
  const x = i => (left + (right - left) * i / steps).toFixed(1), y = l => (bottom - (bottom - top) * Math.min(l, highest) / highest).toFixed(1);
  let svg = "";
  for (const l of [0, 1, 2, 3]) svg += `<line class="grid" x1="${left}" x2="${right}" y1="${y(l)}" y2="${y(l)}"/><text x="${left - 8}" y="${+y(l) + 5}" text-anchor="end">${l}</text>`;
  for (const i of [0, 0.5, 1]) svg += `<text x="${x(i * steps)}" y="${bottom + 22}" text-anchor="${i === 1 ? "end" : "middle"}">${Math.round(i * steps)}</text>`;
  const guess = y(Math.log(10));
  svg += `<line class="guess" x1="${left}" x2="${right}" y1="${guess}" y2="${guess}"/><text x="${right}" y="${guess - 5}" text-anchor="end">${say("guess")}</text>`;
  svg += `<text x="${(left + right) / 2}" y="${bottom + 46}" text-anchor="middle">${say("steps")}</text><text x="18" y="${(top + bottom) / 2}" text-anchor="middle" transform="rotate(-90 18 ${(top + bottom) / 2})">${say("lossAxis")}</text>`;
  let mean = training.losses[0];
  const line = training.losses.map((l, i) => `${x(i + 1)},${y(mean += (l - mean) / Math.min(i + 1, 15))}`);
  const every = Math.ceil(training.losses.length / 400); // points that can still be told apart
  svg += training.losses.map((l, i) => i % every ? "" : `<circle cx="${x(i + 1)}" cy="${y(l)}" r="2.5"/>`).join("");
  $("curve").innerHTML = svg + `<polyline points="${line.join(" ")}"/>`;
}

// ---- start ----

function listen() {
  for (const id of sliders) $(id).oninput = () => { showSliders(); look(); };
  $("reset").onclick = () => { for (const id of sliders) $(id).value = initial[id]; showSliders(); look(); };
  for (const id of ["shortcuts", "heat", "heat-class", "heat-stage"]) $(id).onchange = look;
  for (const input of document.querySelectorAll("input[name=network]")) input.onchange = () => changeNetwork().catch(e => showError(e.message));
  $("drop").onclick = e => { if (e.target !== $("file")) $("file").click(); };
  $("file").onchange = () => {
    takeFile($("file").files[0]);
    $("file").value = ""; // the same file can be chosen again
  };
  document.onpaste = e => { if (!e.target.closest?.("#search")) takeFile(e.clipboardData.files[0]); };
  document.ondragover = e => { e.preventDefault(); $("drop").classList.add("over"); };
  document.ondragleave = () => $("drop").classList.remove("over");
  document.ondrop = e => { e.preventDefault(); $("drop").classList.remove("over"); takeFile(e.dataTransfer.files[0]); };
  $("rate").oninput = showRate;
  $("start").onclick = train;
  $("restart").onclick = restart;
}

function showReady() { $("status").textContent = say("ready", { s: (page.readyMs / 1000).toFixed(1) }); }

async function changeNetwork() {
  const name = network();
  if (!state.infos[name]) {
    $("status").textContent = say("loading");
    try {
      await loadNetwork(name);
    } catch (e) {
      document.querySelector("input[name=network][value=chapter]").checked = true;
      throw e;
    } finally {
      showReady();
    }
  }
  state.channels = [];
  look();
}

async function loadNetwork(name) {
  if (!packed[name]) await loadScript($(name).content.querySelector("script").getAttribute("src"));
  state.infos[name] = (await engine.call("load", { model: name }, unpack(name))).result;
  delete packed[name];
}

function loadScript(src) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    Object.assign(script, { src, onload: resolve, onerror: () => reject(new Error(src)) });
    document.body.append(script);
  });
}

async function main() {
  if (typeof WebAssembly !== "object" || typeof DecompressionStream !== "function") {
    $("status").hidden = true;
    showError(say("unsupported"));
    return;
  }
  $("bars").innerHTML = [...text.classes, say("others")].map(c => `<li><span>${c}</span><span class="track" aria-hidden="true"><div></div></span><span class="value"></span></li>`).join("");
  showSliders();
  showRate();
  drawCurve();
  listen();
  wasm = unpack("wasm");
  engine = new Engine(wasm);
  await engine.started;
  state.infos.chapter = (await engine.call("load", { model: "chapter" }, unpack("chapter"))).result;
  showTests((await engine.call("images", null, unpack("test"))).result);
  delete packed.chapter;
  delete packed.wasm;
  page.readyMs = performance.now();
  if (state.pixels) look(); // the reader's own, dropped while the network was loading
  else {
    const first = document.querySelector("#tests input");
    first.checked = true;
    first.onchange();
  }
  showReady();
  page.ready = true;
}

main().catch(e => showError(say("failed", { e: e.message })));
