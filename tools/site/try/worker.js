// Runs in a worker: starts the Go program and passes it requests. wasm_exec.js, which defines Go, comes before it.
let ready;
const started = new Promise(resolve => { globalThis.started = resolve; });

async function start(gzipped) {
  const wasm = new Blob([gzipped]).stream().pipeThrough(new DecompressionStream("gzip"));
  const go = new Go();
  const { instance } = await WebAssembly.instantiate(await new Response(wasm).arrayBuffer(), go.importObject);
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
    const began = performance.now();
    const { result, error } = resnet18(method, JSON.stringify(request), bytes);
    if (error) throw new Error(error);
    postMessage({ id, result: JSON.parse(result), ms: performance.now() - began, memory: instance.exports.mem.buffer.byteLength });
  } catch (e) {
    postMessage({ id, error: e.message });
  }
};
