"""Tests of translate.py with a notebook of three cells: .venv/bin/python -m unittest discover tools"""

import json
import os
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

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

    def code(self, source, *outputs, strings=""):
        self.write(ENGLISH)
        nb = json.loads(self.path.read_text())
        nb["cells"][1] = new_code_cell(source, id="code", outputs=list(outputs))
        self.path.write_text(json.dumps(nb), encoding="utf-8")
        self.catalogue({"title": CHINESE, "end": "完。"})
        with translate.catalogue_path(self.path).open("a", encoding="utf-8") as f:
            f.write(f"\n<!-- strings -->\n{strings}\n")

    def test_strings(self):
        caption = """The chapter's \\"cat\\", 32×32."""
        chinese = """书中的\\"猫\\"，32×32。"""
        self.code(
            f'fig := chart.Bars("dev", x) // dev\nchart.Show("{caption}", fig)\nfmt.Printf("dev %.4f, %d%% of %s\\n", a, b, c)',
            new_output("display_data", data={
                "text/html": '<img src="data:image/png;base64,dev/dev+dev="><figcaption>The chapter&#39;s &#34;cat&#34;, 32×32.</figcaption>',
                "text/plain": 'The chapter\'s "cat", 32×32.', "image/png": "dev"}),
            new_output("stream", name="stdout", text="dev 0.7257, 90% of device\ndev 0.5000, 8% of all\n"),
            strings=f"{caption} => {chinese}\ndev => 验证集\ndev %.4f, %d%% of %s => 验证集%.4f，占%d%%：%s")
        self.assertEqual(self.problems(), "")
        cell = translate.translated(self.path).cells[1]
        self.assertEqual(cell.source, 'fig := chart.Bars("验证集", x) // dev\n'
                         f'chart.Show("{chinese}", fig)\nfmt.Printf("验证集%.4f，占%d%%：%s\\n", a, b, c)')
        self.assertEqual(cell.outputs[0].data, {
            "text/html": '<img src="data:image/png;base64,dev/dev+dev="><figcaption>书中的&#34;猫&#34;，32×32。</figcaption>',
            "text/plain": '书中的"猫"，32×32。', "image/png": "dev"})
        self.assertEqual(cell.outputs[1].text, "验证集0.7257，占90%：device\n验证集0.5000，占8%：all\n")

    def test_full_width_punctuation_takes_no_space(self):
        self.code('fmt.Printf("loss: ")\nfmt.Printf("%d steps ", 3)', new_output("stream", name="stdout", text="loss: 3 steps "),
                  strings="loss: => 损失：\n%d steps => 共%d步")
        cell = translate.translated(self.path).cells[1]
        self.assertEqual(cell.source, 'fmt.Printf("损失：")\nfmt.Printf("共%d步 ", 3)')
        self.assertEqual(cell.outputs[0].text, "损失：共3步 ")

    def test_numbers_in_outputs(self):
        printed = "sum 5: starts at +0.5, [-0.1 2e-05] up to  3.\n"
        self.code('fmt.Printf("starts at %+.1f")\nfmt.Printf("%g up to %2d")', new_output("stream", name="stdout", text=printed),
                  strings="starts at %+.1f => 从%+.1f开始\n%g up to %2d => %g最大%2d个")
        self.assertEqual(self.problems(), "")
        self.assertEqual(translate.translated(self.path).cells[1].outputs[0].text, "sum 5: 从+0.5开始, [-0.1 2e-05]最大 3个.\n")

    def test_columns(self):
        strings = {"%-10s %-6v mode: %5.1f%%": "%-10s %-6v 模式：%5.1f%%", "true std": "真正的标准差", "once more": "再次", "only /255": "只除"}
        printed = "true std   a b    mode:  19.0%\nno /255    c      mode: 100.0%\nonce more  [+0.01]\nonly /255 once more\n"
        self.assertEqual(
            translate.chinese_output(printed, strings),
            "真正的标准差 a b    模式： 19.0%\nno /255    c      模式：100.0%\n再次       [+0.01]\n只除 再次\n")
        long = "x" * 200
        self.assertEqual(translate.chinese_output(f"net; recipe: {long}; CPU\n", {"%v; recipe: %v; %s": "%v；配置：%v；%s"}), f"net；配置：{long}；CPU\n")

    def test_string_problems(self):
        for name, source, strings, want in (
            ("caption", 'chart.Show("A cat.", fig)', "", "code: caption not translated: A cat."),
            ("caption on the next line", 'chart.Show(\n    "A cat: "+name, fig)', "", "code: caption not translated: A cat:"),
            ("second line of a caption", 'chart.Show("A cat "+f("x y")+\n    "and a dog.", fig("a b"))', "A cat => 猫\nx y => 甲",
             "code: caption not translated: and a dog."),
            ("variable", 'caption := "A " +\n    "A cat."\nchart.Show(caption, fig)', "", "code: caption not translated: A cat."),
            ("formatted caption", 'chart.Show(fmt.Sprintf("%d cats", n), fig)', "", "code: caption not translated: %d cats"),
            ("caption without words", 'chart.Show("%d", fig)', "", ""),
            ("not of the code", 'x := "A cat."', "A dog. => 狗。", "strings: no string of the code: A dog."),
            ("comment", '// "a" cat', "cat => 猫", "strings: no string of the code: cat"),
            ("verbs", 'x := "%d of %s"', "%d of %s => %s中的%d", "strings: the verbs differ"),
            ("last value", 'x := "is %s"', "is %s => 为%s的", "strings: a value that ends the English"),
            ("no Chinese", 'x := "A cat."', "A cat. => ", "strings: not of the form"),
            ("twice", 'x := "A cat."', "A cat. => 猫。\nA cat. => 一只猫。", "strings: twice: A cat."),
        ):
            with self.subTest(name):
                self.code(source, strings=strings)
                self.assertTrue(self.problems().startswith(want) and bool(want) == bool(self.problems()), self.problems())

    def test_stub_adds_captions(self):
        self.code('chart.Show("A cat.", fig)\nchart.Show("A dog.", fig)', strings="A dog. => 狗。")
        translate.stub([self.path])
        translate.stub([self.path])
        self.assertTrue(translate.catalogue_path(self.path).read_text().endswith("\n<!-- strings -->\nA dog. => 狗。\nA cat. =>\n"))
        self.assertIn("caption not translated: A cat.", self.problems())
        self.assertEqual(translate.translated(self.path).cells[2].source, "完。")

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

    def test_build_replaces_an_older_notebook(self):
        translate.build([self.path])
        made = translate.SOURCE / "zh-01-a.ipynb"
        for source in (self.path, translate.catalogue_path(self.path)):
            made.write_text("of an older source")
            later = made.stat().st_mtime + 10
            os.utime(source, (later, later))
            translate.build([self.path])
            self.assertNotEqual(made.read_text(encoding="utf-8"), "of an older source", source)
            os.utime(source, (later - 100, later - 100))
        kept = sorted(path.name for path in translate.SOURCE.glob("*.old*"))
        self.assertEqual(kept, ["zh-01-a.old.ipynb", "zh-01-a.old2.ipynb"], "nothing of a reader's is lost")

    def test_build_replaces_what_it_made(self):
        translate.build([self.path])
        made = translate.SOURCE / "zh-01-a.ipynb"
        self.assertTrue(translate.as_made(made))
        later = made.stat().st_mtime + 10
        os.utime(self.path, (later, later))
        translate.build([self.path])
        self.assertEqual(list(translate.SOURCE.glob("*.old*")), [])

    def test_build_goes_on_after_a_damaged_notebook(self):
        damaged = translate.SOURCE / "00-damaged.ipynb"
        damaged.write_text('{"cells"')
        translate.build([damaged, self.path])
        self.assertTrue((translate.SOURCE / "zh-01-a.ipynb").exists())


if __name__ == "__main__":
    unittest.main()
