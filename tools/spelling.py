"""Checks the spelling of the notebooks, with code and comments, and of every Markdown file."""

import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat

import project_files
import translate

ROOT = Path(__file__).resolve().parent.parent
IGNORED = "vermillion"  # correct words that codespell rejects, comma-separated: a colour of pkg/chart


def texts():
    """{name: text} of everything to check, without what git ignores."""
    found = {}
    for path in translate.notebooks():
        nb = nbformat.read(path, as_version=4)
        found[f"{path.name}.txt"] = "\n\n".join(f"[cell {cell.get('id')}]\n{cell.source}" for cell in nb.cells)
    for name in project_files.listed("*.md", "tools/site/*.html", "tools/site/try/strings.json"):
        found[name] = (ROOT / name).read_text(encoding="utf-8")
    return found


def main():
    found = texts()
    with tempfile.TemporaryDirectory() as folder:
        for name, text in found.items():
            Path(folder, name.replace("/", "_")).write_text(text, encoding="utf-8")
        command = [sys.executable, "-m", "codespell_lib", "--ignore-words-list", IGNORED, "."]
        status = subprocess.run(command, cwd=folder).returncode
    if status:
        sys.exit("spelling: correct the words above, or add correct ones to IGNORED in tools/spelling.py")
    print(f"spelling: {len(found)} texts")


if __name__ == "__main__":
    main()
