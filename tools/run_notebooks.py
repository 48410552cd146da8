"""Executes notebooks in order, each in a fresh GoNB kernel, and saves them with their outputs.

    run_notebooks.py [--out FOLDER] [--join] [-v] notebook.ipynb ...

Without --out the notebooks are saved in place, with the outputs that readers see. With --join up to ten cells are compiled and run
as one program, which saves most of the compiler's time. The cells take EPOCHS and TRAIN_IMAGES (for
short runs) and WORK (the folder for their files) from the environment. The first cell that fails ends the run, and its
notebook is not saved in place.
"""

import argparse
import html
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

import translate
import trust


class Client(NotebookClient):
    """A NotebookClient that can echo the cells' output and knows which cell is running."""

    echo = False
    cell_number = 0

    def process_message(self, msg, cell, cell_index):
        self.cell_number = cell_index + 1
        if self.echo and msg["msg_type"] == "stream":
            print(msg["content"]["text"], end="", flush=True)
        if self.echo and msg["msg_type"] == "update_display_data":  # a figure that changes, with a line of text
            print(msg["content"]["data"].get("text/plain", ""), end="\r", flush=True)
        return super().process_message(msg, cell, cell_index)

    async def _async_cleanup_kernel(self):
        # After Ctrl-C nbclient shuts the kernel down twice, the second time without a kernel. The cell gets SIGINT and can save.
        if self.km is not None:
            await super()._async_cleanup_kernel()

    def stopped(self):
        return hasattr(self, "_async_cleanup_kernel_future")


def new_client(nb, folder, echo):
    client = Client(
        nb,
        kernel_name="gonb",
        timeout=None,  # training takes an hour
        iopub_timeout=60,  # so that the last output of a busy kernel is not lost
        coalesce_streams=True,  # one text per cell, with the last state of a progress line
        record_timing=False,  # timestamps would enlarge every diff
        resources={"metadata": {"path": str(folder)}},
    )
    client.echo = echo
    return client


def join(nb, limit):
    """Moves cells into the last of each group that makes one program: up to limit cells that run. The others stay, empty.

    A group ends where a cell has commands for GoNB, imports something or defines a name again.
    """
    group = Group()
    for cell in nb.cells:
        if cell.cell_type != "code":
            continue
        lines = cell.source.splitlines()
        if any(line.lstrip().startswith(("!", "%")) and line.strip() != "%%" for line in lines):
            group = Group()
            continue
        definitions, _, body = cell.source.partition("%%\n")
        imports = re.search("^import ", definitions, re.MULTILINE)  # must come before all else
        if imports or group.full(limit) or not group.names.isdisjoint(DEFINED.findall(definitions)):
            group = Group()
        group.add(cell, definitions, body)


# The name of a function, method with its type, type, constant or variable that a cell defines.
DEFINED = re.compile(r"^(?:func|type|const|var) (?:\(\w+ (\*?\w+)\) )?(\w+)", re.MULTILINE)


class Group:
    """Cells that are joined so far; the last of them has their code."""

    def __init__(self):
        self.cell, self.names, self.definitions, self.bodies = None, set(), [], []

    def full(self, limit):
        return len(self.bodies) >= limit

    def add(self, cell, definitions, body):
        if self.cell:
            self.cell.source, self.cell.outputs = "", []
        self.cell = cell
        self.names.update(DEFINED.findall(definitions))
        self.definitions.append(definitions)
        if body:
            self.bodies.append(body)
        cell.source = "\n\n".join(text.strip() for text in self.definitions)
        if len(self.bodies) == 1:
            cell.source += "\n\n%%\n" + self.bodies[0]
        elif self.bodies:  # functions, for each body has its own variables
            cell.source += "\n\n%%\n" + "\n".join(f"func() {{\n{text}\n}}()" for text in self.bodies)


def clean(nb, run):
    """Drops metadata that changes with every run, so that diffs show results; records the run."""
    nb.metadata = nbformat.from_dict({
        "kernelspec": {"name": "gonb", "display_name": "Go (gonb)", "language": "go"},
        "language_info": {"name": "go", "file_extension": ".go", "mimetype": "text/x-go"},
        "run": run,
    })
    for cell in nb.cells:
        cell.metadata.pop("execution", None)


def record(nb, seconds):
    """The run's time, hardware and settings, and the training times of the models that it uses, for the notebook's page."""
    source = "\n".join(cell.source for cell in nb.cells if cell.cell_type == "code")
    settings = {name: os.environ[name] for name in ("EPOCHS", "TRAIN_IMAGES") if os.environ.get(name)}
    return {"seconds": round(seconds), "hardware": hardware(), "trainings": trainings(source), **settings}


def hardware():
    names = re.findall(r"^model name\s*: (.+)$", text_of("/proc/cpuinfo"), re.MULTILINE)
    parts = [f"{names[0] if names else platform.processor() or platform.machine()}, {os.cpu_count()} cores"]
    if shutil.which("nvidia-smi"):
        query = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
        p = subprocess.run(query, capture_output=True, text=True)
        parts += p.stdout.splitlines() if p.returncode == 0 else []  # without its driver it prints the error there
    return ", ".join(parts)


def text_of(path):
    return Path(path).read_text() if Path(path).exists() else ""


def trainings(source):
    """{run: minutes and device} of each training in WORK/runs that the code opens by its name, from its newest checkpoint.

    The training can be older than this run of the notebook, which then only reads it. Notebook 07 opens none: its names are rows.
    """
    found = {}
    if not re.search(r"\.(Runner|Trained)\(", source):
        return found
    runs = Path(os.environ.get("WORK") or Path(__file__).resolve().parent.parent / "work", "runs")
    images = int(os.environ.get("TRAIN_IMAGES") or 0)
    suffix = f"-{images}-images" if images else ""  # of a short run's folder
    for folder in sorted(runs.glob(f"*{suffix}")):
        name = folder.name.removesuffix(suffix)
        checkpoints = sorted(folder.glob("checkpoint-*.safetensors")) if f'"{name}"' in source else []  # none in a file or an unreadable folder
        if checkpoints:
            if history := history_of(checkpoints[-1]):
                found[name] = {"minutes": round(history["seconds"] / 60, 1), "device": history["device"]}
    return found


def history_of(checkpoint):
    """The history in a checkpoint's metadata; none if the file is damaged, or is no file, such as a FIFO, which would wait for ever."""
    try:
        if not checkpoint.is_file():
            return {}
        with checkpoint.open("rb") as file:  # safetensors: length of the header, then the header as JSON
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(min(length, checkpoint.stat().st_size)))
        history = json.loads(header["__metadata__"]["history"])
        return history if {"seconds", "device"} <= history.keys() else {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def plain(output):
    """The text of an output without terminal colours. (GoNB shows compiler errors as HTML.)"""
    if output.output_type == "stream":
        return re.sub(r"\x1b\[[0-9;]*m", "", output.text)
    if output.output_type == "error":
        return f"{output.ename}: {output.evalue}\n"
    page = output.get("data", {}).get("text/html", "")
    page = re.sub(r"(?s)<style>.*?</style>|<[^>]*>", "", page)
    return re.sub(r"\n\s*\n+", "\n", html.unescape(page)).strip("\n") + "\n"


def report(path, client, error):
    """Prints which notebook and cell failed, its source and the end of its output."""
    cells = client.nb.cells
    print(f"\nFAILED {path}, cell {client.cell_number} of {len(cells)}:\n", file=sys.stderr)
    cell = cells[client.cell_number - 1]
    lines = [line for output in cell.get("outputs", []) for line in plain(output).splitlines()]
    if isinstance(error, DeadKernelError):
        lines.append("(the kernel died, perhaps out of memory; see .venv/gonb.log)")
    print("\n".join("    " + line for line in cell.source.splitlines()), file=sys.stderr)
    print("\noutput:\n\n" + "\n".join("    " + line for line in lines[-40:]), file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, help="save the executed copies there and keep the originals")
    parser.add_argument("--join", action="store_true", help="compile and run up to ten cells as one program; only with --out")
    parser.add_argument("-v", action="store_true", help="show the output of the cells as they run")
    args = parser.parse_args()
    if args.join and not args.out:
        parser.error("--join changes the cells: it needs --out")

    if missing := [str(path) for path in args.notebooks if not path.is_file()]:
        parser.error(f"no file: {', '.join(missing)}")

    start = time.monotonic()
    settings = [f"{name}={os.environ[name]}" for name in ("EPOCHS", "TRAIN_IMAGES", "WORK") if os.environ.get(name)]
    print(f"{len(args.notebooks)} notebooks", *settings, flush=True)
    for path in args.notebooks:
        print(f"{path} ...", end="\n" if args.v else " ", flush=True)
        nb, began = nbformat.read(path, as_version=4), time.monotonic()
        if args.join:
            join(nb, limit=10)
        target = args.out / path.name if args.out else path
        client = new_client(nb, path.resolve().parent, args.v)
        try:
            client.execute()
        except (CellExecutionError, DeadKernelError) as error:
            if client.stopped():
                sys.exit(f"\nstopped in {path}, cell {client.cell_number}; the notebook was not changed")
            report(path, client, error)
            if args.out:
                save(nb, target, {})
            sys.exit(1)
        save(nb, target, record(nb, time.monotonic() - began))
        if not args.out:
            trust.sign(nb)  # as JupyterLab does with cells that its user has run
        print(f"{time.monotonic() - began:.0f} s", flush=True)
    print(f"all passed in {time.monotonic() - start:.0f} s")


def save(nb, target, run):
    """Writes the notebook atomically."""
    clean(nb, run)
    target.parent.mkdir(parents=True, exist_ok=True)
    translate.write(nb, target)


if __name__ == "__main__":
    main()
