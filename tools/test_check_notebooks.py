"""Tests of check_notebooks.py: python3 -m unittest discover tools."""

import unittest

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


if __name__ == "__main__":
    unittest.main()
