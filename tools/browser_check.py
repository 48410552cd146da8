"""Runs a notebook in JupyterLab in headless Chromium, as a reader would, and takes a screenshot.

    .venv/bin/python tools/browser_check.py notebooks/01-data.ipynb shot.png

Starts `make lab`, opens a copy of the notebook, clicks Run > Run All Cells, waits until the kernel is idle and fails on any
error output. Needs `chromium` (or $CHROME). Settings such as EPOCHS reach the cells.
Not part of `make test`, which runs the same cells without a browser.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from base64 import b64decode
from pathlib import Path

import websocket  # a dependency of JupyterLab

ROOT = Path(__file__).resolve().parent.parent


def chromium():
    """The browser to use, or None."""
    return os.environ.get("CHROME") or next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class Page:
    """A browser tab, controlled over the DevTools protocol."""

    def __init__(self, folder, width=1500, height=1000):
        chrome = chromium()
        if not chrome:
            sys.exit("browser: no chromium or google-chrome on PATH; set CHROME to one")
        self.process = subprocess.Popen(
            [chrome, "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0",
             "--remote-allow-origins=*", f"--user-data-dir={folder}", f"--window-size={width},{height}", "about:blank"],
            stderr=subprocess.DEVNULL)
        try:
            self.connect(folder)
        except BaseException:  # of whatever kind, such as wait's: the caller has no page yet to close
            self.close()
            raise
        self.count, self.width = 0, width

    def connect(self, folder):
        port_file = Path(folder, "DevToolsActivePort")
        wait(30, "Chromium", lambda: port_file.exists() and port_file.read_text().count("\n"))
        port = port_file.read_text().split()[0]
        tabs = json.load(urllib.request.urlopen(f"http://127.0.0.1:{port}/json"))
        self.socket = websocket.create_connection(
            next(t for t in tabs if t["type"] == "page")["webSocketDebuggerUrl"], timeout=120)

    def close(self):
        self.process.terminate()
        self.process.wait()

    def call(self, method, **params):
        self.count += 1
        self.socket.send(json.dumps({"id": self.count, "method": method, "params": params}))
        while True:
            answer = json.loads(self.socket.recv())
            if answer.get("id") == self.count:
                return answer["result"]

    def js(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        return result["result"].get("value")

    def click(self, selector, text):
        """Clicks the first element of the selector whose text starts with text."""
        find = f"[...document.querySelectorAll('{selector}')].find(e => e.innerText.trim().startsWith('{text}'))"
        wait(20, f"'{text}'", lambda: self.js(f"!!{find}"))
        x, y = self.js(f"(r => [r.x + r.width / 2, r.y + r.height / 2])({find}.getBoundingClientRect())")
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def screenshot(self, path, height):
        self.call("Emulation.setDeviceMetricsOverride", width=self.width, height=height, deviceScaleFactor=1, mobile=False)
        time.sleep(3)
        Path(path).write_bytes(b64decode(self.call("Page.captureScreenshot")["data"]))


def wait(seconds, what, done):
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            sys.exit(f"timed out after {seconds} s, waiting for {what}")
        time.sleep(0.5)


def start_lab():
    """Starts `make lab` and returns (process, base address, token query)."""
    lab = subprocess.Popen(["make", "lab", "LAB_ARGS=--no-browser"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           text=True, start_new_session=True)
    for line in lab.stdout:
        print("make lab:", line, end="")
        if address := re.search(r"(http://127\.0\.0\.1:\d+)/\S*(\?token=\w+)", line):
            return lab, *address.groups()
    sys.exit("make lab ended without printing its address")


def main():
    notebook, picture = Path(sys.argv[1]), sys.argv[2]
    limit = int(os.environ.get("LIMIT", 1200))
    copy = ROOT / "notebooks" / "browser-check.ipynb"  # JupyterLab saves it automatically
    profile = tempfile.mkdtemp(prefix="browser-check-")
    lab = page = None
    try:
        shutil.copyfile(notebook, copy)
        lab, base, token = start_lab()
        page = Page(profile)
        page.call("Page.navigate", url=f"{base}/lab/tree/notebooks/{copy.name}{token}")
        kernels = f"{base}/api/kernels{token}"
        state = lambda: {k["execution_state"] for k in json.load(urllib.request.urlopen(kernels))}
        wait(90, "the notebook and its kernel", lambda: page.js("!!document.querySelector('.jp-NotebookPanel')") and state() == {"idle"})
        time.sleep(2)
        began = time.monotonic()
        page.click(".lm-MenuBar-itemLabel", "Run")
        page.click(".lm-Menu-itemLabel", "Run All Cells")
        time.sleep(3)
        # The kernel is idle between cells too, so wait until it is idle six times in a row.
        rest = lambda: state() == {"idle"} and not page.js("document.body.innerText.includes('[*]:')")
        wait(limit, "the cells", lambda: all(rest() and time.sleep(0.5) is None for _ in range(6)))
        print(f"all cells ran in {time.monotonic() - began:.0f} s")
        height = int(page.js("document.querySelector('.jp-WindowedPanel-viewport').scrollHeight") or 3000)
        page.screenshot(picture, min(max(height + 250, 1000), 12000))
        errors = page.js("document.querySelectorAll('[data-mime-type=\"application/vnd.jupyter.error\"]').length")
        print(f"{errors} errors; screenshot: {picture}")
        return 1 if errors else 0
    finally:
        if page:
            page.close()
        if lab:
            os.killpg(lab.pid, signal.SIGTERM)
            lab.wait()
        copy.unlink(missing_ok=True)
        shutil.rmtree(profile, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
