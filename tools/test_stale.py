"""Tests of stale.py: .venv/bin/python -m unittest discover tools"""

import contextlib
import io
import json
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import stale
import translate
import trust


def markdown(id, text):
    return {"cell_type": "markdown", "id": id, "source": [text]}


def code(id, source="", output=None):
    outputs = [] if output is None else [{"output_type": "stream", "text": [output]}]
    return {"cell_type": "code", "id": id, "source": [source], "outputs": outputs, "execution_count": None if output is None else 1}


def checked(cells, rules="", question=""):
    """Returns [kind, place, number, detail] for the texts of a notebook of these cells, and the problems of the rules."""
    notebooks = {"01-own": stale.Notebook("01-own", cells)}
    rules = stale.Rules(rules, notebooks)
    with mock.patch.object(translate, "CATALOGUES", Path("/nowhere")):
        texts = [*stale.notebook_texts(notebooks["01-own"]), *stale.question_texts(question, notebooks)]
    results = [(kind, text.place, number.text, detail) for kind, text, number, detail in stale.check(texts, rules)]
    return results, rules.all_problems()


class Numbers(unittest.TestCase):
    def matches(self, text, *values):
        number, = stale.numbers(text)
        return [number.matches(value) for value in values]

    def test_a_rounded_value_matches_and_another_does_not(self):
        for text in ("0.6995", "0.70", "0.700", "69.95%", "69.95 %", "70%"):
            self.assertEqual([True], self.matches(text, 0.6995), text)
        for text in ("0.6996", "0.71", "0.701", "69.94%", "71%", "0.70%", "7.0"):
            self.assertEqual([False], self.matches(text, 0.6995), text)

    def test_units(self):
        self.assertEqual([True, False], self.matches("11.7 million", 11689512, 11.7))
        self.assertEqual([True, False], self.matches("1,169万", 11689512, 11600000))
        self.assertEqual([True], self.matches("62.1%", *stale.values("(62.1%)")))
        self.assertEqual([True], self.matches("6,946,816", *stale.values("RMS of 6946816 weights")))
        self.assertEqual([True], self.matches("0.000006", *stale.values("5.9e-06")))

    def test_a_minus_must_be_in_the_output(self):
        self.assertEqual([True, False], self.matches("shortcuts −11.85", -11.85, 11.85))
        self.assertEqual([True, True], self.matches("loses 11.85 points", -11.85, 11.85))

    def test_what_counts(self):
        text = ("Section 5.5.1 of 2015, ResNet-18 on CIFAR-100 with layer4.0.conv1 and Go 1.26.5: `0.123`, [1,234](a/0.5.md), "
                "$10^{15}$, 7 of 12, 9%, 0.5, 1,000 and 3.")
        counted = [n.text for n in stale.numbers(stale.CODE_AND_LINKS.sub(" ", text)) if n.counts()]
        self.assertEqual(["1,234", "12", "9%", "0.5", "1,000"], counted)


class Notebooks(unittest.TestCase):
    cells = [markdown("title", "# Test"), code("setup", "const Rate = 0.05 // 0.06", ""),
             markdown("before", "## Score"), code("score", "", "test accuracy 0.6995\n"),
             markdown("after", "The score is 0.6995.\n\n## Loss\n\nThe loss is 0.8956."), code("loss", "", "loss 0.8956\n")]

    def test_text_that_repeats_its_section_or_the_code(self):
        results, _ = checked(self.cells + [markdown("end", "The rate was 0.05.")])
        self.assertEqual([("found", "after", "0.6995", "01-own score"), ("found", "after", "0.8956", "01-own loss"),
                          ("found", "end", "0.05", "01-own (code)")], results)

    def test_a_planted_stale_number_is_named_with_its_place_and_the_nearest_output(self):
        cells = self.cells[:3] + [code("score", "", "test accuracy 0.7012\n")] + self.cells[4:]
        (kind, place, number, detail), _ = checked(cells)[0]
        self.assertEqual(("stale", "after", "0.6995"), (kind, place, number))
        self.assertIn("01-own score", detail)
        self.assertIn("nearest: 0.7012", detail)

    def test_other_sections_and_comments_are_no_source(self):
        results, _ = checked(self.cells + [markdown("end", "## Next\n\n0.6995, and 0.06")])
        self.assertEqual(["stale", "stale"], [kind for kind, *_ in results[-2:]])

    def test_values_of_code_are_not_rounded(self):
        results, _ = checked(self.cells + [markdown("end", "The rate was 0.1.")])  # the code has 0.05
        self.assertEqual("stale", results[-1][0])

    def test_numbers_wait_for_a_cell_that_has_not_been_run(self):
        results, _ = checked([markdown("text", "The score is 0.6995."), code("score", "evaluate()")])
        self.assertEqual([("waiting", "text", "0.6995", "not run yet: 01-own score")], results)

    def test_questions_are_compared_with_the_cells_they_name(self):
        row = "| 7 | How good? | {} | [`01-own`](01-own.ipynb) `after` `score` |"
        for number, kind in {"0.70": "found", "0.8956": "stale"}.items():
            results, _ = checked(self.cells, question=row.format(number))
            self.assertEqual((kind, "row 7", number), results[-1][:3])


class Rules(unittest.TestCase):
    cells = [markdown("text", "Of 60,000 images, 0.6995 and 12."), markdown("head", "## Score"), code("score", "", "0.6995\n")]

    def test_sources_constants_and_results_without_a_file(self):
        rules = "# comment\n01-own text < 01-own score\n60,000 : images\n12 ? 01-own text : counted\n"
        results, problems = checked(self.cells, rules)
        self.assertEqual([("constant", "60,000"), ("found", "0.6995"), ("unsourced", "12")], [(r[0], r[2]) for r in results])
        self.assertEqual([], problems)

    def test_a_source_that_no_number_needs(self):
        """Each one makes it likelier that a wrong number is found by chance."""
        cells = [*self.cells, code("other", "", "0.5\n")]
        line = "01-own text < 01-own score; 01-own other"
        _, problems = checked(cells, line + "\n60,000 : images\n12 ? 01-own text : counted\n")
        self.assertEqual([f"no text needs 01-own other in this line: {line}"], problems)

    def test_a_line_is_only_for_its_place(self):
        results, problems = checked(self.cells, "0.6995 @ 01-own score : elsewhere\n")
        self.assertEqual(["stale"] * 3, [r[0] for r in results])
        self.assertEqual(["no text needs this line: 0.6995 @ 01-own score : elsewhere"], problems)

    def test_lines_that_cannot_be_right(self):
        for line, problem in {"01-own text < 01-own missing": "no such source", "01-own text < 02-no cell": "no such source",
                              "12 : everywhere": "need a place"}.items():
            self.assertIn(problem, "".join(checked(self.cells, line)[1]), line)


class Files(unittest.TestCase):
    """The whole check, on a project of one notebook."""

    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.root = Path(temporary.name)
        for folder in ("notebooks/zh", "tools", "bench"):
            (self.root / folder).mkdir(parents=True)
        for name, folder in {"ROOT": "", "SOURCE": "notebooks", "CATALOGUES": "notebooks/zh"}.items():
            patch = mock.patch.object(translate, name, self.root / folder)
            patch.start()
            self.addCleanup(patch.stop)
        self.write("notebooks/01-own.ipynb", json.dumps({"cells": [markdown("text", "Test: 0.70"), code("score", "", "0.6995\n")]}))
        self.write("notebooks/zh/01-own.md", "<!-- cell: text  en: 00000000 -->\n测试集上为0.6995\n")
        self.write("notebooks/QUESTIONS.md", "| 1 | How good? | 0.6995 | [`01-own`](01-own.ipynb) `score` |\n")
        self.write("notebooks/QUESTIONS.zh.md", "| 1 | 准确率？ | 0.6995 | [`01-own`](01-own.ipynb) `score` |\n")
        self.write("README.md", "| ours | 0.6995 |\n| theirs | 0.7271 |\n\n    run -rate 0.1\n")
        self.write("bench/README.md", "A step takes 3.2 ms.\n")
        self.write("bench/results.json", '{"steps": [{"ours": 3.16, "theirs": 0.7271}]}')
        self.write("tools/stale.txt", 'README.md "| ours" < 01-own score\nREADME.md "| theirs" < bench/results.json\n'
                   'bench/README.md < bench/results.json\n')
        trust.update()

    def write(self, name, text):
        (self.root / name).write_text(text, encoding="utf-8")

    def run_check(self):
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            status = stale.main()
        return status, printed.getvalue()

    def test_all_texts_agree(self):
        status, printed = self.run_check()
        self.assertEqual((0, "stale: 7 found, 0 constant, 0 unsourced, 0 waiting, 0 stale\n"), (status, printed))

    def test_each_stale_text_is_found(self):
        for name, old, new in [("notebooks/zh/01-own.md", "0.6995", "0.6895"), ("notebooks/QUESTIONS.md", "0.6995", "0.6985"),
                               ("notebooks/QUESTIONS.zh.md", "0.6995", "0.6985"), ("README.md", "0.7271", "0.7217"),
                               ("bench/README.md", "3.2", "3.4")]:
            text = translate.read(self.root / name)
            self.write(name, text.replace(old, new))
            status, printed = self.run_check()
            self.assertEqual(1, status)
            self.assertRegex(printed, rf"(?m)^stale: .*: {new}: not in .*\n(.*\n)*stale: 6 found.* 1 stale$")
            self.write(name, text)

    def test_a_changed_output_makes_every_text_stale(self):
        path = self.root / "notebooks" / "01-own.ipynb"
        path.write_text(path.read_text(encoding="utf-8").replace("0.6995", "0.7312"), encoding="utf-8")
        trust.update()
        status, printed = self.run_check()
        self.assertEqual(1, status)
        self.assertIn("5 stale", printed)

    def test_what_a_reader_has_run_does_not_count(self):
        path = self.root / "notebooks" / "01-own.ipynb"
        committed = path.read_bytes()
        path.write_bytes(committed.replace(b"0.6995", b"0.7312"))
        with mock.patch.object(trust, "committed", return_value=committed):
            self.assertEqual(0, self.run_check()[0])


if __name__ == "__main__":
    unittest.main()
