"""Tests of style.py: .venv/bin/python -m unittest discover tools"""

import json
import unittest

import style


def found(name, text):
    return sorted((line, what) for line, what, _ in style.findings(name, text))


class Style(unittest.TestCase):
    def test_found(self):
        for name, text, want in (
            ("a.md", "one\nIn place of this", [(2, "In place of")]),
            ("a.go", "// a sum in place\n// of a mean", [(1, "in place // of")]),
            ("a.py", "# delete it to train\n# anew", [(2, "anew")]),
            ("a.go", "// The words of the trade stand in the glossary", [(1, "stand in"), (1, "words of the trade")]),
            ("a.go", 'return errors.New("something follows behind the JSON object")', [(1, "behind the JSON"), (1, "something follows")]),
            ("a.md", "Behind every convolution stands a batch norm", [(1, "Behind every"), (1, "Behind every convolution stands")]),
            ("zh/a.md", "学习率从0.002起就会飞出去", [(1, "飞出去")]),
            ("a.go", "lab.Walk(x)", [(1, "Walk")]),
            ("a.go", "func productAgain() {}", [(1, "productAgain")]),
            ("pkg/a/thin.go", "package a", [(1, "the file name thin.go")]),
        ):
            with self.subTest(text):
                self.assertEqual(found(name, text), want)

    def test_allowed(self):
        for name, text in (
            ("a.md", "updated in place; a cat stands in for a dog; two stand out; they lie in between; nothing is left behind"),
            ("a.md", "the training goes on; ideas behind the chapter"),
            ("a.md", "rename in\n\nplace of work"),
            ("a.go", "filepath.Walk(x)\nast.Walk(y)\n// Walk on\n_ = \"Spread\" // Valley"),
            ("a.go", "Spreadsheet(walk)"),
            ("a.py", "Walk = 1"),
            ("notebooks/GLOSSARY.md", "批量规范化（又称批量归一化）"),
            ("pkg/a/narrow.go", "package a"),
        ):
            with self.subTest(text):
                self.assertEqual(found(name, text), [])

    def test_notebook(self):
        cells = [{"cell_type": "code", "source": ["x := 1\n", "lab.Spoil(x) // anew"], "outputs": [{"text": ["trained anew"]}]},
                 {"cell_type": "markdown", "source": ["whose turn it is, in place of\n", "the Valley"]}]
        raw = json.dumps({"cells": cells}, indent=1)
        lines = raw.splitlines()
        for line, what in found("a.ipynb", raw):
            self.assertIn(what, lines[line - 1])
        self.assertEqual(sorted(what for _, what in found("a.ipynb", raw)), ["Spoil", "anew", "in place of"])


if __name__ == "__main__":
    unittest.main()
