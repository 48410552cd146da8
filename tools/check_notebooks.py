"""Checks the form of the notebooks and prints every violation.

    check_notebooks.py [notebook.ipynb ...]      without arguments: all of notebooks/

A code cell has at most 30 lines of at most 90 columns, and half of the cells at most 10 lines; there is text between any two
code cells; Go code that a text quotes occurs in a source file or a code cell; cell ids are unique and readable; links lead to
existing files; no saved output is an error, and a cell that was run and shows something has one; notebooks/QUESTIONS.md and its
Chinese name the same existing cells. Uses no packages.
"""

import json
import re
import sys
from pathlib import Path
from statistics import median
from urllib.parse import unquote

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
LONGEST, MEDIAN, WIDEST = 30, 10, 90
SHOWS = re.compile(r"(?ms)^%%$.*\b(fmt\.Print|chart\.Show)")  # in the part that runs
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
GO_BLOCK = re.compile(r"(?ms)^```go\n(.*?)^```")
FENCE = re.compile(r"(?ms)^```.*?^```|`[^`\n]*`")


def source(cell):
    return "".join(cell["source"])


def code_lines(text):
    return [line for line in text.splitlines() if line.strip() and line.strip() != "%%"]


def is_import(text):
    return text.lstrip().startswith("import (")


def check_cells(cells):
    """Yields (cell id, problem) for the lengths and order of the code cells."""
    lengths = []
    for before, cell in zip([None] + cells, cells):
        if cell["cell_type"] != "code":
            continue
        n = len(code_lines(source(cell)))
        if n > LONGEST:
            yield cell["id"], f"{n} lines of code, at most {LONGEST} are allowed"
        for line in source(cell).splitlines():
            if len(line) > WIDEST:
                yield cell["id"], f"{len(line)} columns, at most {WIDEST} are shown on a page: {line.strip()}"
        if not is_import(source(cell)):
            lengths.append(n)
        if before and before["cell_type"] == "code":
            yield cell["id"], f"follows the code cell {before['id']} without text; add a sentence between them"
        if cell.get("execution_count") and not cell.get("outputs") and SHOWS.search(source(cell)):
            yield cell["id"], "it was run, but what it shows is not saved; run the notebook again"
        if any(o.get("output_type") == "error" for o in cell.get("outputs", [])):
            yield cell["id"], "a saved output is an error; run the notebook again"
    if lengths and median(lengths) > MEDIAN:
        yield "-", f"the median length of the code cells is {median(lengths):g} lines, at most {MEDIAN} are allowed"


def check_ids(nb):
    if (nb.get("nbformat"), nb.get("nbformat_minor")) != (4, 5):
        yield "-", f"format {nb.get('nbformat')}.{nb.get('nbformat_minor')}, must be 4.5"
    seen = set()
    for i, cell in enumerate(nb["cells"]):
        id = cell.get("id", "")
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{1,63}", id) or re.fullmatch(r"[0-9a-f]{8}", id):
            yield id or f"cell {i}", "the id must be readable, such as adam-by-hand"
        if id in seen:
            yield id, "duplicate id"
        seen.add(id)


def check_links(text, folder):
    """Yields relative links to files that do not exist."""
    for match in LINK.finditer(FENCE.sub("", text)):
        target = unquote(match[1] or match[2]).split("#")[0]
        if target and not re.match(r"[a-z]+:", target) and not (folder / target).exists():
            yield f"broken link to {target}"


def check_folded(text):
    if len(re.findall(r"<details>", text)) != len(re.findall(r"</details>", text)):
        yield "<details> and </details> do not match"


def sources():
    """The stripped lines of each Go file and each code cell, as one string with newlines around every line."""
    def lines(text):
        return "\n" + "\n".join(line.strip() for line in text.splitlines()) + "\n"
    for folder in ("cmd", "pkg", "examples"):
        for path in sorted((ROOT / folder).rglob("*.go")):
            yield lines(path.read_text(encoding="utf-8"))
    for path in sorted(NOTEBOOKS.glob("[0-9]*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                yield lines(source(cell))


def check_quotes(text, known):
    """Yields blocks of Go code whose lines do not occur in one source, in that order."""
    for block in GO_BLOCK.findall(text):
        quoted = "\n" + "\n".join(line.strip() for line in block.splitlines()) + "\n"
        if not any(quoted in lines for lines in known):
            yield "quoted code that is in no source file or cell: " + quoted.strip().splitlines()[0]


def check_notebook(path, known):
    nb = json.loads(path.read_text(encoding="utf-8"))
    yield from check_ids(nb)
    yield from check_cells(nb["cells"])
    for cell in nb["cells"]:
        if cell["cell_type"] == "markdown":
            text = source(cell)
            for problem in [*check_links(text, path.parent), *check_folded(text), *check_quotes(text, known)]:
                yield cell["id"], problem


def check_questions(path):
    """Yields cells named in QUESTIONS.md, as [`01-data`](01-data.ipynb) `cell-id`, `cell-id`, that do not exist."""
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


def places(path):
    """The links to notebooks and the cells named after them, row by row."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [re.findall(r"\]\([\w-]+\.ipynb\)|`[\w-]+`", line.rpartition(" | ")[2]) for line in lines if ".ipynb)" in line]


def problems(paths):
    known = list(sources())
    for path in paths:
        for where, what in check_notebook(path, known):
            yield f"{path.name}, {where}: {what}"
    for folder in sorted({NOTEBOOKS, ROOT, ROOT / "docker", ROOT / "bench"}):
        for page in sorted(folder.glob("*.md")):
            for what in check_links(page.read_text(encoding="utf-8"), folder):
                yield f"{page.name}: {what}"
    english, chinese = NOTEBOOKS / "QUESTIONS.md", NOTEBOOKS / "QUESTIONS.zh.md"
    for page in (english, chinese):
        for where, what in check_questions(page):
            yield f"{page.name}, {where}: {what}"
    if places(english) != places(chinese):
        yield f"{chinese.name}: names other cells than {english.name}"


def main():
    paths = [Path(a) for a in sys.argv[1:]] or sorted(NOTEBOOKS.glob("[0-9]*.ipynb"))
    found = list(problems(paths))
    print("\n".join(found) or f"notebooks: {len(paths)} checked")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
