"""Interrupts a training over the kernel protocol, like JupyterLab's stop button, and runs the cell again.

    .venv/bin/python tools/interrupt_check.py

The cells are notebook 03's, with few images. The interrupted cell must end without an error, say that it has saved, and leave
the checkpoint that it names. The same cell must then resume there and finish. Takes a minute or two.
"""

import json
import os
import re
import shutil
import sys
from pathlib import Path

from jupyter_client.manager import KernelManager

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "work" / "interrupt"
RUN = WORK / "runs" / "library-256-images"
STOPPED = r"stopped after step (\d+) of (\d+) and saved in"


def cells():
    """The cells of notebook 03 up to lab.Start, and its training cell."""
    notebook = json.loads((ROOT / "notebooks" / "03-train.ipynb").read_text())
    code = ["".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "code"]
    start = next(i for i, c in enumerate(code) if "start()" in c)
    return code[:start + 1], next(c for c in code if "l.Train(" in c)


def run(client, code, seen=lambda text: None):
    """Runs a cell, prints and returns its output. Exits if the cell fails."""
    request, text = client.execute(code), ""
    while True:
        message = client.get_iopub_msg(timeout=300)
        if message["parent_header"].get("msg_id") != request:
            continue
        kind, content = message["msg_type"], message["content"]
        if kind in ("display_data", "update_display_data"):  # the curves, with the line of progress as text
            content = {"text": content["data"]["text/plain"] + "\n"}
        if "text" in content:
            print(content["text"], end="", flush=True)
            text += content["text"]
            seen(text)
        elif kind == "error":
            sys.exit(f"interrupt: the cell failed: {content['ename']}: {content['evalue']}")
        elif kind == "status" and content["execution_state"] == "idle":
            return text


def check(kernel, client):
    first, training = cells()
    for code in first:
        run(client, code)

    sent = []

    def interrupt(text):
        step = re.search(r"step (\d\d+)/", text)  # a line of progress, some steps after the first
        if step and not sent:
            sent.append(step[1])
            print(f"\n--- interrupt, seen at step {step[1]}", flush=True)
            kernel.interrupt_kernel()

    text = run(client, training, interrupt)
    stopped = re.search(STOPPED, text) or sys.exit(f"interrupt: the interrupted cell did not print {STOPPED!r}")
    step, total = int(stopped[1]), int(stopped[2])
    if step >= total:
        sys.exit("interrupt: the training ended before the interrupt; raise EPOCHS in main")
    saved = RUN / f"checkpoint-{step:08d}.safetensors"
    if not saved.exists():
        sys.exit(f"interrupt: {saved} is missing")

    print("--- the same cell again", flush=True)
    text = run(client, training)
    for want in (f"resuming at step {step} of {total}", "[Train] Training done!"):
        if want not in text:
            sys.exit(f"interrupt: the second run did not print {want!r}")
    if not (RUN / f"checkpoint-{total:08d}.safetensors").exists():
        sys.exit("interrupt: the second run did not save its last checkpoint")
    print(f"--- stopped at step {step} of {total}, saved, resumed and finished")


def main():
    shutil.rmtree(RUN, ignore_errors=True)  # keeps the data for the next time
    env = dict(os.environ, EPOCHS="20", TRAIN_IMAGES="256", WORK=str(WORK))
    kernel = KernelManager(kernel_name="gonb")
    kernel.start_kernel(cwd=str(ROOT / "notebooks"), env=env)
    client = kernel.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=120)
        check(kernel, client)
    finally:
        client.stop_channels()
        kernel.shutdown_kernel()


if __name__ == "__main__":
    main()
