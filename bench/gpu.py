"""Compares the speed of this project, PyTorch and JAX on one GPU and writes bench/GPU.md: `make bench-gpu`.

The tasks are those of bench/run.py; "chapter" is the chapter's 30 epochs, from the extracted files to the test accuracy. GoMLX needs
XLA's plugin for CUDA (docker/README.md), and $PYTHON, or .venv-peers, needs PyTorch and JAX.

    gpu.py [--programs FOLDER] [--rounds 2] [--tasks step64,chapter] [--epochs 30]

FOLDER contains the programs ours (./bench/ours) and resnet18 (./cmd/resnet18), for a machine without Go.
"""
import argparse, json, os, re, shutil, statistics, subprocess, sys, tempfile, time
from pathlib import Path
from run import PEER, ROOT, build, commit

PYTHON = os.environ.get("PYTHON", PEER)
TASKS = {  # name: (description, arguments)
    "step64": ("training step, batch 64", ["task=step", "batch=64", "n=200"]),
    "step256": ("training step, batch 256", ["task=step", "batch=256", "n=100"]),
    "step1024": ("training step, batch 1024", ["task=step", "batch=1024", "n=40"]),
    "cifar256": ("training step, CIFAR stem, batch 256", ["task=step", "batch=256", "stem=cifar", "n=40"]),
    "eval": ("evaluation of 10,000 images", ["task=eval", "n=5"]),
    "first": ("process start to the end of the first step", ["task=first"]),
}
SIDES = {  # name: (arguments in a task, arguments in the chapter's training or None)
    "ours, bfloat16": (["-bfloat16"], ["-bfloat16"]),
    "ours, float32": ([], None),
    "PyTorch eager": (["--cuda"], None),
    "PyTorch compiled": (["--cuda", "--compile"], []),
    "JAX, float32": ([], None),
}


def output(what, side, command):
    """Returns what the command prints, or None after printing the error."""
    p = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if p.returncode:
        print(f"{what}, {side}: FAILED\n{p.stderr[-1500:]}", flush=True)
        return None
    return p.stdout


def measure(programs, name, rounds):
    """{side: median milliseconds of a task over all rounds}."""
    what, args = TASKS[name]
    seconds = {}
    for r in range(rounds):
        for side, (own, _) in SIDES.items():
            if side.startswith("ours"):
                command = [programs / "ours"] + ["-" + x for x in args] + own
            else:
                command = [PYTHON, "bench/jax_bench.py" if side.startswith("JAX") else "bench/torch_bench.py"] + ["--" + x for x in args] + own
            out = output(what, side, command)
            if out:
                m = json.loads(out.splitlines()[-1])
                seconds.setdefault(side, []).extend(m["seconds"])
                print(f"{what}, round {r + 1}, {side}: {1000 * statistics.median(m['seconds']):.2f} ms; {m['device']}", flush=True)
    return {side: 1000 * statistics.median(s) for side, s in seconds.items()}


def chapter(programs, epochs):
    """{side: seconds of the whole training process, and test accuracy}."""
    cells = {}
    work = tempfile.mkdtemp()
    output("data", "ours", [programs / "resnet18", "data", "-work", work])
    for side, (_, own) in SIDES.items():
        if own is None:
            continue
        start = time.time()
        if side.startswith("ours"):
            command = [programs / "resnet18", "train", "-work", work, "-epochs", str(epochs)] + own
        else:
            command = [PYTHON, "bench/torch_chapter.py", f"{work}/data/cifar-10-batches-py", "--epochs", str(epochs)]
        out = output("chapter", side, command)
        took = f"{time.time() - start:.1f} s"
        shutil.rmtree(f"{work}/runs", ignore_errors=True)  # or our next training would find this one finished
        if out:
            print(f"chapter, {side}: {took}\n" + "\n".join(line for line in out.splitlines() if line.startswith(("[", "backend", "trained"))), flush=True)
            cells[side] = f"{took}, {re.search(r'accuracy/loss: ([0-9.]+)', out)[1]}"
    return cells


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--programs", type=Path); p.add_argument("--rounds", type=int, default=2)
    p.add_argument("--tasks", default=",".join(TASKS) + ",chapter"); p.add_argument("--epochs", type=int, default=30)
    p.add_argument("--out", type=Path, default=ROOT / "bench/GPU.md")
    a = p.parse_args()
    if not a.programs:
        a.programs = build("./bench/ours", "./cmd/resnet18")
    card = output("card", "", ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]).strip()
    versions = output("versions", "", [PYTHON, "-c", "import torch, jax; print(f'PyTorch {torch.__version__}, JAX {jax.__version__}')"]).strip()
    lines = ["<!-- Made by `make bench-gpu`. -->", "# Speed on a GPU", "",
             f"GPU: {card} (driver), {os.cpu_count()} cores; {versions}; commit {commit()}.", "",
             "| work | " + " | ".join(SIDES) + " | ratio |", "|---|" + "---|" * (len(SIDES) + 1)]
    for name in a.tasks.split(","):
        if name == "chapter":
            cells = chapter(a.programs, a.epochs)
            lines.append(f"| the chapter's {a.epochs} epochs: whole process, test accuracy | " + " | ".join(cells.get(s, "") for s in SIDES) + " | |")
        else:
            ms = measure(a.programs, name, a.rounds)
            ratio = min(v for k, v in ms.items() if k.startswith("ours")) / min(v for k, v in ms.items() if k.startswith("PyTorch"))
            lines.append(f"| {TASKS[name][0]} | " + " | ".join(f"{ms[s]:.2f} ms" if s in ms else "" for s in SIDES) + f" | {ratio:.2f} |")
        a.out.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    sys.exit(main())
