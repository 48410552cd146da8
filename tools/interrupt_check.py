"""Stops a training as JupyterLab's stop button does, through the kernel's protocol, and runs the cell again.

    .venv/bin/python tools/interrupt_check.py

The cells are notebook 03's, with few images. The interrupted cell must end without an error, say that all is saved and
leave the checkpoint that it names. The same cell must then go on from there to the end. Takes a minute or two.
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
RUN = WORK / "runs" / "library"
STOPPED = r"stopped after step (\d+) of (\d+) and saved in"


def cells():
    """The first cells of notebook 03, up to the one that starts the lab, and its training cell."""
    notebook = json.loads((ROOT / "notebooks" / "03-train.ipynb").read_text())
    code = ["".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "code"]
    start = next(i for i, c in enumerate(code) if "start()" in c)
    return code[:start + 1], next(c for c in code if "l.Train(" in c)


def run(client, code, seen=lambda text: None):
    """Runs a cell, shows what it prints, and returns that. An error in the cell ends this program."""
    request, text = client.execute(code), ""
    while True:
        message = client.get_iopub_msg(timeout=300)
        if message["parent_header"].get("msg_id") != request:
            continue
        kind, content = message["msg_type"], message["content"]
        if kind == "stream":
            print(content["text"], end="", flush=True)
            text += content["text"]
            seen(text)
        elif kind == "error":
            sys.exit(f"the cell ended in an error: {content['ename']}: {content['evalue']}")
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
    stopped = re.search(STOPPED, text) or sys.exit("the interrupted cell does not say that it has stopped and saved")
    step, total = int(stopped[1]), int(stopped[2])
    if step >= total:
        sys.exit("the training was at its end before the interrupt came: give it more epochs")
    saved = RUN / f"checkpoint-{step:08d}.safetensors"
    if not saved.exists():
        sys.exit(f"there is no {saved}")

    print("--- the same cell again", flush=True)
    text = run(client, training)
    for want in (f"(going on at step {step} of {total})", "[Train] Training done!"):
        if want not in text:
            sys.exit(f"the second run of the cell does not say: {want}")
    if not (RUN / f"checkpoint-{total:08d}.safetensors").exists():
        sys.exit("the second run has not saved its end")
    print(f"--- stopped at step {step} of {total}, saved, and gone on to the end")


def main():
    shutil.rmtree(RUN, ignore_errors=True)  # the data stays for the next time
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
