"""Tests of run_notebooks.py: joined cells."""

import unittest

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


if __name__ == "__main__":
    unittest.main()
