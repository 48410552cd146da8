"""Drives the page with the network in headless Chromium and compares it with the command.

    .venv/bin/python tools/try_check.py [SITE]      default: site/, from file:// and offline; or the address that resnet18 serve prints

Drops pictures, moves a slider with the keyboard, cuts the shortcuts, changes the network, trains one. Fails if a probability differs by more than
0.001 from `resnet18 predict` with the same weights, or if the page reports an error. Prints times, which it does not judge. Without
Chromium it is skipped.
"""

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from browser_check import Page, chromium, wait

ROOT = Path(__file__).resolve().parent.parent
PHOTOS = sorted((ROOT / "notebooks" / "photos").glob("*.jpg"))
TOLERANCE = 1e-3
CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


def predicted():
    """The command's five most probable classes of each photo, with the weights that come with the project."""
    with tempfile.TemporaryDirectory() as work:  # no training of the user's own
        out = subprocess.run(["go", "run", "./cmd/resnet18", "predict", "-json", *map(str, PHOTOS)], cwd=ROOT, check=True,
                             capture_output=True, text=True, env={**os.environ, "WORK": work}).stdout
    return [{c["class"]: c["probability"] for c in json.loads(line)["top"]} for line in out.splitlines() if line.startswith("{")]


class Try:
    """The page in a browser."""

    def __init__(self, browser, address):
        self.browser = browser
        browser.call("Network.enable")
        offline = address.startswith("file:")
        browser.call("Network.emulateNetworkConditions", offline=offline, latency=0, downloadThroughput=-1, uploadThroughput=-1)
        browser.call("Page.navigate", url=address)
        wait(120, "the network", lambda: self.js("window.tryPage?.ready || !document.getElementById('error').hidden"))
        self.no_error()
        wait(60, "the first answer", lambda: self.js("tryPage.looks") > 0)

    def js(self, expression):
        return self.browser.js(expression)

    def no_error(self):
        if error := self.js("document.getElementById('error').textContent"):
            sys.exit(f"try: the page says: {error}")

    def answer(self, action):
        """Runs a JavaScript statement and returns the probabilities that follow from it."""
        before = self.js("tryPage.looks")
        self.js(action)
        wait(60, "an answer", lambda: self.js("tryPage.looks") > before or not self.js("document.getElementById('error').hidden"))
        self.no_error()
        return self.js("tryPage.probabilities")

    def drop(self, path):
        content = base64.b64encode(path.read_bytes()).decode()
        return self.answer(f"""(() => {{
            const files = new DataTransfer();
            files.items.add(new File([Uint8Array.from(atob("{content}"), c => c.charCodeAt(0))], "{path.name}"));
            document.getElementById("drop").dispatchEvent(new DragEvent("drop", {{ dataTransfer: files, bubbles: true, cancelable: true }}));
        }})()""")

    def press(self, element, key, code):
        self.js(f"document.getElementById('{element}').focus()")
        for kind in ("keyDown", "keyUp"):
            self.browser.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, nativeVirtualKeyCode=code)


def check(page):
    problems = []
    print(f"ready after {page.js('tryPage.readyMs') / 1000:.2f} s, heap {page.js('tryPage.memory') / 1e6:.0f} MB")
    for photo, want in zip(PHOTOS, predicted(), strict=True):
        got = page.drop(photo)
        worst = max(abs(got[CLASSES.index(name)] - p) for name, p in want.items())
        print(f"{photo.name}: largest difference to resnet18 predict {worst:.1e}; {page.js('tryPage.ms'):.0f} ms")
        if worst > TOLERANCE:
            problems.append(f"{photo.name}: the page says {got}, resnet18 predict {want}")
    warm = [page.answer("look()") and page.js("tryPage.ms") for _ in range(10)]
    print(f"a prediction with feature maps and Grad-CAM: median {sorted(warm)[5]:.0f} ms, heap {page.js('tryPage.memory') / 1e6:.0f} MB")

    before = page.js("tryPage.probabilities")
    count = page.js("tryPage.looks")
    page.press("shiftX", "ArrowRight", 39)
    wait(60, "the slider's answer", lambda: page.js("tryPage.looks") > count)
    if page.js("tryPage.probabilities") == before:
        problems.append("a shift by one pixel does not change the answer")
    if page.answer("document.getElementById('reset').click()") != before:
        problems.append("the answer after all changes are undone is not the first one")
    if page.answer("document.getElementById('shortcuts').click()") == before or page.js("tryPage.model") != "cut":
        problems.append("cutting the shortcuts does not change the answer")
    page.answer("document.getElementById('shortcuts').click()")
    problems += switch(page, before)

    page.js("document.getElementById('start').focus()")
    page.press("start", " ", 32)
    wait(300, "30 training steps", lambda: page.js("tryPage.steps") >= 30 or not page.js("document.getElementById('error').hidden"))
    page.no_error()
    losses = page.js("training.losses")
    print(f"training: loss {losses[0]:.2f}, then {sum(losses[20:30]) / 10:.2f} (mean of steps 21 to 30)")
    if not sum(losses[20:30]) / 10 < losses[0]:
        problems.append(f"the training does not learn: {losses}")
    page.js("document.getElementById('start').click()")
    wait(60, "the end of the training", lambda: not page.js("training.running"))

    page.js("takeFile(new File(['no picture'], 'letter.txt'))")
    wait(20, "an error for a text file", lambda: not page.js("document.getElementById('error').hidden"))
    return problems


def switch(page, before):
    """Changes to the modern network, with a slider moved while it is loading, and back."""
    modern = "document.querySelector('input[name=network][value=modern]:not(:disabled)')"
    if not page.js(f"!!{modern}"):
        print("no modern network: data/weights/ has none")
        return []
    probabilities = page.answer(f"{modern}.click(); document.getElementById('shiftX').oninput()")
    problems = []
    if page.js("tryPage.model") != "modern" or len(probabilities) != 10:
        problems.append(f"the modern network does not answer: {page.js('tryPage.model')}, {probabilities}")
    if page.answer("document.querySelector('input[name=network][value=chapter]').click()") != before:
        problems.append("the chapter's network answers otherwise after the modern one")
    return problems


def main():
    site = sys.argv[1] if len(sys.argv) > 1 else str(ROOT / "site")
    page = Path(site, "en", "try.html").resolve()
    address = site.rstrip("/") + "/en/try.html" if site.startswith("http:") else page.as_uri()
    if address.startswith("file:") and not page.exists():
        print(f"try: skipped: {page} does not exist (make site builds it if there are weights in data/weights/)")
        return 0
    if not chromium():
        print("try: skipped: no chromium or google-chrome on PATH; set CHROME to one")
        return 0
    profile = tempfile.mkdtemp(prefix="try-check-")
    browser = Page(profile)
    try:
        problems = check(Try(browser, address))
    finally:
        browser.close()
        shutil.rmtree(profile, ignore_errors=True)
    for problem in problems:
        print(f"try: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
