"""Tests of check_notebooks.py: python3 -m unittest discover tools."""

import json
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import check_notebooks as check


class Quotes(unittest.TestCase):
    known = ["\nfunc f() int {\nreturn 1\n}\n"]

    def test_quoted_code_is_found_whatever_its_indentation(self):
        text = "so:\n\n```go\nfunc f() int {\n    return 1\n}\n```\n"
        self.assertEqual([], list(check.check_quotes(text, self.known)))

    def test_changed_code_is_a_problem(self):
        text = "```go\nfunc f() int {\n    return 2\n}\n```\n"
        self.assertEqual(["quoted code that is in no source file or cell: func f() int {"], list(check.check_quotes(text, self.known)))


class Cells(unittest.TestCase):
    def test_wide_lines(self):
        cell = {"cell_type": "code", "id": "wide", "source": ["x" * 90 + "\n", "y" * 91]}
        problems = list(check.check_cells([cell]))
        self.assertEqual(1, len(problems))
        self.assertIn("91 columns", problems[0][1])

    def test_lost_outputs(self):
        shows, defines = ["%%\n", "must.M(chart.Show(fig))"], ["func show() {\n", "    fmt.Println(1)\n", "}"]
        for source, count, outputs, found in [(shows, 3, [], 1), (shows, 3, [{"output_type": "stream"}], 0), (shows, None, [], 0), (defines, 3, [], 0)]:
            cell = {"cell_type": "code", "id": "a", "source": source, "execution_count": count, "outputs": outputs}
            self.assertEqual(found, len(list(check.check_cells([cell]))), (source, count, outputs))

    def test_each_rule(self):
        code = lambda id, lines, **more: {"cell_type": "code", "id": id, "source": ["x\n"] * lines, "outputs": [], **more}
        text = {"cell_type": "markdown", "id": "text", "source": ["x"]}
        short = [text, code("b", 1), text, code("c", 1)]
        for cells, want in (
            ([code("a", 30), *short], None), ([code("a", 31), *short], "31 lines"), ([code("a", 10)], None), ([code("a", 11)], "median"),
            ([code("a", 1), code("b", 1)], "without text"), ([code("a", 1, outputs=[{"output_type": "error"}])], "is an error"),
        ):
            found = [what for _, what in check.check_cells(cells)]
            self.assertEqual(len(found), want is not None, found)
            self.assertIn(want or "", "".join(found))


class Files(unittest.TestCase):
    """The whole check, on a project of one notebook."""

    good = {"cell_type": "markdown", "id": "good", "source": []}

    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)
        patch = mock.patch.multiple(check, ROOT=self.folder, NOTEBOOKS=self.folder)
        patch.start()
        self.addCleanup(patch.stop)
        self.notebook([self.good, {**self.good, "id": "other"}])
        self.write("QUESTIONS.md", "| [`01-a`](01-a.ipynb) `good` |\n")
        self.write("QUESTIONS.zh.md", "| [`01-a`](01-a.ipynb) `good` |\n")

    def write(self, name, text):
        (self.folder / name).write_text(text, encoding="utf-8")

    def notebook(self, cells, minor=5):
        self.write("01-a.ipynb", json.dumps({"nbformat": 4, "nbformat_minor": minor, "cells": cells}))

    def problems(self):
        return list(check.problems([self.folder / "01-a.ipynb"]))

    def test_notebook(self):
        self.assertEqual([], self.problems())
        links = "[a](QUESTIONS.md#x) ![b](gone.svg) `[c](gone.md)` [d](https://x.y)"
        error = {"cell_type": "code", "id": "code", "source": [], "outputs": [{"output_type": "error"}]}
        for cells, want in (
            ([self.good, self.good], "good: duplicate id"),
            ([self.good, {**self.good, "id": "0a1b2c3d"}], "0a1b2c3d: the id must be readable, such as adam-by-hand"),
            ([self.good, error], "code: a saved output is an error; run the notebook again"),
            ([{**self.good, "source": [links]}], "good: broken link to gone.svg"),
            ([{**self.good, "source": ["<details>"]}], "good: <details> and </details> do not match"),
            ([{**self.good, "source": ["```go\nx := 1\n```"]}], "good: quoted code that is in no source file or cell: x := 1"),
        ):
            with self.subTest(want):
                self.notebook(cells)
                self.assertEqual([f"01-a.ipynb, {want}"], self.problems())
        self.notebook([self.good], minor=4)
        self.assertEqual(["01-a.ipynb, -: format 4.4, must be 4.5"], self.problems())

    def test_pages(self):
        self.write("GLOSSARY.md", "[a](gone.md)")
        self.assertEqual(["GLOSSARY.md: broken link to gone.md"], self.problems())

    def test_questions(self):
        path = self.folder / "QUESTIONS.md"
        self.write(path.name, "[`01-a`](01-a.ipynb) `good`, `y`\n[`02-b`](02-b.ipynb) `z`\n")
        self.assertEqual([("line 1", "01-a has no cell y"), ("line 2", "no notebook 02-b")], list(check.check_questions(path)))

    def test_both_languages_name_the_same_cells(self):
        for cell, want in {"gone": ", line 1: 01-a has no cell gone", "other": ": names other cells than QUESTIONS.md"}.items():
            self.write("QUESTIONS.zh.md", f"| [`01-a`](01-a.ipynb) `{cell}` |\n")
            self.assertIn("QUESTIONS.zh.md" + want, self.problems())


if __name__ == "__main__":
    unittest.main()
