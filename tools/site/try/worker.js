// Runs in a worker: starts the Go program and passes it requests. wasm_exec.js, which defines Go, comes before it.
let ready;
const started = new Promise(resolve => { globalThis.started = resolve; });

// unzip unpacks what is gzipped, faster than the Go program could.
async function unzip(bytes) {
  if (bytes?.[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function start(wasm) {
  const go = new Go();
  const { instance } = await WebAssembly.instantiate(await unzip(wasm), go.importObject);
  go.run(instance).then(() => postMessage({ id: 0, error: "the program has ended" }));
  await started;
  return instance;
}

onmessage = async ({ data: { id, method, request, bytes } }) => {
  try {
    if (method === "start") {
      await (ready = start(bytes));
      postMessage({ id, result: null });
      return;
    }
    const instance = await ready;
    const unzipped = await unzip(bytes);
    const began = performance.now();
    const { result, error } = resnet18(method, JSON.stringify(request), unzipped);
    if (error) throw new Error(error);
    postMessage({ id, result: JSON.parse(result), ms: performance.now() - began, memory: instance.exports.mem.buffer.byteLength });
  } catch (e) {
    postMessage({ id, error: e.message });
  }
};
