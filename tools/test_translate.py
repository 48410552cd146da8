"""Tests of translate.py with a notebook of three cells: .venv/bin/python -m unittest discover tools"""

import json
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

import translate

ENGLISH = "# Title\n\nMean **0.4914**.\n\n```go\nx := 1\n```"
CHINESE = "# 标题\n\n均值为**0.4914**。\n\n<!-- code -->"


class Translate(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        root = Path(temporary.name)
        for name, folder in {"ROOT": "", "SOURCE": "notebooks", "CATALOGUES": "notebooks/zh"}.items():
            patch = mock.patch.object(translate, name, root / folder)
            patch.start()
            self.addCleanup(patch.stop)
        translate.CATALOGUES.mkdir(parents=True)
        self.path = translate.SOURCE / "01-a.ipynb"
        self.write(ENGLISH)
        self.catalogue({"title": CHINESE, "end": "完。"})

    def write(self, title, end="The end.", ids=("title", "code", "end")):
        cells = [new_markdown_cell(title, id=ids[0]), new_code_cell("%%", id=ids[1]), new_markdown_cell(end, id=ids[2])]
        # nbformat would repair repeated ids.
        self.path.write_text(json.dumps({**new_notebook(), "cells": cells}), encoding="utf-8")

    def catalogue(self, entries):
        english = {"title": ENGLISH, "end": "The end."}
        translate.catalogue_path(self.path).write_text("\n".join(
            f"<!-- cell: {cell}  en: {translate.fingerprint(english.get(cell, ''))} -->\n{text}\n" for cell, text in entries.items()))

    def problems(self):
        return "\n".join(translate.problems_of(self.path))

    def test_complete(self):
        self.assertEqual(self.problems(), "")
        sources = [cell.source for cell in translate.translated(self.path).cells]
        self.assertEqual(sources, ["# 标题\n\n均值为**0.4914**。\n\n```go\nx := 1\n```", "%%", "完。"])

    def test_problems(self):
        for name, entries, want in (
            ("missing", {"title": CHINESE}, "end: not translated (The end.)"),
            ("left over", {"title": CHINESE, "end": "完。", "gone": "多余"}, "gone: entry without a markdown cell"),
            ("number", {"title": CHINESE.replace("4914", "4941"), "end": "完。"}, "title: numbers missing from the Chinese: 0.4914"),
            ("code", {"title": "# 标题\n\n均值为0.4914。", "end": "完。"}, "title: 0 lines <!-- code --> for 1"),
            ("stars", {"title": CHINESE, "end": "**“完”**了"}, "end: asterisks next to punctuation"),
        ):
            with self.subTest(name):
                self.catalogue(entries)
                self.assertTrue(self.problems().startswith(want), self.problems())

    def test_english_changed(self):
        self.write(ENGLISH, end="The very end.")
        self.assertIn(f"set en: {translate.fingerprint('The very end.')}", self.problems())

    def test_repeated_ids(self):
        self.write(ENGLISH, ids=("title", "end", "end"))
        self.assertEqual(self.problems(), "duplicate cell ids: end")

    def test_stub_keeps_what_is_translated(self):
        self.write(ENGLISH, ids=("new-id", "code", "end"))
        self.catalogue({"title": CHINESE})
        translate.stub([self.path])
        entries, _ = translate.read_catalogue(translate.catalogue_path(self.path))
        self.assertEqual(entries["new-id"][1], CHINESE)  # the same English under a new id
        self.assertEqual(entries["end"][1], "<!-- English:\nThe end.\n-->")
        self.assertIn("end: not translated", self.problems())

    def test_build_keeps_a_newer_notebook(self):
        self.catalogue({"title": CHINESE + "\n\n[后](02-b.ipynb)", "end": "完。"})
        translate.build([self.path])
        made = translate.SOURCE / "zh-01-a.ipynb"
        self.assertIn("](zh-02-b.ipynb)", nbformat.read(made, as_version=4).cells[0].source)
        made.write_text("changed by a reader")
        translate.build([self.path])
        self.assertEqual(made.read_text(), "changed by a reader")


if __name__ == "__main__":
    unittest.main()
