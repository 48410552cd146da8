"""Checks the text of the project without running anything: spelling, links to files, and the shape of the notebooks.

Shape: every code cell at most 30 lines, half of them at most 10, and text between any two. The Chinese has its own check,
tools/translate.py; the links of the rendered pages are checked where they are built, in tools/build_site.py.
"""

import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import unquote

import nbformat

import translate

ROOT = Path(__file__).resolve().parent.parent
LONGEST, MEDIAN = 30, 10  # lines of a code cell
IGNORED = ""  # words that codespell takes for mistakes, with commas between; none so far


def documents():
    """Every Markdown file of the project, Chinese or not."""
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"], cwd=ROOT, check=True,
                            capture_output=True, text=True).stdout
    return [ROOT / name for name in listed.splitlines()]


def shape(path, cells):
    for n, cell in enumerate(cells):
        length = len(cell.source.splitlines())
        if cell.cell_type == "code" and length > LONGEST:
            yield f"{path}, cell {cell.id}: {length} lines, want at most {LONGEST}"
        if n and cell.cell_type == cells[n - 1].cell_type == "code":
            yield f"{path}, cell {cell.id}: no text between it and the code cell before it"


def links(path, text):
    """Links and pictures that name a file must name one that is there. Anchors are checked in the built site."""
    bare = re.sub(r"(?s)^```.*?^```$|`[^`\n]*`|\$[^$]*\$", "", text, flags=re.MULTILINE)
    folder = translate.SOURCE if path.parent == translate.CATALOGUES else path.parent  # a catalogue is read as its notebook is
    for url in re.findall(r"\]\(([^)\s]+)", bare) + re.findall(r'(?:href|src)="([^"]+)"', bare):
        name = unquote(url.split("#")[0])
        if name and not re.match(r"[a-z]+:", name) and not (folder / name).exists():
            yield f"{path.relative_to(ROOT)}: link to {url}: there is no such file"


def spelling(texts):
    """Runs codespell on the texts, each as a file of its own, and returns what it says."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in texts.items():
            Path(folder, name.replace("/", "_")).write_text(text, encoding="utf-8")
        command = [sys.executable, "-m", "codespell_lib", "--ignore-words-list", IGNORED, "."]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True).stdout.splitlines()


def main():
    problems, texts, lengths = [], {}, []
    for path in translate.notebooks():
        nb, name = nbformat.read(path, as_version=4), str(path.relative_to(ROOT))
        problems += shape(name, nb.cells)
        problems += [line for cell in translate.markdown_cells(nb) for line in links(path, cell.source)]
        texts[name + ".txt"] = "\n\n".join(f"[cell {cell.id}]\n{cell.source}" for cell in nb.cells)
        lengths += [len(cell.source.splitlines()) for cell in nb.cells if cell.cell_type == "code"]
    for path in documents():
        texts[str(path.relative_to(ROOT))] = path.read_text(encoding="utf-8")
        problems += links(path, path.read_text(encoding="utf-8"))
    if statistics.median(lengths) > MEDIAN:
        problems.append(f"half of the code cells are longer than {statistics.median(lengths):.0f} lines, want at most {MEDIAN}")
    problems += ["spelling: " + line for line in spelling(texts)]
    for line in problems:
        print(line, file=sys.stderr)
    if problems:
        sys.exit(f"check_notebooks: {len(problems)} problems")
    print(f"{len(texts)} texts: spelling and links hold; {len(lengths)} code cells, "
          f"median {statistics.median(lengths):.0f} lines, longest {max(lengths)}")


if __name__ == "__main__":
    main()
