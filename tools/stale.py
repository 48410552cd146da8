"""Compares the numbers in the texts with the outputs that they repeat, so that none becomes stale unnoticed.

    stale.py [-v]       -v: list where each number was found, what no file has and what waits for a cell to be run

A number counts if it has two digits, a decimal point or a percent sign; years, numbers in code and in links, and section numbers
such as 5.5.1 do not. It must occur, at its own rounding (0.6995 is also 0.70, 69.95% and 70%), in one of these:

- for a notebook's text, English or Chinese: the outputs of its section, from heading to heading, or the code of the notebook;
- for notebooks/QUESTIONS.md and its Chinese: the outputs or the code of the cells that the row names;
- for any text: the sources that tools/stale.txt gives it, or the constants there.

So a number with four digits is hardly ever found by chance, one with two sometimes is. While a cell of the section has not been
run, a number that is not found waits and is no error. Of a notebook that a reader has changed or run, the committed version counts.
"""

import json
import re
import sys
from collections import Counter
from typing import NamedTuple

import translate
import trust

FILES = ["README.md", "bench/README.md"]  # besides the notebooks and QUESTIONS.md

# Not in a name such as layer4 or CIFAR-100, no power, and not with more than one point.
NUMBER = re.compile(r"(?<![A-Za-z0-9_.,])(?<![A-Za-z]-)(?<!\^)(?<!\^\{)(\d{1,3}(?:,\d{3})+|\d+)(\.\d+)?(e[-+]?\d+)?"
                    r"(?!\d|,\d{3}|\^|[A-Za-z_]*\.?\d)(\s?%|\s?million\b|\s?M\b|万|亿)?")
UNITS = {"": 1, "%": 0.01, "million": 1e6, "M": 1e6, "万": 1e4, "亿": 1e8}
YEAR = re.compile(r"(?:19|20)\d\d")
SIGN = re.compile(r"(?:^|[\s(|$=])[-−]")
CODE_AND_LINKS = re.compile(r"(?ms)^```.*?^```|`[^`\n]*`|\]\([^)\s]*\)|<!--.*?-->|https?://\S+")
STRINGS_AND_COMMENTS = re.compile(r'"(?:[^"\\\n]|\\.)*"|//.*')
INDENTED = re.compile(r"(?m)^    .*\n?")  # code, in README.md
HEADING = re.compile(r"(?m)^(?=##+ )")
ROW = re.compile(r"^\| (\d+) \|")
CELLS = re.compile(r"\[`([^`]+)`\]\([^)]*\)((?:[ ,]*`[^`]+`)*)")  # [`03-train`](03-train.ipynb) `cell`, `cell`


class Number(NamedTuple):
    text: str
    value: float
    half: float  # half a unit of its last digit
    negative: bool
    digits: int  # significant ones

    def counts(self):
        return not YEAR.fullmatch(self.text) and (self.digits >= 2 or bool(re.search(r"[.,%]", self.text)))

    def distance(self, value):
        """Without a sign, the number may be the size of a negative value."""
        return abs((-value if self.negative else abs(value)) - self.value)

    def matches(self, value):
        return self.distance(value) <= self.half * (1 + 1e-9)


def numbers(text):
    for m in NUMBER.finditer(text):
        digits, exponent, unit = m[1].replace(",", "") + (m[2] or ""), m[3] or "", (m[4] or "").strip()
        scale = UNITS[unit] * float("1" + exponent)
        half = 0.5 * 10.0 ** -len((m[2] or ".")[1:]) * scale
        negative = bool(SIGN.fullmatch(text[max(0, m.start() - 2):m.start()]))
        yield Number(m[0], float(digits) * scale, half, negative, len(digits.replace(".", "").lstrip("0")))


def values(text):
    return [-n.value if n.negative else n.value for n in numbers(text)]


class Source(NamedTuple):
    """Where a number may come from. The values are None if the cell has not been run; those of code are not rounded."""
    name: str
    values: list
    is_code: bool = False

    def has(self, number):
        if self.is_code:
            return any(abs(number.value - value) <= 1e-9 * value for value in self.values)
        return any(number.matches(value) for value in self.values or [])


class Text(NamedTuple):
    """A piece of text with the same sources: part of a cell, a paragraph or a row."""
    file: str
    place: str
    text: str
    sources: list


class Notebook:
    def __init__(self, name, cells):
        self.name, self.cells = name, {cell["id"]: cell for cell in cells}

    def source(self, id):
        return "".join(self.cells[id]["source"])

    def ids(self, kind):
        return [id for id, cell in self.cells.items() if cell["cell_type"] == kind]

    def output(self, id):
        """The outputs of a code cell; KeyError if there is none of this id."""
        outputs = self.cells[id]["outputs"]
        run = outputs or self.cells[id]["execution_count"]
        return Source(f"{self.name} {id}", [v for output in outputs for v in values(output_text(output))] if run else None)

    def code(self, *ids):
        """The code of these cells, or of all."""
        code = "\n".join(STRINGS_AND_COMMENTS.sub(" ", self.source(id)) for id in ids or self.ids("code"))
        return Source(" ".join([self.name, *ids]) + " (code)", [n.value for n in numbers(code)], is_code=True)

    def texts(self, file, texts):
        """Yields the pieces between headings of the texts {cell id: text}, each with its section's sources."""
        pieces, outputs, code = [], [[]], self.code()
        for id, cell in self.cells.items():
            if cell["cell_type"] == "code":
                outputs[-1].append(self.output(id))
                continue
            for i, piece in enumerate(HEADING.split(texts.get(id, ""))):
                if i > 0:
                    outputs.append([])
                pieces.append((id, piece, outputs[-1]))
        for id, piece, of_section in pieces:
            yield Text(file, id, piece, [*of_section, code])


def output_text(output):
    data = output.get("data", {})
    parts = [output.get("text", ""), data.get("text/plain", ""), data.get("text/markdown", "")]
    return "\n".join("".join(part) for part in parts)


def read_notebook(path):
    data = path.read_bytes()
    if trust.sums().get(path.name) != trust.digest(data):
        print(f"stale: {path.name} is not the one in SHA256SUMS, so the committed one is checked; if the change is yours: make digests")
        data = trust.committed(path) or data
    return Notebook(path.stem, json.loads(data)["cells"])


def notebook_texts(notebook):
    yield from notebook.texts(notebook.name, {id: notebook.source(id) for id in notebook.ids("markdown")})
    chinese, _ = translate.read_catalogue(translate.CATALOGUES / (notebook.name + ".md"))
    yield from notebook.texts("zh/" + notebook.name, {id: text for id, (_, text) in chinese.items()})


def question_texts(text, notebooks, name="QUESTIONS.md"):
    for line in filter(ROW.match, text.splitlines()):
        named = [(notebooks[name], id) for name, ids in CELLS.findall(line) for id in re.findall(r"`([^`]+)`", ids)]
        code = [(notebook, id) for notebook, id in named if id in notebook.ids("code")]
        sources = [notebook.output(id) for notebook, id in code] + [notebook.code(id) for notebook, id in code]
        yield Text(name, f"row {ROW.match(line)[1]}", CELLS.sub(" ", ROW.sub("", line)), sources)


def file_texts(name, text):
    for block in re.split(r"\n\s*\n|\n(?=\|)", INDENTED.sub("", text)):
        yield Text(name, " ".join(block.split())[:40], block, [])


class Rules:
    """The lines of stale.txt, which explains them."""

    def __init__(self, text, notebooks):
        self.notebooks, self.constants, self.sources = notebooks, [], []
        self.used, self.problems = set(), []
        for line in text.splitlines():
            place, arrow, names = line.partition(" < ")
            if arrow and not line.startswith("#"):
                self.sources.append((line, *self.place(place), [self.source(name.strip()) for name in names.split(";")]))
            elif line and not line.startswith("#"):
                found, _, place = re.sub(r" \? ", " @ ", line.partition(" : ")[0]).partition(" @ ")
                self.constants.append((line, *self.place(place), found.split()))
                if not place and any(n.digits < 3 for n in numbers(found)):
                    self.problems.append(f"numbers of one or two digits need a place: {line}")

    @staticmethod
    def place(text):
        file, _, part = text.strip().partition(" ")
        return file, part.strip().strip('"')

    def source(self, name):
        file, *keys = name.split()
        try:
            if file in self.notebooks:
                return self.notebooks[file].output(keys[0])
            text = translate.read(translate.ROOT / file)
            found = list(json_values(json.loads(text), keys)) if file.endswith(".json") else values(text)
        except (KeyError, IndexError, ValueError):
            found = []
        if not found:
            self.problems.append(f"no such source, or no number in it: {name}")
        return Source(name, found)

    @staticmethod
    def applies(file, part, text):
        return file in ("", text.file.removeprefix("zh/")) and (part in ("", text.place) or part in text.text)

    def sources_of(self, text):
        return [s for _, file, part, sources in self.sources if self.applies(file, part, text) for s in sources]

    def use(self, source):
        """Remembers that a number needs a source of sources_of."""
        self.used.add(id(source))

    def constant(self, text, number):
        """The line that lists the number, or ""."""
        for line, file, part, found in self.constants:
            if (number.text.replace(" ", "") in found or found == ["*"]) and self.applies(file, part, text):
                self.used.add(line)
                return line
        return ""

    def all_problems(self):
        unused = [f"this line: {line}" for line, *_ in self.constants if line not in self.used]
        unused += [f"{s.name} in this line: {line}" for line, _, _, sources in self.sources for s in sources if id(s) not in self.used]
        return self.problems + [f"no text needs {what}" for what in unused]


def json_values(data, keys=()):
    """Yields the numbers in the data, or only those at the keys of an object."""
    if isinstance(data, dict):
        data = [data[key] for key in keys or data]
    if isinstance(data, list):
        for value in data:
            yield from json_values(value)
    elif isinstance(data, (int, float)):
        yield data


def nearest(number, sources):
    found = [(number.distance(value), value, s.name) for s in sources if not s.is_code for value in s.values or []]
    return "; nearest: {1:g} in {2}".format(*min(found)) if found else ""


def check(texts, rules):
    """Yields (kind, text, number, detail) for each number: found, constant, unsourced, waiting or stale."""
    for text in texts:
        sources = text.sources + rules.sources_of(text)
        for number in filter(Number.counts, numbers(CODE_AND_LINKS.sub(" ", text.text))):
            if source := next((s for s in sources if s.has(number)), None):
                rules.use(source)
                yield "found", text, number, source.name
            elif line := rules.constant(text, number):
                yield "unsourced" if " ? " in line else "constant", text, number, line
            elif waiting := [s for s in sources if s.values is None]:
                for s in waiting:
                    rules.use(s)
                yield "waiting", text, number, "not run yet: " + ", ".join(s.name for s in waiting)
            else:
                names = ", ".join(s.name for s in sources) or "any source, since stale.txt names none"
                yield "stale", text, number, "not in " + names + nearest(number, sources)


def main():
    notebooks = {path.stem: read_notebook(path) for path in translate.notebooks()}
    rules = Rules(translate.read(translate.ROOT / "tools" / "stale.txt"), notebooks)
    texts = [text for notebook in notebooks.values() for text in notebook_texts(notebook)]
    for name in ("QUESTIONS.md", "QUESTIONS.zh.md"):
        texts += question_texts(translate.read(translate.SOURCE / name), notebooks, name)
    texts += [text for name in FILES for text in file_texts(name, translate.read(translate.ROOT / name))]
    counts = Counter()
    for kind, text, number, detail in check(texts, rules):
        counts[kind] += 1
        if kind == "stale" or "-v" in sys.argv[1:]:
            print(f"{kind}: {text.file}, {text.place}: {number.text}: {detail}")
    problems = rules.all_problems()
    for problem in problems:
        print(f"tools/stale.txt: {problem}")
    print("stale: " + ", ".join(f"{counts[kind]} {kind}" for kind in ("found", "constant", "unsourced", "waiting", "stale")))
    if counts["stale"]:
        print("stale: correct the text, or name the number's source in tools/stale.txt")
    return 1 if counts["stale"] or problems else 0


if __name__ == "__main__":
    sys.exit(main())
