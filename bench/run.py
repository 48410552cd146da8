"""Measures this project and PyTorch in turn on the same work and writes bench/RESULTS.md: `make bench`.

Each task runs in a process of its own, ours and the peers' one after the other, for three rounds; the table
shows the median over all rounds. Quiet the machine first: nothing else may run.

    run.py [--rounds 3] [--tasks step64,step256,cifar64,eval,first,epoch]
"""
import argparse, json, os, platform, statistics, subprocess, sys, tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PEER = ROOT / ".venv-peers/bin/python"
TASKS = {  # name: (what, common arguments)
    "step64": ("training step, batch 64", ["task=step", "batch=64", "n=20"]),
    "step256": ("training step, batch 256", ["task=step", "batch=256", "n=12"]),
    "cifar64": ("training step, CIFAR stem, batch 64", ["task=step", "batch=64", "stem=cifar", "n=10"]),
    "eval": ("evaluation of 10,000 images", ["task=eval", "n=3"]),
    "first": ("process start to the end of the first step", ["task=first"]),
    "epoch": ("an epoch of 40,000 images with evaluation", ["task=epoch"]),
}


def run(command):
    out = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return json.loads(out.splitlines()[-1])


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--tasks", default=",".join(TASKS))
    a = p.parse_args()
    ours = Path(tempfile.mkdtemp()) / "ours"
    subprocess.run(["go", "build", "-o", ours, "./bench/ours"], cwd=ROOT, check=True)
    sides = {"ours": lambda args: [ours] + ["-" + x for x in args]}
    if PEER.exists():
        sides["PyTorch eager"] = lambda args: [PEER, "bench/torch_bench.py"] + ["--" + x for x in args]
        sides["PyTorch compiled"] = lambda args: [PEER, "bench/torch_bench.py", "--compile"] + ["--" + x for x in args]
    results = {}
    for task in a.tasks.split(","):
        what, args = TASKS[task]
        for r in range(a.rounds if task != "epoch" else 1):
            for side, command in sides.items():
                if side == "PyTorch compiled" and task in ("eval", "epoch", "first"):
                    continue
                m = run(command(args))
                got = results.setdefault(task, {}).setdefault(side, {"seconds": [], "peak_mb": 0})
                got["seconds"] += m["seconds"]
                got["peak_mb"] = max(got["peak_mb"], m["peak_mb"])
                print(f"{what}, round {r + 1}, {side}: {statistics.median(m['seconds']):.3f} s, {m['peak_mb']} MB", flush=True)
    write(results)


def write(results):
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    lines = ["Made by `make bench`. Medians; ratio = ours / the faster PyTorch.", "",
             f"Machine: {cpu()}, {os.cpu_count()} cores, {platform.system()}; commit {commit}.", "",
             "| work | ours | PyTorch eager | PyTorch compiled | ratio | memory ours / PyTorch |", "|---|---|---|---|---|---|"]
    for task, sides in results.items():
        median = {s: statistics.median(m["seconds"]) for s, m in sides.items()}
        peers = [v for s, v in median.items() if s != "ours"]
        cell = lambda s: f"{median[s]:.3f} s" if s in median else ""
        ratio = f"{median['ours'] / min(peers):.2f}" if peers else ""
        memory = f"{sides['ours']['peak_mb']} / {sides.get('PyTorch eager', {}).get('peak_mb', '')} MB"
        lines.append(f"| {TASKS[task][0]} | {cell('ours')} | {cell('PyTorch eager')} | {cell('PyTorch compiled')} | {ratio} | {memory} |")
    (ROOT / "bench/RESULTS.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


def cpu():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return platform.processor()


if __name__ == "__main__":
    sys.exit(main())
