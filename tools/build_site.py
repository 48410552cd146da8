"""Renders the saved notebooks, in English and Chinese, to the pages of site/ and checks every link in them.

    build_site.py [FOLDER]      default: site/. The folder is emptied first, except for the Go
                                package that embeds it
    build_site.py check         fails if site/ is older than what it is made from: `make text` runs it

Runs no cells. The pages need no network: formulas are MathML, both languages share the figures' files, fonts are the reader's. They
are readable without scripts; tools/site/site.js adds a search box. Other files of the project that a text links to become pages in
site/source/. The templates and the style sheet are in tools/site/.
"""

import base64
import html
import json
import os
import re
import shutil
import sys
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

import bs4
import jinja2
import latex2mathml.converter
import nbformat
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import GoLexer, get_lexer_for_filename

import build_try
import project_files
import translate
import trust
from build_try import HOME

ROOT = Path(__file__).resolve().parent.parent
TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(ROOT / "tools" / "site"), trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
LANGUAGES = ("en", "zh")
TITLES = {"en": "ResNet-18 on CIFAR-10, in Go", "zh": "用Go语言实现ResNet\u201118：CIFAR-10图像分类"}
HERO = "features"  # the drawing on the first page
LONG = 12  # lines of code or output that are kept together on paper
CHINESE = re.compile(r"[\u4e00-\u9fff]+(?:[\u3000-\u303f\uff00-\uffef]+[\u4e00-\u9fff]+)*")  # words, with the punctuation between them
SUMS = "tools/site/SHA256SUMS"  # of what site/ was made from, in the format of sha256sum
INPUTS = ("notebooks/*.ipynb", "notebooks/*.md", "notebooks/*.png", "notebooks/drawings/*", "notebooks/photos/*", "notebooks/teaching/*.pdf",
          "tools/site/*", "tools/build_site.py", "tools/build_try.py", "data/weights/*", "data/*.tar.gz", "cmd/browser/*", "pkg/playground/*")
GALLERY = ("results", "residual-block", "architecture", "padding", "convolution", "classes")  # those below it


class Renderer(IPythonRenderer):
    """Renders Markdown like JupyterLab, with MathML for formulas and links adapted to site/."""

    def __init__(self, site, language, folder=translate.SOURCE):
        super().__init__(escape=False, exclude_anchor_links=True)
        self.site, self.language, self.folder = site, language, folder  # folder: of the text, for its links
        self.headings = []  # (level, id, HTML) of the page, for its table of contents
        self.stack = False  # tables of three and more columns: on a phone, rows with their headings

    def text(self, text):
        text = super().text(text)
        return CHINESE.sub(r'<span lang="zh-CN">\g<0></span>', text) if self.language == "en" else text

    def heading(self, text, level, **attrs):
        plain = html.unescape(re.sub(r"<math.*?</math>|<[^>]*>", "", text))
        name = re.sub(r"\s", "-", plain.strip())  # JupyterLab's anchors: a link works in both
        self.headings.append((level, name, text))
        return f'<h{level} id="{html.escape(name)}">{text}</h{level}>\n'

    def block_math(self, body):
        return f'<div class="math">{math(body, "block")}</div>'

    def inline_math(self, body):
        return math(body, "inline")

    def latex_environment(self, name, body):
        return self.block_math(f"\\begin{{{name}}}{body}\\end{{{name}}}")

    def link(self, text, url, title=None):
        return super().link(text, self.site.link(url, self.language, self.folder), title)

    def image(self, text, url, title=None):
        return super().image(text, self.site.image_link(url), title)

    def block_code(self, code, info=None):
        return plainer(super().block_code(code, info))

    def paragraph(self, text):
        return text if re.fullmatch(r'<div class="math">.*</div>', text, re.DOTALL) else super().paragraph(text)

    def table(self, text):
        text = re.sub(r"<th[^>]*>\s*</th>", "<td></td>", text)  # an empty corner is no heading
        if self.stack and len(columns := headings(text)) > 2:
            return f'<div class="wide stack"><table role="table">{labelled(text, columns)}</table></div>\n'
        return f'<div class="wide"><table>{text}</table></div>\n'


def headings(table):
    """The headings of a table's columns."""
    return [cell.get_text().strip() for cell in bs4.BeautifulSoup(table, "html.parser").find("tr").find_all(["th", "td"])]


def labelled(table, columns):
    """Gives a table's cells the headings of their columns, and the roles that they lose when they are shown as blocks."""
    soup = bs4.BeautifulSoup(table, "html.parser")
    for row in soup.find_all("tr"):
        row["role"] = "row"
        for column, cell in zip(columns, row.find_all(["th", "td"]), strict=False):
            cell["role"] = "columnheader" if cell.name == "th" else "cell"
            if column and cell.name == "td":
                cell["data-label"] = column
    return str(soup)


def math(tex, display):
    # TeX's spaces: "p ln K", not "plnK".
    tex = re.sub(r"(?<=[\w}])\s*(\\(?:ln|log|exp)\b)", r"\\,\1", html.unescape(tex).strip())
    tex = re.sub(r"(\\(?:ln|log|exp))\s+(?=[\w\\])", r"\1\\,", tex)
    mathml = latex2mathml.converter.convert(tex, display=display)
    return mathml.replace("<mo>&#x0002F;</mo>", '<mo lspace="0" rspace="0">&#x0002F;</mo>')  # no spaces in a/b, as in TeX


def documents():
    """The Markdown files in notebooks/, such as the glossary. Each becomes a page in site/more/; NAME.zh.md is the Chinese of NAME.md."""
    return sorted(translate.SOURCE.glob("*.md"))


def language_of(document):
    return "zh" if document.name.endswith(".zh.md") else "en"


def counterpart(document):
    """The same document in the other language, or None."""
    name = document.name.removesuffix(".md")
    other = document.with_name(f"{name.removesuffix('.zh')}.md" if language_of(document) == "zh" else f"{name}.zh.md")
    return other if other.exists() else None


def documents_for(language):
    """The documents that a reader of that language needs: those that have no other language are for both."""
    return [path for path in documents() if language_of(path) == language or not counterpart(path)]


def teaching():
    """The texts for teachers. Each becomes a page in site/teaching/; the search does not find them."""
    return sorted(path for path in (translate.SOURCE / "teaching").glob("*.md") if not path.name.startswith(("slides", "sheet")))


def plainer(code):
    """Drops Pygments' tags that the style sheet does not colour, two thirds of a page."""
    return re.sub(r'<span class="(?:w|nx|nf|p|o|n|err)">(.*?)</span>', r"\1", code, flags=re.DOTALL)


class Site:
    def __init__(self, folder):
        self.folder = folder
        self.sources = set()  # the names of other files that became pages

    def link(self, url, language, folder=translate.SOURCE):
        """The address in a page of site/ for a link in a text of notebooks/, or of a folder in it."""
        parts = urlsplit(url)
        if parts.scheme or not parts.path:
            return url
        target = Path(os.path.normpath(folder / parts.path))
        if target.parent == translate.SOURCE and target.suffix == ".ipynb":
            address = f"../{language}/{target.stem}.html"
        elif target in documents():
            address = f"../more/{target.stem}.html"
        elif target in teaching():
            address = f"../teaching/{target.stem}.html"
        elif target.suffix == ".pdf":
            pdf = self.folder / "teaching" / target.name
            pdf.parent.mkdir(exist_ok=True)
            address = f"../teaching/{shutil.copyfile(target, pdf).name}"
        else:
            address = f"../source/{self.source(target)}"
        return address + (f"#{parts.fragment}" if parts.fragment else "")

    def source(self, path):
        """Writes a file of the project as a page, a notebook as it is, into site/source/, and returns its name there."""
        name = path.relative_to(ROOT).as_posix()
        self.sources.add(name)
        if path.suffix == ".ipynb":
            target = self.folder / "source" / path.name
            target.parent.mkdir(exist_ok=True)
            return shutil.copyfile(path, target).name
        target = self.folder / "source" / f"{name.replace('/', '-')}.html"
        if not target.exists():
            code = highlight(path.read_text(encoding="utf-8"), get_lexer_for_filename(path.name), HtmlFormatter())
            write(target, "document.html", language="en", root="../", home=HOME, other="", title=name, source=name,
                  body=f"<h1>{html.escape(name)}</h1>\n{plainer(code)}")
        return target.name

    def image_link(self, url):
        """Copies a picture from notebooks/, so that site/ is self-contained, and returns its address."""
        if urlsplit(url).scheme:
            return url
        source = translate.SOURCE / url
        return self.image(source.name, source.read_bytes())

    def image(self, name, data):
        """Writes a picture for both languages and returns its address in a page."""
        target = self.folder / "img" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        return f"../img/{name}"


class Page:
    """One notebook in one language."""

    def __init__(self, site, path, language):
        self.stem, self.language = path.stem, language
        self.nb = nbformat.read(path, as_version=4) if language == "en" else translate.translated(path)
        self.site = site
        self.renderer = Renderer(site, language)
        self.markdown = MarkdownWithMath(self.renderer)
        self.cells = [self.cell(n, cell) for n, cell in enumerate(self.nb.cells)]
        if not self.renderer.headings or self.renderer.headings[0][0] != 1:
            sys.exit(f"{path}: the first heading must be of level 1; it is the page's title")
        self.title = self.renderer.headings[0][2]
        self.sections = [(name, text) for level, name, text in self.renderer.headings if level == 2]
        self.minutes = reading_minutes(self.nb, language)

    def cell(self, n, cell):
        if cell.cell_type == "markdown":
            return {"kind": "text", "id": cell.id, "html": self.markdown(cell.source)}
        code = plainer(highlight(cell.source, GoLexer(stripnl=False), HtmlFormatter(nowrap=True)))
        outputs = [self.output(f"{self.stem}-{cell.id}-{k}", o) for k, o in enumerate(cell.outputs, 1)]
        lines = cell.source.splitlines()
        first = next((line for line in lines if line.strip() not in ("", "%%")), "")
        return {"kind": "code", "id": cell.id, "html": code, "outputs": outputs, "lines": len(lines), "first": html.escape(first.strip())}

    def output(self, name, output):
        """The HTML of an output. The SVG in pkg/chart's HTML is moved into files."""
        if output.output_type == "error":
            sys.exit(f"{self.stem}: a saved output is an error: {output.ename}: {output.evalue}")
        if output.output_type == "stream":
            long = " long" if output.text.count("\n") > LONG else ""
            return f'<pre class="{output.name} {layout(output.text)}{long}">{html.escape(output.text)}</pre>'
        data = output.data
        if "text/html" in data:
            return '<div class="figure">' + self.figures(name, data["text/html"]) + "</div>"
        alt = html.escape(data.get("text/plain", "figure"))
        if "image/svg+xml" in data:
            return f'<img alt="{alt}" src="{self.site.image(name + ".svg", data["image/svg+xml"].encode())}">'
        if "image/png" in data:
            return f'<img alt="{alt}" src="{self.site.image(name + ".png", base64.b64decode(data["image/png"]))}">'
        if "text/markdown" in data:
            return self.markdown(data["text/markdown"])
        return f'<pre>{html.escape(data["text/plain"])}</pre>'

    def figures(self, name, text):
        count = 0

        def file(match):
            nonlocal count
            count += 1
            kind = {"svg+xml": "svg", "jpeg": "jpg"}.get(match[1], match[1])
            return 'src="' + self.site.image(f"{name}-{count}.{kind}", base64.b64decode(match[2])) + '"'

        text = re.sub(r'src="data:image/([a-z+]+);base64,([^"]+)"', file, text)
        # On a phone a figure shrinks while it stays readable, then scrolls.
        return re.sub(r'(<img [^>]*\bwidth="(\d+)"[^>]*style="[^"]*)"', lambda m: f'{m[1]};min-width:{int(m[2]) * 13 // 20}px"', text)

    def run(self):
        """The time, hardware and backend of the saved outputs, or None if run_notebooks.py did not record them."""
        if run := self.nb.metadata.get("run"):
            printed = "\n".join(o.text for cell in self.nb.cells for o in cell.get("outputs", []) if o.output_type == "stream")
            backend = re.search(r"^(?:computes with|backend): (.+)$", printed, re.MULTILINE)
            return {**run, "backend": backend[1] if backend else ""}


def layout(text):
    """The class of a printed text: "table" if its lines have columns or many numbers, which must not be wrapped, else "prose"."""
    columns = [line for line in text.splitlines() if re.search(r"\S(?: {2,}|\t)\S", line) or len(re.findall(r"(?<!\S)\[?[+-]?\d[\d.]*", line)) > 5]
    return "table" if len(columns) > 1 else "prose"


def reading_minutes(nb, language):
    """An estimate, rounded to 5 minutes: 200 English words or 300 Chinese characters a minute, and 3 seconds a line of code."""
    text = " ".join(cell.source for cell in nb.cells if cell.cell_type == "markdown")
    units = len(text.split()) / 200 if language == "en" else len(re.findall(r"[\u4e00-\u9fff]", text)) / 300
    code = sum(len(cell.source.splitlines()) for cell in nb.cells if cell.cell_type == "code")
    return max(5, 5 * round((units + code / 20) / 5))


def drawings(site, language, pages):
    """{name: picture} of the drawings that notebooks show, each with the page and cell where it is."""
    found = {}
    suffix = ".zh.svg" if language == "zh" else ".svg"
    for page in pages:
        for cell in page.nb.cells:
            for alt, name in re.findall(r"!\[(.*?)\]\(drawings/([\w-]+)" + re.escape(suffix) + r"\)", cell.source):
                path = translate.SOURCE / "drawings" / (name + suffix)
                width, height = re.search(r'width="([\d.]+)" height="([\d.]+)"', path.read_text(encoding="utf-8")).groups()
                found[name] = {"file": path.name, "alt": html.escape(alt), "page": page.stem, "cell": cell.id, "width": width, "height": height}
    return found


def empty(folder):
    for path in folder.glob("*"):
        if path.is_dir():
            shutil.rmtree(path)
        elif path.suffix != ".go":
            path.unlink()


def build(folder):
    empty(folder)
    site = Site(folder)
    pages = {lang: [Page(site, path, lang) for path in translate.notebooks()] for lang in LANGUAGES}
    for lang in LANGUAGES:
        home, other = {"en": (HOME, "zh"), "zh": ("index.html", "en")}[lang]
        for n, page in enumerate(pages[lang]):
            before = pages[lang][n - 1] if n else None
            after = pages[lang][n + 1] if n + 1 < len(pages[lang]) else None
            write(folder / lang / f"{page.stem}.html", "page.html", language=lang, root="../", home=home, title=page.title, page=page, run=page.run(),
                  long=LONG, other=f"../{other}/{page.stem}.html", source=f"notebooks/{page.stem}.ipynb", previous=before, next=after)
    titles = {path: document_page(site, path, "more") for path in documents()}
    for path in teaching():
        document_page(site, path, "teaching")
    build_try.build(folder, write)
    for lang in LANGUAGES:
        more = documents_for(lang)
        index_page(site, lang, pages[lang], [(path.stem, titles[path], language_of(path)) for path in more])
        search_index(folder, lang, [*(folder / lang / f"{page.stem}.html" for page in pages[lang]), *(folder / "more" / f"{path.stem}.html" for path in more)])
    for name in ("style.css", "site.js"):
        shutil.copyfile(ROOT / "tools" / "site" / name, folder / name)
    for page in pages["en"]:
        if not page.run():
            print(f"{page.stem}: time and hardware are not recorded; make notebooks records them", file=sys.stderr)
    return site.sources


def record(sources):
    """Writes the digests of what site/ is made from."""
    names = sorted({*project_files.listed(*INPUTS), *sources} - {SUMS})
    project_files.write_sums(ROOT / SUMS, {name: trust.digest((ROOT / name).read_bytes()) for name in names})


def outdated():
    """The files that have changed since site/ was made. A notebook that a reader has changed, but not committed, does not count."""
    then = project_files.sums(ROOT / SUMS)
    for name in sorted({*project_files.listed(*INPUTS), *then} - {SUMS}):
        contents = (trust.content(ROOT / name), trust.committed(ROOT / name) or b"")
        if then.get(name) not in map(trust.digest, contents):
            yield name


def document_page(site, path, where):
    """Writes the page of a Markdown file, such as teaching/plan.zh.html, and returns its title."""
    language, other = language_of(path), counterpart(path)
    renderer = Renderer(site, language, path.parent)
    renderer.stack = True
    body = link_cells(MarkdownWithMath(renderer)(path.read_text(encoding="utf-8")))
    title, home = renderer.headings[0][2], {"en": HOME, "zh": "../zh/index.html"}[language]
    write(site.folder / where / f"{path.stem}.html", "document.html", language=language, root="../", home=home,
          other=f"{other.stem}.html" if other else "", title=title, source=path.relative_to(ROOT).as_posix(), body=body)
    return title


def index_page(site, language, pages, more):
    """Writes the first page: index.html in English, zh/index.html in Chinese."""
    path, root, to, other = {"en": ("index.html", "", "en/", "zh/index.html"), "zh": ("zh/index.html", "../", "", HOME)}[language]
    shown = drawings(site, language, pages)
    write(site.folder / path, "index.html", language=language, root=root, to=to, home="#main", other=other, title=TITLES[language],
          source="the notebooks", pages=pages, more=more, hero=shown[HERO], drawings=[shown[name] for name in GALLERY],
          try_page=(site.folder / language / "try.html").exists())


def search_index(folder, language, paths):
    """Writes search-LANGUAGE.js: [address, title of the page, heading, text and code] of each section."""
    entries = []
    for path in paths:
        main = bs4.BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser").find("main")
        for tag in main.select("annotation, summary, .output, .run, .unfold"):
            tag.decompose()
        page = main.find("h1").get_text()
        for node in main.find_all(["h1", "h2", "h3"]):
            text = []
            for after in node.next_elements:
                if after.name in ("h1", "h2", "h3") and after is not node:
                    break
                if isinstance(after, bs4.NavigableString) and node not in after.parents:
                    text.append(str(after))
            entries.append([f"{path.relative_to(folder).as_posix()}#{quote(node['id'])}", page, node.get_text(), " ".join("".join(text).split())])
    lines = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in entries)
    (folder / f"search-{language}.js").write_text(f"window.searchIndex = [\n{lines}\n];\n", encoding="utf-8")


def link_cells(text):
    """Turns cell ids in code after a link to their notebook into links to the cells."""
    def link(match):
        cells = re.sub(r"<code>([\w-]+)</code>", rf'<a href="{match[2]}#cell-\1"><code>\1</code></a>', match[3])
        return match[1] + cells

    return re.sub(r'(<a href="(\.\./(?:en|zh)/[^"#]+)">[^\n]*?</a>)((?:[ ,]*<code>[\w-]+</code>(?: \[\d+\])?)+)', link, text)


def write(path, template, **values):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(TEMPLATES.get_template(template).render(**values), encoding="utf-8")


def check(folder):
    """Returns the problems: broken links and anchors, pictures without alt text, formulas left as TeX, unused files."""
    problems = []
    anchors = {}
    pages = {path: bs4.BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser") for path in sorted(folder.rglob("*.html"))}
    for path, page in pages.items():
        ids = [tag["id"] for tag in page.find_all(id=True)]
        anchors[path.resolve()] = set(ids)
        problems += [f"{path}: duplicate anchor {name}" for name in sorted({i for i in ids if ids.count(i) > 1})]
    used = set()
    for path, page in pages.items():
        for tag in page.find_all(["a", "img", "link", "script"]):
            url = urlsplit(tag.get("href") or tag.get("src") or "")
            if url.scheme == "data":
                continue
            if url.scheme in ("http", "https", "mailto"):
                if tag.name != "a":
                    problems.append(f"{path}: {tag.name} loads {url.geturl()} from the network")
                continue
            target = (path.parent / unquote(url.path)).resolve() if url.path else path.resolve()
            used.add(target)
            if not target.is_relative_to(folder.resolve()):
                problems.append(f"{path}: {tag.name} to {url.geturl()}, which is not in {folder.name}/")
            if tag.get("data-index"):
                used.add((path.parent / tag["data-index"]).resolve())
            if not target.exists():
                problems.append(f"{path}: {tag.name} to {url.geturl()}: no such file")
            elif url.fragment and target in anchors and unquote(url.fragment) not in anchors[target]:
                problems.append(f"{path}: {tag.name} to {url.geturl()}: no such anchor")
        problems += [f"{path}: {img['src']} has no alt text" for img in page.find_all("img") if not img.get("alt")]
        for tag in page.find_all(["pre", "code", "script", "style", "annotation"]):
            tag.decompose()
        formulas = re.findall(r".{0,20}(?:\$\S|\\[a-z]{3,}).{0,30}", page.get_text())
        problems += [f"{path}: formula not converted from TeX: {formula}" for formula in formulas]
    problems += [f"{path}: not used by any page" for path in sorted(folder.rglob("*"))
                 if path.is_file() and path.resolve() not in used and path.suffix not in (".html", ".go")]
    return problems


def unexecuted():
    """Yields the notebooks that were not run as a whole, from the first cell on."""
    for path in translate.notebooks():
        counts = [cell.execution_count for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
        if counts != list(range(1, len(counts) + 1)):
            yield f"{path}: was not run from the first cell to the last; run: make notebooks"


def main():
    if len(sys.argv) > 1 and sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    if sys.argv[1:] == ["check"]:
        if names := list(outdated()):
            sys.exit(f"site: older than {', '.join(names)}; run: make site")
        print("site: made from the files that are here")
        return
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "site")
    if folder.exists() and any(folder.iterdir()) and not (folder / "site.js").exists():
        sys.exit(f"site: {folder} has other files, which would be deleted: name a new folder")
    sources = build(folder)
    problems = [*unexecuted(), *check(folder)]
    for line in problems:
        print(line, file=sys.stderr)
    if problems:
        sys.exit(f"site: {len(problems)} problems")
    if folder == ROOT / "site":
        record(sources)
    files = [path for path in folder.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    print(f"site: {len(files)} files, {size / 1e6:.1f} MB, all links are valid: {folder / 'index.html'}")


if __name__ == "__main__":
    main()
