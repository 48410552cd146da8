"""Builds and checks the teacher's pack, notebooks/teaching/.

    teaching.py build       slides and cheat sheet as PDF, with Marp (npx), Chromium and the fonts fonts-liberation and fonts-noto-cjk
    teaching.py check       fails if a text is wrong or the PDFs are older than their sources: `make text` runs it

check reads every text part by part: slide by slide, or section by section, or question by question. A part cites cells as 04-evaluate `04-05` `three-sets`,
in the text, in a link or in a comment; `three-sets` [4] says that it is the fourth code cell, which JupyterLab shows as [4]. Each number with
a decimal point, each percentage and each number above 100 must occur in a cited cell, its text, code or saved output, or be the result of a
calculation in a comment:

    <!-- 4.85 = log(100) + 0.7**2 / 2 -->

The Chinese text has the same parts with the same cells. SHA256SUMS has the digests of the PDFs and of all that they are made from.
"""

import functools
import hashlib
import json
import math
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import project_files
from browser_check import chromium
from check_notebooks import check_folded, check_links

ROOT = Path(__file__).resolve().parent.parent
FOLDER, NOTEBOOKS = ROOT / "notebooks" / "teaching", ROOT / "notebooks"
SITE = ROOT / "site" / "teaching"  # has copies of the PDFs
PRINTED = ("slides.md", "slides.zh.md", "sheet.md", "sheet.zh.md")
PDFS = tuple(name.replace(".md", ".pdf") for name in PRINTED)
MARP = "@marp-team/marp-cli@4.5.1"

SLIDE, SECTION = re.compile(r"^---$", re.MULTILINE), re.compile(r"^(?=#{1,3} |\*\*\d+\.\*\*)", re.MULTILINE)
CITED = re.compile(r"\b(0\d-[a-z][a-z0-9-]*)(?:\.ipynb)?`?\]?(?:\([^)\s]*\))?((?:[ ,、和]*`[\w-]+`(?: \[\d+\])?)+)")
NUMBERED = re.compile(r"`([\w-]+)`(?: \[(\d+)\])?")
CALCULATED = re.compile(r"<!-- ([\d.]+%?) = (.+?) -->")
IGNORED = re.compile(r"<!--.*?-->|!\[[^\]]*\]|\]\([^)]*\)|`[^`\n]*`|^```.*?^```", re.DOTALL | re.MULTILINE)
NUMBER = re.compile(r"(?<![A-Za-z0-9_.])\d+(?:\.\d+)?%?(?!\.?\d)")
IMAGE = re.compile(r"!\[[^\]]*\]\(([^)\s]+)\)")


def plain(text):
    """text with numbers as 1234.5, without commas between digits."""
    return re.sub(r"(?<=\d)(?:,|\{,\})(?=\d{3}(?!\d))", "", text)


def body(text):
    """text without the front matter that Marp reads."""
    return re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL)


def parts(text):
    """The slides, or the sections and numbered questions."""
    text = body(text)
    return (SLIDE if SLIDE.search(text) else SECTION).split(text)


@functools.cache
def read(notebook):
    return json.loads((NOTEBOOKS / f"{notebook}.ipynb").read_text(encoding="utf-8"))["cells"]


def cells(notebook):
    """{cell id: text} of a notebook: what was written and what was printed."""
    return {cell["id"]: plain("\n".join([*cell["source"], *printed(cell)])) for cell in read(notebook)}


def code_cells(notebook):
    """The ids of a notebook's code cells in their order."""
    return [cell["id"] for cell in read(notebook) if cell["cell_type"] == "code"]


def printed(cell):
    for output in cell.get("outputs", []):
        yield from output.get("text", [])
        for kind in ("text/plain", "text/markdown"):
            value = output.get("data", {}).get(kind, [])
            yield from [value] if isinstance(value, str) else value


def cited(part):
    """[(notebook, cell id, its number or "")] in the order of the text."""
    return [(name, cell, number) for name, ids in CITED.findall(part) for cell, number in NUMBERED.findall(ids)]


def check_part(part):
    """Yields the cells that do not exist or have another number, wrong calculations, and numbers without a source."""
    known = []
    for notebook, cell, number in cited(part):
        text = cells(notebook).get(cell) if (NOTEBOOKS / f"{notebook}.ipynb").exists() else None
        if text is None:
            yield f"{notebook} has no cell {cell}"
        elif number and code_cells(notebook)[int(number) - 1:int(number)] != [cell]:
            yield f"{notebook} has {cell} not as its code cell {number}"
        known.append(text or "")
    for number, formula in CALCULATED.findall(plain(part)):
        value = eval(formula, {"__builtins__": {}}, vars(math))  # our own texts
        digits = len(number.rstrip("%").partition(".")[2])
        if f"{value:.{digits}f}" != number.rstrip("%"):
            yield f"{formula} is {value:.{digits}f}, not {number}"
        known.append(number)
    for number in NUMBER.findall(IGNORED.sub(" ", plain(part))):
        if needs_source(number) and not any(occurs(number, text) for text in known):
            yield f"{number} is in none of the cells that this part cites"


def needs_source(number):
    return "." in number or number.endswith("%") or int(number) > 100


def occurs(number, text):
    return re.search(rf"(?<![\d.]){re.escape(number)}(?!\d|\.\d)", text) is not None


def check_text(path):
    text = path.read_text(encoding="utf-8")
    yield from check_links(text, path.parent)
    yield from check_folded(text)
    for part in parts(text):
        title = next((line for line in part.splitlines() if line.startswith("#")), part.strip()[:40])
        for problem in check_part(part):
            yield f"{title.strip('# ')}: {problem}"


def check_pair(path):
    """Yields how the Chinese text differs from the English one, path, in its parts and cells."""
    chinese = path.with_suffix(".zh.md")
    if not chinese.exists():
        yield "has no Chinese text"
        return
    ours, theirs = (parts(p.read_text(encoding="utf-8")) for p in (path, chinese))
    if len(ours) != len(theirs):
        yield f"{len(ours)} parts, in Chinese {len(theirs)}"
    for a, b in zip(ours, theirs):
        if sorted(cited(a)) != sorted(cited(b)):
            yield f"cells {cited(a)}, in Chinese {cited(b)}"


def digests(names):
    return {name: hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() for name in names if (FOLDER / name).exists()}


def printed_files():
    """The names of the PDFs and of all that they are made from."""
    images = {image for name in PRINTED for image in IMAGE.findall((FOLDER / name).read_text(encoding="utf-8"))}
    return sorted([*PRINTED, *PDFS, "theme.css", *images])


def check_digests():
    path, now = FOLDER / "SHA256SUMS", digests(printed_files())
    then = project_files.sums(path)
    changed = sorted(name for name in now.keys() | then.keys() if now.get(name) != then.get(name))
    copies = [name for name in PDFS if (SITE / name).exists() and (SITE / name).read_bytes() != (FOLDER / name).read_bytes()]
    if copies:
        yield f"not the copies in site/teaching: {', '.join(copies)}; run: make site"
    if changed:
        yield f"changed since the PDFs were made: {', '.join(changed)}; run: make teaching"


def texts():
    return sorted(path for path in FOLDER.glob("*.md"))


def problems():
    for path in texts():
        pair = () if path.name.endswith(".zh.md") else check_pair(path)
        for what in [*check_text(path), *pair]:
            yield f"{path.relative_to(ROOT)}: {what}"
    for what in check_digests():
        yield f"{FOLDER.relative_to(ROOT)}: {what}"


def build():
    browser = chromium()
    if not browser or not shutil.which("npx"):
        sys.exit("teaching: needs Chromium and Node (Debian: apt-get install chromium nodejs npm fonts-liberation fonts-noto-cjk)")
    command = ["npx", "--yes", MARP, "--no-stdin", "--allow-local-files", "--no-parallel", "--browser-timeout", "300",
               "--theme-set", "theme.css", "--pdf", *PRINTED]
    subprocess.run(command, cwd=FOLDER, check=True, env={"CHROME_PATH": browser, **os.environ})
    for name in filter(lambda name: (SITE / name).exists(), PDFS):
        shutil.copyfile(FOLDER / name, SITE / name)
    project_files.write_sums(FOLDER / "SHA256SUMS", digests(printed_files()))


def main():
    if sys.argv[1:] == ["build"]:
        build()
    found = list(problems())
    print("\n".join(found) or f"teaching: {len(texts())} texts checked")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
