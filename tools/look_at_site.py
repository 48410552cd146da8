"""Takes screenshots of every page of site/ in headless Chromium: desktop and phone width, light and dark; and prints it as PDF.

    .venv/bin/python tools/look_at_site.py FOLDER [page.html ...]      SITE=another/site for other pages

Fails if a page is wider than the screen, a picture does not load, or anything is loaded from the network, and if axe-core finds a
serious breach of accessibility. axe-core is used if AXE names its file: npm install axe-core; AXE=node_modules/axe-core/axe.min.js.
Long pages are split into several screenshots. Needs `chromium` (or $CHROME). Not part of `make site`.
"""

import os
import shutil
import sys
import tempfile
import time
from base64 import b64decode
from pathlib import Path

from browser_check import Page, wait

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

AXE = Path(os.environ["AXE"]).read_text(encoding="utf-8") if "AXE" in os.environ else ""
BREACHES = """axe.run(document, {resultTypes: ['violations']}).then(r => r.violations.map(
  v => `axe, ${v.impact}: ${v.id}, ${v.help}: ${v.nodes.slice(0, 3).map(n => n.html.slice(0, 120)).join(' | ')} (${v.nodes.length})`))"""


def breaches(browser):
    """Axe's serious and critical findings on the page; it prints the others."""
    if not AXE:
        return []
    browser.js(AXE + ";0")
    found = browser.js(BREACHES)
    for line in found:
        if not line.startswith(("axe, serious", "axe, critical")):
            print(line)
    return [line for line in found if line.startswith(("axe, serious", "axe, critical"))]


def look(browser, page, name, width, folder):
    """Takes the screenshots of one page at one width, light and dark, and returns its problems."""
    problems = []
    browser.call("Emulation.setDeviceMetricsOverride", width=width, height=1000, deviceScaleFactor=1, mobile=width < 600)
    browser.call("Emulation.setTouchEmulationEnabled", enabled=width < 600)
    browser.call("Page.navigate", url=page.as_uri())
    wait(300, f"{name} to load", lambda: browser.js("document.readyState") == "complete" and browser.js("location.href") == page.as_uri())
    browser.js("document.querySelectorAll('details:not(.fold)').forEach(d => d.open = true)")
    for scheme in ("light", "dark"):
        browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        time.sleep(0.8)
        problems += [f"{name} {width} px {scheme}: {text}" for text in browser.js(MEASURE)]
        problems += [f"{name} {width} px {scheme}: {text}" for text in breaches(browser)]
        height = browser.js("document.documentElement.scrollHeight")
        for n, top in enumerate(range(0, height, PART), 1):
            clip = {"x": 0, "y": top, "width": width, "height": min(PART, height - top), "scale": 1}
            shot = browser.call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)["data"]
            (folder / f"{name}-{width}-{scheme}-{n}.png").write_bytes(b64decode(shot))
    return problems


def main():
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    site = Path(os.environ.get("SITE", ROOT / "site")).resolve()
    pages = [Path(arg).resolve() for arg in sys.argv[2:]] or sorted(site.rglob("*.html"))
    profile = tempfile.mkdtemp(prefix="look-at-site-")
    browser, problems = Page(profile), []
    browser.socket.settimeout(600)  # axe takes its time on a long page on a busy machine
    try:
        for page in pages:
            name = str(page.relative_to(site).with_suffix("")).replace("/", "-")
            for width in WIDTHS:
                problems += look(browser, page, name, width, folder)
            pdf = browser.call("Page.printToPDF", printBackground=True, paperWidth=8.27, paperHeight=11.69)["data"]
            (folder / f"{name}.pdf").write_bytes(b64decode(pdf))
    finally:
        browser.close()
        shutil.rmtree(profile, ignore_errors=True)
    for line in problems:
        print(line, file=sys.stderr)
    if not AXE:
        print("accessibility was not checked: set AXE to axe-core's axe.min.js")
    print(f"{len(pages)} pages, {len(list(folder.glob('*.png')))} screenshots in {folder}, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
