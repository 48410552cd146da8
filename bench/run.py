"""Compares the speed of this project and its peers on the CPU and writes bench/RESULTS.md: `make bench`.

Each task runs in its own process, ours and the peers' in turn, for three rounds; the table shows the median over all rounds.
JAX and Paddle are several times slower and run in the first round of some tasks only. Use an idle machine. At the end the machine's
limits are measured (bench/ours/roofline.go) and set beside the times.

    run.py [--rounds 3] [--tasks step64,step256,cifar64,eval,first,again,epoch,roofline] [--out bench/RESULTS.md]
"""
import argparse, atexit, json, os, platform, shutil, statistics, subprocess, sys, tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PEER = ROOT / ".venv-peers/bin/python"
PEERS = {  # name: (required module, program, tasks)
    "PyTorch eager": ("torchvision", ["bench/torch_bench.py"], ["step64", "step256", "cifar64", "eval", "first", "again", "epoch"]),
    "PyTorch compiled": ("torchvision", ["bench/torch_bench.py", "--compile"], ["step64", "step256", "cifar64"]),
    "JAX": ("flax", ["bench/jax_bench.py"], ["step64", "eval", "first"]),
    "Paddle": ("paddle", ["bench/paddle_bench.py"], ["step64", "eval", "first"]),
}
ONCE = ("JAX", "Paddle")
TASKS = {  # name: (description, common arguments)
    "step64": ("training step, batch 64", ["task=step", "batch=64", "n=20"]),
    "step256": ("training step, batch 256", ["task=step", "batch=256", "n=12"]),
    "cifar64": ("training step, CIFAR stem, batch 64", ["task=step", "batch=64", "stem=cifar", "n=10"]),
    "eval": ("evaluation of 10,000 images", ["task=eval", "n=3"]),
    "first": ("process start to the end of the first step, compiling", ["task=first"]),
    "again": ("the same with programs compiled before, as `make lab` does", ["task=first"]),
    "epoch": ("an epoch of 40,000 images with evaluation", ["task=epoch"]),
}


def build(*packages):
    """Builds programs into a new folder, removed at exit, and returns it."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, True)
    subprocess.run(["go", "build", "-o", folder, *packages], cwd=ROOT, check=True)
    return folder


def has(module):
    return PEER.exists() and subprocess.run([PEER, "-c", f"import importlib.util as u, sys; sys.exit(not u.find_spec('{module}'))"]).returncode == 0


def command(ours, side, args):
    """The command line of one side for a task."""
    return [ours] + ["-" + x for x in args] if side == "ours" else [PEER] + PEERS[side][1] + ["--" + x for x in args]


def run(command, cache=None):
    """Runs a command on the CPU and returns its JSON result; cache is the folder for our compiled programs."""
    env = {**os.environ, "GOMLX_BACKEND": "xla:cpu"}  # by default ours takes a GPU if there is one
    if cache:
        env["XDG_CACHE_HOME"] = str(cache)
    p = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=env)
    if p.returncode:
        sys.exit(f"bench: {' '.join(map(str, command))} failed:\n{p.stderr}")
    return json.loads(p.stdout.splitlines()[-1])


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--tasks", default=",".join([*TASKS, "roofline"]))
    p.add_argument("--out", type=Path, default=ROOT / "bench/RESULTS.md")
    a = p.parse_args()
    tasks = a.tasks.split(",")
    folder = build("./bench/ours")
    ours = folder / "ours"
    peers = [side for side, (module, _, _) in PEERS.items() if has(module)]
    results = {}
    for task in [t for t in tasks if t != "roofline"]:
        what, args = TASKS[task]
        for r in range(a.rounds if task != "epoch" else 1):
            for side in ["ours"] + peers:
                if side != "ours" and task not in PEERS[side][2] or r and side in ONCE:
                    continue
                once = ["n=1"] if side in ONCE and task == "eval" else []  # they take a minute each
                cache = folder / "cache"
                if side == "ours" and task == "first":
                    shutil.rmtree(cache, ignore_errors=True)
                m = run(command(ours, side, args + once), cache if side == "ours" else None)
                got = results.setdefault(task, {}).setdefault(side, {"seconds": [], "peak_mb": 0})
                got["seconds"] += m["seconds"]
                got["peak_mb"] = max(got["peak_mb"], m["peak_mb"])
                got["device"] = m["device"]
                print(f"{what}, round {r + 1}, {side}: {statistics.median(m['seconds']):.3f} s, "
                      f"{statistics.median(m['cpu']):.3f} s of processor time, {m['peak_mb']} MB", flush=True)
    lines = table(results) + (limits(run([ours, "-task=roofline"]), results) if "roofline" in tasks else [])
    a.out.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


def commit():
    """The commit: $COMMIT, or git's."""
    return os.environ.get("COMMIT") or subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip()


def table(results):
    sides = list(dict.fromkeys(side for got in results.values() for side in got))
    device = {side: m["device"] for got in results.values() for side, m in got.items()}
    lines = ["<!-- Made by `make bench`. -->", "# Speed on the CPU", "",
             "Median over all rounds, and the peak memory of the process. The ratio is our time divided by the faster PyTorch's.", "",
             f"Machine: {cpu()}, {os.cpu_count()} cores, {platform.system()}; commit {commit()}.  ",
             "Sides: " + "; ".join(f"{side}: {device[side]}" for side in sides) + ".", "",
             "| work | " + " | ".join(sides) + " | ratio |", "|---|" + "---|" * (len(sides) + 1)]
    for task, got in results.items():
        median = medians(got)
        cells = [f"{median[side]:.3f} s, {got[side]['peak_mb']} MB" if side in got else "" for side in sides]
        ratio = f"{median['ours'] / min(torch):.2f}" if (torch := pytorch(median)) else ""
        lines.append(f"| {TASKS[task][0]} | " + " | ".join(cells) + f" | {ratio} |")
    return lines


def medians(got):
    return {side: statistics.median(m["seconds"]) for side, m in got.items()}


def pytorch(median):
    return [v for side, v in median.items() if side.startswith("PyTorch")]


def limits(roofline, results):
    """The lines on the machine's limits; the counts are explained in bench/README.md."""
    triads = ", ".join(f"{b['gb_per_s']:.0f} GB/s with {b['mb']:.0f} MB" for b in roofline["bandwidth"])
    lines = ["", "## Limits of this machine", "",
             f"XLA multiplies two matrices of 2048×2048 at {roofline['square_gflops']:.0f} GFLOP/s, and computes triads (y = a + s·b) at {triads}. "
             "How the works are counted: [README.md](README.md#limits).", "",
             "| work | multiply-adds by definition, as executed | bytes at least, as executed | limit: products, memory | "
             "program: products, other kernels | ours | PyTorch |", "|---|---|---|---|---|---|---|"]
    slowest = ["", "The products that take longest, measured one by one:", "", "| work | product | times | GFLOP/s | together |", "|---|---|---|---|---|"]
    for task in [t for t in TASKS if t in roofline["works"]]:
        w, median = roofline["works"][task], medians(results.get(task, {}))
        times = [f"{v:.3f} s" if v else "" for v in (median.get("ours"), min(pytorch(median), default=None))]
        lines.append(f"| {TASKS[task][0]} | {w['direct_macs'] / 1e9:.2f}, {w['executed_macs'] / 1e9:.2f} G | {w['least_bytes'] / 1e9:.2f}, "
                     f"{w['moved_bytes'] / 1e9:.2f} GB | {w['peak_s']:.3f}, {w['least_bytes_s']:.3f} s | {w['products_s']:.3f}, "
                     f"{w['kernels_s']:.3f} s | {times[0]} | {times[1]} |")
        slowest += [f"| {TASKS[task][0]} | {p['product']} | {p['count']} | {p['gflops']:.0f} | {p['seconds']:.4f} s |" for p in w["slowest_products"]]
    return lines + slowest


def cpu():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return platform.processor()


if __name__ == "__main__":
    sys.exit(main())
