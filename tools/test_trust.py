"""Tests of trust.py, on notebooks of one cell: .venv/bin/python -m unittest discover tools"""

import os
import subprocess
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import nbformat
from nbformat.sign import NotebookNotary
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

import translate
import trust

SVG = "<svg onload='alert(1)'/>"


class Trust(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        root = Path(temporary.name)
        (root / "notebooks" / "zh").mkdir(parents=True)
        for name, folder in {"ROOT": "", "SOURCE": "notebooks", "CATALOGUES": "notebooks/zh"}.items():
            self.patch(translate, name, root / folder)
        self.patch(trust, "NotebookNotary", lambda: NotebookNotary(data_dir=str(root)))
        self.own = self.write("01-own.ipynb", "fmt.Println(1)")
        trust.update()

    def patch(self, module, name, value):
        patch = mock.patch.object(module, name, value)
        patch.start()
        self.addCleanup(patch.stop)

    def write(self, name, code):
        path = translate.SOURCE / name
        output = new_output("display_data", {"text/html": SVG})
        nb = new_notebook(cells=[new_markdown_cell("[next](02-b.ipynb)", id="text"), new_code_cell(code, id="code", outputs=[output])])
        nbformat.write(nb, path)
        return path

    def chinese(self):
        text = "<!-- cell: text  en: " + translate.fingerprint("[next](02-b.ipynb)") + " -->\n[下一篇](02-b.ipynb)\n"
        translate.catalogue_path(self.own).write_text(text, encoding="utf-8")
        with mock.patch("builtins.print"):
            translate.build([self.own])
        return translate.chinese_path(self.own)

    def trusted(self, path):
        with mock.patch("sys.argv", ["trust.py"]), mock.patch("builtins.print") as said:
            trust.main()
        self.said = str(said.call_args)
        with trust.NotebookNotary() as notary:
            return notary.check_signature(nbformat.read(path, as_version=4))

    def test_own(self):
        self.assertTrue(self.trusted(self.own))
        self.assertEqual(self.said, "None")

    def test_foreign(self):
        foreign = self.write("08-x.ipynb", "fmt.Println(8)")
        self.assertFalse(self.trusted(foreign))
        self.assertIn("08-x.ipynb", self.said)

    def test_damaged(self):
        """A reader's damaged notebooks are named, and the others are signed."""
        text = self.own.read_text(encoding="utf-8")
        for name, data in {
            "cut": text[: len(text) // 2].encode(), "utf-8": b"\xff" + text.encode(), "page": b"<!DOCTYPE html>", "list": b"[]",
            "old": b'{"nbformat": 2, "worksheets": 1}', "nothing": b"",
        }.items():
            for number in ("09", "zh-09"):
                (translate.SOURCE / f"{number}-{name}.ipynb").write_bytes(data)
        (translate.SOURCE / "09-escape\x1b[2J.ipynb").write_bytes(b"")
        self.assertTrue(self.trusted(self.own))
        for name in ("09-cut", "09-utf-8", "09-page", "zh-09-list", "09-old", "09-nothing", r"09-escape\x1b[2J"):
            self.assertIn(name, self.said.replace(r"\\", "\\"))
        self.assertNotIn("\x1b", self.said)

    def test_not_files(self):
        """What is no file is not opened: a FIFO would wait for ever."""
        os.mkfifo(translate.SOURCE / "08-fifo.ipynb")
        os.mkfifo(translate.chinese_path(self.own))
        (translate.SOURCE / "08-folder.ipynb").mkdir()
        (translate.SOURCE / "08-nowhere.ipynb").symlink_to("nowhere")
        self.assertTrue(self.trusted(self.own))

    def test_chinese_is_no_text(self):
        self.chinese().write_bytes(b"\xff\xfe")
        self.assertTrue(self.trusted(self.own))

    def test_changed(self):
        self.assertFalse(self.trusted(self.write("01-own.ipynb", "fmt.Println(2)")))

    def test_changed_output(self):
        text = self.own.read_text(encoding="utf-8")
        self.own.write_text(text.replace("alert(1)", "alert(2)"), encoding="utf-8")
        self.assertFalse(self.trusted(self.own))

    def test_without_sums(self):
        (translate.SOURCE / trust.SUMS).unlink()
        self.assertFalse(self.trusted(self.own))

    def test_chinese(self):
        self.assertTrue(self.trusted(self.chinese()))

    def test_chinese_changed(self):
        made = self.chinese()
        made.write_text(made.read_text(encoding="utf-8").replace("alert(1)", "alert(2)"), encoding="utf-8")
        self.assertFalse(self.trusted(made))

    def test_chinese_of_a_changed_notebook(self):
        self.write("01-own.ipynb", "fmt.Println(2)")
        self.assertFalse(self.trusted(self.chinese()))

    def test_check(self):
        with mock.patch("builtins.print"):
            for name, notebook, index, want in (
                ("as committed", 1, 1, None),
                ("changed by the reader", 2, 1, None),
                ("committed without the list", 2, 2, "01-own.ipynb"),
                ("not in git", 2, None, None),
            ):
                with self.subTest(name):
                    index = index and self.write("01-own.ipynb", f"fmt.Println({index})").read_bytes()
                    self.write("01-own.ipynb", f"fmt.Println({notebook})")
                    with mock.patch.object(trust, "committed", return_value=index):
                        self.check(want)
            self.own.unlink()
            self.check("01-own.ipynb")

    def test_committed(self):
        git = lambda *args: subprocess.run(["git", *args], cwd=translate.ROOT, check=True, capture_output=True)
        git("init", "--quiet", ".")
        git("-c", "core.autocrlf=false", "add", "notebooks")
        before = self.own.read_bytes()
        self.write("01-own.ipynb", "fmt.Println(2)")
        self.assertEqual(trust.committed(self.own), before)
        self.assertIsNone(trust.committed(translate.SOURCE / "09-new.ipynb"))
        with mock.patch.dict(os.environ, PATH=""):
            self.assertIsNone(trust.committed(self.own), "without git")

    def check(self, want):
        try:
            trust.check()
        except SystemExit as error:
            self.assertTrue(want and want in str(error), error)
        else:
            self.assertIsNone(want)


if __name__ == "__main__":
    unittest.main()
