"""Tests of what build_site.py computes for the pages (search, layout of printed text, reading time) and of its check."""

import json
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

import build_site


class LayoutTest(unittest.TestCase):
    def test_tables_are_not_wrapped(self):
        self.assertEqual(build_site.layout("layer   kind    output\nconv1   7×7     16×16\n"), "table")
        self.assertEqual(build_site.layout("[0.64 0.63 0.70 0.79 0.92 0.91]\n" * 2), "table")
        self.assertEqual(build_site.layout("one long sentence\nand another one, 3 of 4\n"), "prose")
        self.assertEqual(build_site.layout("a  heading\nfollowed by prose\n"), "prose")


class ReadingTimeTest(unittest.TestCase):
    def test_words_characters_and_lines(self):
        nb = new_notebook(cells=[new_markdown_cell("word " * 2000), new_code_cell("x := 1\n" * 100)])
        self.assertEqual(build_site.reading_minutes(nb, "en"), 15)
        nb = new_notebook(cells=[new_markdown_cell("字" * 3000)])
        self.assertEqual(build_site.reading_minutes(nb, "zh"), 10)
        self.assertEqual(build_site.reading_minutes(new_notebook(), "en"), 5)


class SearchIndexTest(unittest.TestCase):
    PAGE = """<html><body><header>Not this</header><main><section><h1 id="1-·-Title">1 · Title</h1><p>First text.</p>
        <p class="run">20 minutes</p></section><section><details class="fold"><summary>Code</summary><pre>func convolve()</pre></details>
        <div class="output">printed</div></section><section><h2 id="Second">Second <code>x</code></h2><p>More &amp; more.</p></section></main></body></html>"""

    def test_sections(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "en", "page.html")
            path.parent.mkdir()
            path.write_text(self.PAGE, encoding="utf-8")
            build_site.search_index(Path(folder), "en", [path])
            text = Path(folder, "search-en.js").read_text(encoding="utf-8")
        entries = json.loads(text.removeprefix("window.searchIndex = ").rstrip().removesuffix(";"))
        self.assertEqual(entries, [
            ["en/page.html#1-%C2%B7-Title", "1 · Title", "1 · Title", "First text. func convolve()"],
            ["en/page.html#Second", "1 · Title", "Second x", "More & more."],
        ])


class DocumentsTest(unittest.TestCase):
    def test_each_language_has_its_documents(self):
        names = {language: [path.name for path in build_site.documents_for(language)] for language in build_site.LANGUAGES}
        self.assertEqual(names, {"en": ["GLOSSARY.md", "QUESTIONS.md"], "zh": ["GLOSSARY.md", "QUESTIONS.zh.md"]})
        english, chinese = (build_site.translate.SOURCE / name for name in ("QUESTIONS.md", "QUESTIONS.zh.md"))
        self.assertEqual((build_site.counterpart(english), build_site.counterpart(chinese)), (chinese, english))

    def test_chinese_words_are_marked(self):
        for language, marked in ("en", '<span lang="zh-CN">残差，单元</span>'), ("zh", "残差，单元"):
            renderer = build_site.Renderer(None, language)
            body = build_site.MarkdownWithMath(renderer)("# Unit · 残差，单元\n\nA unit (残差，单元): `残差`.")
            self.assertEqual(body, f'<h1 id="Unit-·-残差，单元">Unit · {marked}</h1>\n<p>A unit ({marked}): <code>残差</code>.</p>\n')

    def test_cells_become_links(self):
        for language in build_site.LANGUAGES:
            link = f'<a href="../{language}/01-data.html"><code>01-data</code></a>'
            found = f'{link} <a href="../{language}/01-data.html#cell-01-06"><code>01-06</code></a>'
            self.assertEqual(build_site.link_cells(f"{link} <code>01-06</code>"), found)
            self.assertEqual(build_site.link_cells(f"{link} <code>01-06</code> [3] <code>01-06</code>"),
                             f'{found} [3] <a href="../{language}/01-data.html#cell-01-06"><code>01-06</code></a>')


class DrawingsTest(unittest.TestCase):
    def test_first_page_has_its_drawings_and_times(self):
        with tempfile.TemporaryDirectory() as folder:
            site = build_site.Site(Path(folder))
            for language in build_site.LANGUAGES:
                pages = [build_site.Page(site, path, language) for path in build_site.translate.notebooks()]
                found = build_site.drawings(site, language, pages)
                for name in (build_site.HERO, *build_site.GALLERY):
                    self.assertIn(name, found, f"no notebook in {language} shows {name}")
                    self.assertTrue(Path(folder, "img", found[name]["file"]).exists())
                build_site.index_page(site, language, pages, [])
                first = Path(folder, "index.html" if language == "en" else "zh/index.html").read_text(encoding="utf-8")
                for page in pages:
                    for training in (page.run() or {}).get("trainings", {}).values():
                        self.assertRegex(first, rf"\b{training['minutes']:.0f} (min to train|分钟训练)")


class OutdatedTest(unittest.TestCase):
    def test_changed_new_and_deleted_files(self):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            for name in ("notebooks/A.md", "notebooks/B.md", "tools/site/x.css"):
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text("text", encoding="utf-8")
            listed = build_site.project_files.listed
            with mock.patch.object(build_site, "ROOT", root), mock.patch.object(build_site.trust, "committed", lambda path: None), \
                    mock.patch.object(build_site.project_files, "listed", lambda *patterns: listed(*patterns, root=root)):
                build_site.record({"notebooks/B.md"})
                self.assertEqual(list(build_site.outdated()), [])
                (root / "notebooks/A.md").write_text("new", encoding="utf-8")
                (root / "notebooks/B.md").unlink()
                (root / "notebooks/C.md").touch()
                self.assertEqual(list(build_site.outdated()), ["notebooks/A.md", "notebooks/B.md", "notebooks/C.md"])


class CheckTest(unittest.TestCase):
    PAGE = '<h1 id="top">T</h1><a href="#top">a</a><img src="x.png" alt="x">'

    def problems(self, added="", files=("x.png",)):
        with tempfile.TemporaryDirectory() as folder:
            for name in files:
                Path(folder, name).touch()
            Path(folder, "index.html").write_text(self.PAGE + added, encoding="utf-8")
            return build_site.check(Path(folder))

    def test_each_problem_is_found(self):
        self.assertEqual(self.problems("<pre>$x</pre>"), [])
        for added, want in {
            '<a href="b.html">b</a>': "no such file", '<a href="#low">b</a>': "no such anchor", '<p id="top"></p>': "duplicate anchor top",
            '<img src="x.png">': "has no alt text", '<script src="https://a.b/c.js"></script>': "from the network",
            "<p>$x^2$</p>": "not converted from TeX",
        }.items():
            with self.subTest(added):
                found = self.problems(added)
                self.assertEqual(len(found), 1, found)
                self.assertIn(want, found[0])

    def test_links_out_of_the_site_are_found(self):
        """They work in a checkout, and nowhere else."""
        found = self.problems('<a href="../">up</a>')
        self.assertEqual(len(found), 1, found)
        self.assertIn("which is not in ", found[0])

    def test_unused_files_are_found(self):
        found = self.problems(files=("x.png", "y.png"))
        self.assertEqual(len(found), 1, found)
        self.assertIn("y.png: not used by any page", found[0])


if __name__ == "__main__":
    unittest.main()
