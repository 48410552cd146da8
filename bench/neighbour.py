"""Measures how much another busy process costs us and PyTorch on the CPU: python bench/neighbour.py, on an idle machine.

Each side computes with both cores free and beside a process that spins on one; "threads" is the number of XLA's threads, for which it
also compiles (PJRT_NPROC). Sides and conditions take turns. The table shows the median of wall and of processor time.

    neighbour.py [--rounds 3]
"""
import argparse, json, os, statistics, subprocess, sys
from run import PEER, PEERS, ROOT, TASKS, build, cpu

p = argparse.ArgumentParser()
p.add_argument("--rounds", type=int, default=3)
a = p.parse_args()
folder = build("./bench/ours")
cores = len(os.sched_getaffinity(0))
SIDES = {f"ours, {n} threads": ([folder / "ours"], "-", {"PJRT_NPROC": str(n)}) for n in (cores, 2 * cores)}
SIDES["PyTorch eager"] = ([PEER] + PEERS["PyTorch eager"][1], "--", {})


def measure(side, task, busy):
    """One process's seconds and processor time, beside a spinning process if busy."""
    program, dash, env = SIDES[side]
    spinning = subprocess.Popen([sys.executable, "-c", "while True: pass"]) if busy else None
    try:
        out = subprocess.run(program + [dash + x for x in TASKS[task][1]], cwd=ROOT, capture_output=True, text=True, check=True,
                             env={**os.environ, "GOMLX_BACKEND": "xla:cpu", "XDG_CACHE_HOME": str(folder / "cache"), **env}).stdout
    finally:
        if spinning:
            spinning.kill()
            spinning.wait()
    return json.loads(out.splitlines()[-1])


got = {}
for _ in range(a.rounds):
    for task in ("eval", "step64"):
        for side in SIDES:
            for busy in (False, True):
                m = measure(side, task, busy)
                for key in ("seconds", "cpu"):
                    got.setdefault((task, side, busy, key), []).extend(m[key])
print(f"{cpu()}, {cores} cores\n\n| work | side | free | beside a busy process | ratio |\n|---|---|---|---|---|")
for task in ("eval", "step64"):
    for side in SIDES:
        t = {busy: [statistics.median(got[task, side, busy, key]) for key in ("seconds", "cpu")] for busy in (False, True)}
        print(f"| {TASKS[task][0]} | {side} | {t[False][0]:.3f} s, {t[False][1]:.3f} s of processor time | "
              f"{t[True][0]:.3f} s, {t[True][1]:.3f} s | {t[True][0] / t[False][0]:.2f} |")
