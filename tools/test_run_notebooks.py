"""Tests of run_notebooks.py: joined cells."""

import json
import os
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import nbformat

import run_notebooks

SETUP = "!*cp go.sum ."
START = 'import "fmt"\n\nfunc start() int { return 1 }\n\n%%\nfmt.Println(start())'


def joined(*sources, limit=10):
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    run_notebooks.join(nb, limit)
    return [cell.source for cell in nb.cells]


class Join(unittest.TestCase):
    def test_definitions_and_bodies(self):
        want = (
            'import "fmt"\n\nfunc start() int { return 1 }\n\nfunc f() int { return 2 }\n\n\n\n%%\n'
            "func() {\nfmt.Println(start())\n}()\nfunc() {\nfmt.Println(f())\n}()"
        )
        self.assertEqual(joined(SETUP, START, "func f() int { return 2 }", "%%\nfmt.Println(f())"), [SETUP, "", "", want])

    def test_one_body_stays_as_it_is(self):
        self.assertEqual(joined(START), [START])

    def test_limit(self):
        self.assertEqual(joined("%%\na()", "%%\nb()", "%%\nc()", limit=2)[2].strip(), "%%\nc()")

    def test_name_defined_again(self):
        for again in ("func f() {}", "func f() {\n}\n\n%%\nf()", "type f int"):
            self.assertEqual(joined("func f() { g() }\n\n%%\nf()", again)[0], "func f() { g() }\n\n%%\nf()")

    def test_imports_come_first(self):
        self.assertEqual(joined("func f() {}", 'import "os"')[0], "func f() {}")

    def test_methods_of_two_types(self):
        self.assertEqual(joined("func (a A) Len() int { return 1 }", "func (b B) Len() int { return 2 }")[0], "")


class Trainings(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.run_folder = Path(temporary.name, "runs", "mine")
        self.run_folder.mkdir(parents=True)
        environment = mock.patch.dict(os.environ, {"WORK": temporary.name, "TRAIN_IMAGES": ""})
        environment.start()
        self.addCleanup(environment.stop)

    def found(self):
        return run_notebooks.trainings('l.Runner("mine")')

    def test_checkpoint(self):
        header = json.dumps({"__metadata__": {"history": json.dumps({"seconds": 90, "device": "XLA"})}}).encode()
        good = len(header).to_bytes(8, "little") + header + bytes(100)
        newest = self.run_folder / "checkpoint-00000002.safetensors"
        newest.write_bytes(good)
        (self.run_folder / "checkpoint-00000001.safetensors").write_bytes(good.replace(b": 90", b": 30"))
        self.assertEqual(self.found(), {"mine": {"minutes": 1.5, "device": "XLA"}})
        self.assertEqual(run_notebooks.trainings('pick("mine")'), {}, "a row of the table, no run")
        for damaged in (b"", good[:5], good[:40], b"\xff" * 100, (2).to_bytes(8, "little") + b"{}", (2).to_bytes(8, "little") + b"[]",
                        good.replace(b"seconds", b"minutes"), good.replace(b"{", b"[", 1)):
            with self.subTest(damaged):
                newest.write_bytes(damaged)
                self.assertEqual(self.found(), {})

    def test_not_a_file(self):
        os.mkfifo(self.run_folder / "checkpoint-00000002.safetensors")
        self.assertEqual(self.found(), {})
        with mock.patch("sys.argv", ["run_notebooks.py", str(self.run_folder / "checkpoint-00000002.safetensors")]):
            with mock.patch("sys.stderr"), self.assertRaises(SystemExit):
                run_notebooks.main()


if __name__ == "__main__":
    unittest.main()
