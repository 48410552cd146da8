"""Checks how the notebooks are written: every rule is a line of what it prints when it fails.

    check_notebooks.py [notebook.ipynb ...]      without arguments: all of notebooks/

A code cell has at most 30 lines, half of them at most 10; text stands between any two; cells have unique ids that can be
read; links lead to files that are there; no saved output is an error. notebooks/QUESTIONS.md may only name cells that are
there. Plain Python, no packages.
"""

import json
import re
import sys
from pathlib import Path
from statistics import median
from urllib.parse import unquote

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
LONGEST, MEDIAN = 30, 10
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"(?ms)^```.*?^```|`[^`\n]*`")


def source(cell):
    return "".join(cell["source"])


def code_lines(text):
    return [line for line in text.splitlines() if line.strip() and line.strip() != "%%"]


def is_import(text):
    return text.lstrip().startswith("import (")


def check_cells(cells):
    """Lengths and order of a notebook's cells."""
    lengths = []
    for before, cell in zip([None] + cells, cells):
        if cell["cell_type"] != "code":
            continue
        n = len(code_lines(source(cell)))
        if n > LONGEST:
            yield cell["id"], f"{n} lines of code, want at most {LONGEST}"
        if not is_import(source(cell)):
            lengths.append(n)
        if before and before["cell_type"] == "code":
            yield cell["id"], f"a code cell right behind the code cell {before['id']}: say why in between"
        if any(o.get("output_type") == "error" for o in cell.get("outputs", [])):
            yield cell["id"], "a saved output is an error"
    if lengths and median(lengths) > MEDIAN:
        yield "-", f"half of the code cells have more than {median(lengths):g} lines, want at most {MEDIAN}"


def check_ids(nb):
    if (nb.get("nbformat"), nb.get("nbformat_minor")) != (4, 5):
        yield "-", f"format {nb.get('nbformat')}.{nb.get('nbformat_minor')}, want 4.5"
    seen = set()
    for i, cell in enumerate(nb["cells"]):
        id = cell.get("id", "")
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{1,63}", id) or re.fullmatch(r"[0-9a-f]{8}", id):
            yield id or f"cell {i}", "want an id that can be read, as adam-by-hand"
        if id in seen:
            yield id, "an id that another cell has"
        seen.add(id)


def check_links(text, folder):
    """Relative links must lead somewhere; an address with a scheme is not followed."""
    for match in LINK.finditer(FENCE.sub("", text)):
        target = unquote(match[1] or match[2]).split("#")[0]
        if target and not re.match(r"[a-z]+:", target) and not (folder / target).exists():
            yield f"a link to {target}, which is not there"


def check_folded(text):
    if len(re.findall(r"<details>", text)) != len(re.findall(r"</details>", text)):
        yield "<details> without its </details>, or the other way round"


def check_notebook(path):
    nb = json.loads(path.read_text(encoding="utf-8"))
    yield from check_ids(nb)
    yield from check_cells(nb["cells"])
    for cell in nb["cells"]:
        if cell["cell_type"] == "markdown":
            for problem in [*check_links(source(cell), path.parent), *check_folded(source(cell))]:
                yield cell["id"], problem


def check_questions(path):
    """In QUESTIONS.md a cell is written as [`01-data`](01-data.ipynb) `cell-id`, several ids one after the other."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        for name, rest in re.findall(r"\[`([^`]+)`\]\([^)]*\)((?:[ ,]*`[^`]+`)*)", line):
            notebook = path.parent / f"{name}.ipynb"
            if not notebook.exists():
                yield f"line {number}", f"no notebook {name}"
                continue
            ids = {c["id"] for c in json.loads(notebook.read_text(encoding="utf-8"))["cells"]}
            for id in re.findall(r"`([^`]+)`", rest):
                if id not in ids:
                    yield f"line {number}", f"{name} has no cell {id}"


def problems(paths):
    for path in paths:
        for where, what in check_notebook(path):
            yield f"{path.name}, {where}: {what}"
    for page in sorted(NOTEBOOKS.glob("*.md")):
        for what in check_links(page.read_text(encoding="utf-8"), NOTEBOOKS):
            yield f"{page.name}: {what}"
    if (NOTEBOOKS / "QUESTIONS.md").exists():
        for where, what in check_questions(NOTEBOOKS / "QUESTIONS.md"):
            yield f"QUESTIONS.md, {where}: {what}"


def main():
    paths = [Path(a) for a in sys.argv[1:]] or sorted(NOTEBOOKS.glob("[0-9]*.ipynb"))
    found = list(problems(paths))
    print("\n".join(found) or f"{len(paths)} notebooks are in order")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
