"""Takes screenshots of every page of site/ in headless Chromium: desktop and phone width, light and dark.

    .venv/bin/python tools/look_at_site.py FOLDER [page.html ...]

Fails if a page is wider than the screen, a picture does not load, or anything is loaded from the network. Long pages are
split into several screenshots. Needs `chromium` (or $CHROME). Not part of `make site`.
"""

import shutil
import sys
import tempfile
import time
from base64 import b64decode
from pathlib import Path

from browser_check import Page

ROOT = Path(__file__).resolve().parent.parent
WIDTHS = (1280, 390)  # desktop, phone
PART = 2400  # pixels

# Lists elements that overflow on the right, except inside a scrolling box.
MEASURE = """(() => {
  const width = document.documentElement.clientWidth, out = [];
  if (document.documentElement.scrollWidth > width) out.push('the page is ' + document.documentElement.scrollWidth + ' px wide');
  const scrolls = e => e && e !== document.body && (['auto', 'scroll', 'hidden'].includes(getComputedStyle(e).overflowX) || scrolls(e.parentElement));
  for (const e of document.querySelectorAll('main *, nav *, footer *, header *'))
    if (e.getBoundingClientRect().right > width + 1 && !scrolls(e.parentElement))
      out.push('overflows: ' + e.tagName + ' ' + e.textContent.trim().slice(0, 40));
  for (const i of document.images) if (!i.complete || !i.naturalWidth) out.push('picture missing: ' + i.getAttribute('src').slice(0, 80));
  for (const r of performance.getEntriesByType('resource')) if (!r.name.startsWith('file:') && !r.name.startsWith('data:')) out.push('loads ' + r.name);
  return out;
})()"""


def look(browser, page, name, width, folder):
    """Takes the screenshots of one page at one width, light and dark, and returns its problems."""
    problems = []
    for scheme in ("light", "dark"):
        browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        browser.call("Emulation.setDeviceMetricsOverride", width=width, height=1000, deviceScaleFactor=1, mobile=width < 600)
        browser.call("Page.navigate", url=page.as_uri())
        time.sleep(0.8)
        browser.js("document.querySelectorAll('details').forEach(d => d.open = true)")
        problems += [f"{name} {width} px {scheme}: {text}" for text in browser.js(MEASURE)]
        height = browser.js("document.documentElement.scrollHeight")
        for n, top in enumerate(range(0, height, PART), 1):
            clip = {"x": 0, "y": top, "width": width, "height": min(PART, height - top), "scale": 1}
            shot = browser.call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)["data"]
            (folder / f"{name}-{width}-{scheme}-{n}.png").write_bytes(b64decode(shot))
    return problems


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    site = ROOT / "site"
    pages = [Path(arg).resolve() for arg in sys.argv[2:]] or sorted(site.rglob("*.html"))
    profile = tempfile.mkdtemp(prefix="look-at-site-")
    browser, problems = Page(profile), []
    try:
        for page in pages:
            name = str(page.relative_to(site).with_suffix("")).replace("/", "-")
            for width in WIDTHS:
                problems += look(browser, page, name, width, folder)
    finally:
        browser.process.terminate()
        browser.process.wait()
        shutil.rmtree(profile, ignore_errors=True)
    for line in problems:
        print(line, file=sys.stderr)
    print(f"{len(pages)} pages, {len(list(folder.glob('*.png')))} screenshots in {folder}, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
