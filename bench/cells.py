"""Takes the wait for the notebooks' cells apart: runs notebooks and prints the seconds of each phase, from GoNB's log.

    cells.py [--out FOLDER] [--join] [--cells] [--students 1,2,4,6,8 [--save FILE]] notebook.ipynb ...

EPOCHS, TRAIN_IMAGES, WORK and --join shorten the run, as in run_notebooks.py. --cells lists every cell, not only the medians.
--students runs each notebook in that many kernels at once, which share the caches, and adds the memory of all of them; --save writes
this for the last notebook as JSON, which bench/plots draws.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

import kernel
from run import cpu

# What GoNB logs when a phase begins; the last line ends a cell.
PHASES = {"parse": 'ExecuteCell: "', "goimports": "after s.parseLinesAndComposeMain()", "go get": "get", "go build": "after s.GoImports()",
          "program": "after s.Compile()", "end": "PostExecuteCell()"}
LINE = re.compile(r"^[IWE]\d{4} (\d\d:\d\d:\d\d\.\d{6}) .*?\] (.*)$")


def run(notebook, out, options):
    """Runs a notebook in a kernel that logs its phases and returns the log's lines."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "gonb.log")
        spec = kernel.spec(log)
        spec["argv"].append("-v=2")
        target = Path(folder, "kernels", "gonb", "kernel.json")
        target.parent.mkdir(parents=True)
        target.write_text(json.dumps(spec))
        command = [sys.executable, str(ROOT / "tools" / "run_notebooks.py"), "--out", str(out), *options, str(notebook)]
        subprocess.run(command, check=True, env={**os.environ, "JUPYTER_DATA_DIR": folder, "JUPYTER_PATH": folder})
        return log.read_text().splitlines()


def cells(lines):
    """The seconds of each phase, for each cell that was compiled."""
    begun = {}
    for line in lines:
        found = LINE.match(line)
        if not found:
            continue
        time, text = datetime.strptime(found[1], "%H:%M:%S.%f"), found[2]
        if text.startswith(PHASES["parse"]):
            begun = {}
        for phase, mark in PHASES.items():
            if mark in text if phase != "go get" else re.search(r"Executing \S*go get$", text):
                begun.setdefault(phase, time)
        if "end" in begun and "program" in begun:
            order = [name for name in PHASES if name in begun]
            yield {a: (begun[b] - begun[a]).total_seconds() % 86400 for a, b in zip(order, order[1:])}
            begun = {}


def row(name, values):
    print(f"{name:<24}" + "".join(f"{value:>11}" for value in values), flush=True)


class Memory(threading.Thread):
    """The largest memory (PSS, in MB) that the processes started from here had together, looked at each second."""

    def __init__(self):
        super().__init__(daemon=True)
        self.peak, self.stop = 0, threading.Event()

    def run(self):
        while not self.stop.wait(1):
            total = 0
            for process in psutil.Process().children(recursive=True):
                try:
                    total += process.memory_full_info().pss / 1e6
                except psutil.Error:
                    pass  # it has ended
            self.peak = max(self.peak, total)


def class_of(students, notebook, out, options):
    """Runs a notebook in several kernels at once; prints and returns the seconds of their cells."""
    memory = Memory()
    memory.start()
    start = datetime.now()
    with ThreadPoolExecutor(students) as pool:
        found = list(pool.map(lambda i: list(cells(run(notebook, out / str(i), options))), range(students)))
    minutes = (datetime.now() - start).total_seconds() / 60
    memory.stop.set()
    totals = [sum(cell.values()) for student in found for cell in student]
    median, slowest = statistics.median(totals), max(totals)
    row(f"{notebook.stem}, {students} at once", [f"{median:.2f}", f"{slowest:.2f}", f"{minutes:.1f}", f"{memory.peak:.0f}"])
    return {"students": students, "median": round(median, 2), "slowest": round(slowest, 2), "minutes": round(minutes, 1), "pss_mb": round(memory.peak)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, default=ROOT / "work" / "test" / "cells", help="folder for the executed notebooks")
    parser.add_argument("--join", action="store_true", help="up to ten cells as one program")
    parser.add_argument("--cells", action="store_true", help="list every cell")
    parser.add_argument("--students", type=lambda text: [int(n) for n in text.split(",")], help="numbers of kernels at once")
    parser.add_argument("--save", type=Path, help="JSON file for the result of --students")
    args = parser.parse_args()
    if args.save and not args.students:
        parser.error("--save needs --students")
    options = ["--join"] if args.join else []
    if args.students:
        row("seconds of a cell", ["median", "slowest", "minutes", "MB"])
        for notebook in args.notebooks:
            points = [class_of(n, notebook, args.out, options) for n in args.students]
        if args.save:
            found = {"machine": cpu(), "notebook": notebook.stem, "cores": len(os.sched_getaffinity(0)), "points": points}
            args.save.write_text(json.dumps(found, indent=1) + "\n")
        return
    columns = [name for name in PHASES if name != "end"] + ["cell", "slowest"]
    for notebook in args.notebooks:
        found = list(cells(run(notebook, args.out, options)))
        totals = [sum(cell.values()) for cell in found]
        row(f"{len(found)} cells, seconds", columns)
        for i, cell in enumerate(found if args.cells else []):
            row(f"  {i + 1}", [f"{cell.get(name, 0):.2f}" for name in columns[:-2]] + [f"{totals[i]:.2f}"])
        medians = [statistics.median(cell.get(name, 0) for cell in found) for name in columns[:-2]]
        row(notebook.stem, [f"{value:.2f}" for value in [*medians, statistics.median(totals), max(totals)]])


if __name__ == "__main__":
    main()
