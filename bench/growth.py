"""Measures how the cost grows with batch size, threads and number of images, ours and PyTorch's: `make bench-growth`.

Writes bench/growth.json, which bench/plots draws. Use an idle machine.
"""
import json, os, statistics, subprocess, sys
from run import ROOT, build, command, cpu, has, run

BATCHES = [2, 4, 8, 16, 32, 64, 128, 256, 512]  # batch norm on 1×1 maps needs two images
IMAGES = [1000, 5000, 10000, 20000, 40000, 60000]


def main():
    ours = build("./bench/ours") / "ours"
    sides = ["ours"] + (["PyTorch eager"] if has("torchvision") else [])
    growth = {"machine": f"{cpu()}, {os.cpu_count()} cores", "batch": [], "images": []}

    def measure(plot, x, args, threads=os.cpu_count()):
        for side in sides:
            pin = ["taskset", "-c", ",".join(map(str, range(threads)))]
            m = run(pin + command(ours, side, args))
            growth[plot].append({"side": side, "threads": threads, "x": x, "seconds": statistics.median(m["seconds"]), "peak_mb": m["peak_mb"]})
            print(growth[plot][-1], flush=True)

    for threads in sorted({1, os.cpu_count()}):
        for batch in BATCHES:
            measure("batch", batch, ["task=step", f"batch={batch}", f"n={12 if batch < 128 else 6}"], threads)
    for images in IMAGES:
        measure("images", images, ["task=epoch", f"images={images}"])
    (ROOT / "bench/growth.json").write_text(json.dumps(growth, indent=1) + "\n")
    subprocess.run(["go", "run", "./bench/plots"], cwd=ROOT, check=True)


if __name__ == "__main__":
    sys.exit(main())
