"""Keeps the notebooks in two languages: notebooks/NN-name.ipynb is the source, notebooks/zh/NN-name.md its Chinese text.

    translate.py check      fails if entries are missing, outdated or superfluous, and lists them
    translate.py stub       adds the missing entries, each with the English text
    translate.py build      writes the Chinese notebooks next to the English ones, as notebooks/zh-NN-name.ipynb

A catalogue has one entry for each markdown cell, in the notebook's order:

    <!-- cell: adam-by-hand  en: 3f2a91c4 -->
    the Chinese text

"en" is a hash of the translated English text. When the English changes, check prints the entry and the new hash: update the
Chinese, then the hash. Code is not repeated: code cells and outputs come from the English notebook, and a line
<!-- code --> in an entry is replaced by the next fenced block of the English cell.

At its end a catalogue may translate strings of the code cells, one a line, written as in the code but without the spaces and
line breaks at their ends. Every caption of chart.Show must be among them:

    <!-- strings -->
    best dev %.4f after %d epochs => 验证集上最高%.4f，第%d个轮次

They are replaced in the code, where they are a whole string literal, and in the saved outputs of all cells, where a verb such
as %d matches what was printed for it.
"""

import copy
import hashlib
import html
import itertools
import json
import re
import sys
import unicodedata
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parent.parent
SOURCE, CATALOGUES = ROOT / "notebooks", ROOT / "notebooks" / "zh"

ENTRY = re.compile(r"^<!-- cell: (\S+)  en: ([0-9a-f]{8}) -->\n", re.MULTILINE)
STUB = re.compile(r"<!-- English:.*?-->\n?", re.DOTALL)
FENCED = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
CODE = "<!-- code -->"
STRINGS = re.compile(r"^<!-- strings -->\n(.*)", re.MULTILINE | re.DOTALL)
GO_STRING = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
ENDS = re.compile(r"^(?:\s|\\n)+|(?:\s|\\n)+$")
TOKEN = re.compile(GO_STRING.pattern + r"|[(),\[\]{}]")
VERB = re.compile(r"%[-+#0]*\d*(?:\.\d+)?[a-zA-Z%]")
NUMERIC = tuple("defg")  # verbs that print numbers


def notebooks():
    """The project's notebooks. JupyterLab's Duplicate adds -Copy1 to a name; and opening a FIFO would wait for ever."""
    return sorted(path for path in SOURCE.glob("[0-9]*.ipynb") if path.is_file() and "-Copy" not in path.name)


def catalogue_path(notebook):
    return CATALOGUES / (notebook.stem + ".md")


def fingerprint(english):
    return hashlib.sha256(english.strip().encode()).hexdigest()[:8]


def read_catalogue(path):
    """Returns {cell id: (hash, Chinese text)} in the file's order, and the duplicate ids."""
    parts = ENTRY.split(STRINGS.sub("", read(path)))
    entries, twice = {}, []
    for cell, en, text in zip(parts[1::3], parts[2::3], parts[3::3]):
        if cell in entries:
            twice.append(cell)
        entries[cell] = (en, text.strip())
    return entries, twice


def read_strings(path):
    """Returns the [(English, Chinese)] of the catalogue's strings, in the file's order, and the lines that are not of this form."""
    section = STRINGS.search(read(path))
    lines = [line for line in section[1].splitlines() if line.strip()] if section else []
    pairs = [tuple(part.strip() for part in line.partition(" =>")[::2]) for line in lines]
    good = [pair for pair in pairs if all(pair)]
    return good, [line for line, pair in zip(lines, pairs) if pair not in good]


def read(path):
    return path.read_text(encoding="utf-8") if path.exists() else ""


def markdown_cells(nb):
    return [cell for cell in nb.cells if cell.cell_type == "markdown"]


def code_cells(nb):
    return [cell for cell in nb.cells if cell.cell_type == "code"]


def literals(cell):
    """The Go string literals of a code cell as read_strings has them."""
    return [ENDS.sub("", text) for text in GO_STRING.findall(cell.source)]


def captions(cell):
    """The string literals with words in the first arguments of a code cell's calls of chart.Show, or in their variables."""
    found = []
    for call in re.finditer(r"chart\.Show\(\s*(?:(\w+),)?", cell.source):
        if call[1]:
            values = re.findall(rf"\b{call[1]} :?= ((?:.*\+\n)*.*)", cell.source)
            found += [text for value in values for text in GO_STRING.findall(value)]
        else:
            found += GO_STRING.findall(first_argument(cell.source[call.end():]))
    found = [ENDS.sub("", text) for text in found]
    return [text for text in found if re.search(r"[A-Za-z]{2}", VERB.sub("", text))]


def first_argument(source):
    """The text before the first comma or closing bracket that is in no string and no inner bracket."""
    depth = 0
    for token in TOKEN.finditer(source):
        depth += (token[0] in "([{") - (token[0] in ")]}")
        if depth < 0 or (depth == 0 and token[0] == ","):
            return source[:token.start()]
    return source


def chinese_code(source, strings):
    """Go code with the strings translated; spaces and line breaks at their ends stay, but no space after 。 and the like."""
    def replace(match):
        text = ENDS.sub("", match[1])
        if text not in strings:
            return match[0]
        before, after = match[1].split(text, 1)
        return f'"{before}{strings[text]}{after.lstrip(" ") if full_width(strings[text][-1]) else after}"'

    return GO_STRING.sub(replace, source)


def chinese_output(text, strings):
    """A saved output with the strings translated, whether it is plain text or HTML, but not in base64."""
    parts = re.split(r"(base64,[\w+/=]+)", text)
    return "".join(part if n % 2 else chinese_text(part, strings) for n, part in enumerate(parts))


def chinese_text(text, strings):
    for english, chinese in sorted(strings.items(), key=lambda pair: -len(pair[0])):
        for escape in (str, go_html):
            into = escape(unquoted(chinese))
            pattern = output_pattern(english, escape) + (" ?" if full_width(into[-1]) else "")
            if VERB.search(english):
                text = re.sub(pattern, lambda m, into=into: filled(into, m.groups(), strings), text)
            else:  # a column of a table: the next one stays in its place
                text = re.sub(pattern + "((?:  +)?)", lambda m, into=into: into + padding(m, into), text)
    return text


def padding(match, into):
    """The two or more spaces after the English, as many more or fewer as the Chinese is narrower or wider."""
    spaces = match[match.lastindex]
    return " " * max(1, columns(match[0]) - columns(into)) if spaces else ""


def columns(text):
    """The columns that text takes in a typewriter's face, in which a Chinese character is as wide as two letters."""
    return sum(2 if unicodedata.east_asian_width(char) in "FW" else 1 for char in text)


def output_pattern(english, escape):
    """A regular expression for what a format prints, with a group for each verb; it matches no part of a word."""
    parts = []
    for text, verb in zip(VERB.split(english), VERB.findall(english) + [""]):
        number = r"([-+\[%s]*[\d.](?:[-+\d.e ]*\d)?\]?)" % (" " if width(verb) else "")  # spaces before it only if it has a width
        value = number if verb[-1:] in NUMERIC else r"([^\n<]{%d,500}?)" % width(verb)
        parts += [re.escape(escape(unquoted(text))), {"": "", "%%": "%"}.get(verb, value)]
    start, end = (r"(?<!\w)" if english[0].isalnum() else ""), (r"(?!\w)" if english[-1].isalnum() else "")
    return start + "".join(parts) + end


def filled(template, values, strings):
    """template with the values that were printed for its verbs, in Chinese where strings has them."""
    values = iter(values)
    return VERB.sub(lambda m: "%" if m[0] == "%%" else fitted(next(values), m[0], strings), template)


def fitted(value, verb, strings):
    """A value as wide as fmt.Printf makes it for its verb, but by columns. Numbers are as wide as they were."""
    if verb.endswith(NUMERIC):
        return value
    value = value.strip(" ")
    value = strings.get(value, value)
    spaces = " " * (width(verb) - columns(value))
    return value + spaces if verb.startswith("%-") else spaces + value


def width(verb):
    """The least number of characters that a verb prints: 21 for %-21s."""
    return int(re.match(r"%?[-+#0]*(\d*)", verb)[1] or 0)


def go_html(text):
    """Escapes as Go's html.EscapeString does."""
    return html.escape(text, quote=False).replace('"', "&#34;").replace("'", "&#39;")


def unquoted(text):
    """The value of a Go string literal."""
    return re.sub(r"\\(.)", lambda m: {"n": "\n", "t": "\t"}.get(m[1], m[1]), text)


def chinese(english, text):
    """The Chinese text of a cell, without the stub's comment and with the fenced blocks of the English cell."""
    blocks = iter(FENCED.findall(english))
    return re.sub(CODE, lambda _: next(blocks, ""), STUB.sub("", text).strip())


def translated(path, nb=None):
    """Returns the notebook at path (nb, if it was read already) in Chinese; what has no Chinese stays English."""
    nb = copy.deepcopy(nb or nbformat.read(path, as_version=4))
    entries, _ = read_catalogue(catalogue_path(path))
    for cell in markdown_cells(nb):
        text = chinese(cell.source, entries.get(cell.get("id"), ("", ""))[1])
        cell.source = text or cell.source
    strings = dict(read_strings(catalogue_path(path))[0])
    for cell in code_cells(nb) if strings else []:
        cell.source = chinese_code(cell.source, strings)
        for output in cell.outputs:
            if output.output_type == "stream":
                output.text = chinese_output(output.text, strings)
            for kind, data in output.get("data", {}).items():
                if kind.startswith("text/"):
                    output.data[kind] = chinese_output(data, strings)
    return nb


def chinese_path(path):
    """Where build writes the Chinese notebook: beside the English one, so that both find the same packages, results and photos."""
    return path.with_name("zh-" + path.name)


def chinese_notebook(path, nb=None):
    """The Chinese notebook as build writes it, with links to the other Chinese notebooks, and with a digest of itself."""
    nb = translated(path, nb)
    for cell in markdown_cells(nb):
        cell.source = re.sub(r"\]\((?=[0-9][\w-]*\.ipynb)", "](zh-", cell.source)
    nb.metadata["made"] = fingerprint(nbformat.writes(nb))
    return nb


def as_made(path):
    """Reports whether a Chinese notebook is as build has written it, neither changed nor run."""
    try:
        nb = nbformat.reads(read(path), as_version=4)
    except (ValueError, nbformat.ValidationError):
        return False
    made = nb.metadata.pop("made", None)
    return made == fingerprint(nbformat.writes(nb))


def build(paths):
    made = 0
    for path in paths:
        target = chinese_path(path)
        if newer(target, path, catalogue_path(path)):  # the reader may have changed or run it
            continue
        try:
            nb = chinese_notebook(path)
        except (ValueError, nbformat.ValidationError) as e:  # one notebook must not keep JupyterLab from opening the others
            print(f"{path.name}: not a notebook that can be read, so no Chinese one is made: {str(e).splitlines()[0]}", file=sys.stderr)
            continue
        if target.exists() and not as_made(target):
            print(f"{target.name}, which you have changed or run, is now {keep(target).name}: the text has a new version")
        write(nb, target)
        made += 1
    print(f"Chinese notebooks in {SOURCE.relative_to(ROOT)}/zh-*.ipynb: {made} made, {len(paths) - made} kept")


def write(nb, target):
    """Writes a notebook atomically."""
    part = target.with_name("." + target.name + ".part")
    nbformat.write(nb, part)
    part.replace(target)


def keep(path):
    """Renames a notebook to NAME.old.ipynb, NAME.old2.ipynb … and returns the new path."""
    for n in itertools.count(1):
        old = path.with_suffix(f".old{n if n > 1 else ''}.ipynb")
        if not old.exists():
            return path.rename(old)


def newer(target, *sources):
    return target.exists() and all(target.stat().st_mtime > s.stat().st_mtime for s in sources if s.exists())


def stub(paths):
    for path in paths:
        nb, target = nbformat.read(path, as_version=4), catalogue_path(path)
        entries, _ = read_catalogue(target)
        ids = {cell.id for cell in nb.cells}
        renamed = {en: cell for cell, (en, _) in entries.items() if cell not in ids}  # same English, new id
        rest, parts, added = dict(entries), [], 0
        for cell in markdown_cells(nb):
            old = cell.id if cell.id in rest else renamed.get(fingerprint(cell.source))
            en, text = rest.pop(old, (None, None))
            if en is None:
                added += 1
                en, text = fingerprint(cell.source), "<!-- English:\n" + cell.source.replace("-->", "-- >") + "\n-->"
            parts.append((cell.id, en, text))
        parts += [(cell, *entry) for cell, entry in rest.items()]  # entries without a cell, to be moved or deleted by hand
        target.parent.mkdir(exist_ok=True)
        texts = [f"<!-- cell: {c}  en: {en} -->\n{t}\n" for c, en, t in parts] + strings_section(nb, target)
        target.write_text("\n".join(texts), encoding="utf-8")
        print(f"{target.relative_to(ROOT)}: {added} entries added")


def strings_section(nb, path):
    """The catalogue's strings as they are, with a line for each caption that is missing."""
    section, strings = STRINGS.search(read(path)), dict(read_strings(path)[0])
    missing = [f"{text} =>" for cell in code_cells(nb) for text in captions(cell) if text not in strings]
    lines = (section[1].strip().splitlines() if section else []) + missing
    return ["<!-- strings -->\n" + "\n".join(dict.fromkeys(lines)) + "\n"] if lines else []


def check(paths):
    problems = [f"{path.stem}: {text}" for path in paths for text in problems_of(path)]
    known = {path.stem for path in notebooks()}
    problems += [f"{path.name}: no notebook of this name" for path in CATALOGUES.glob("*.md") if path.stem not in known]
    for line in problems:
        print(line, file=sys.stderr)
    if problems:
        sys.exit(f"translate: {len(problems)} problems, in {CATALOGUES.relative_to(ROOT)}/")
    print(f"translate: {len(paths)} notebooks, every markdown cell and caption is translated")


def problems_of(path):
    raw = json.loads(path.read_text(encoding="utf-8"))  # nbformat would replace bad ids
    ids = [cell.get("id") for cell in raw["cells"]]
    if (raw["nbformat"], raw["nbformat_minor"]) < (4, 5) or None in ids:
        yield "cells have no ids; nbformat must be 4.5"
        return
    if twice := {cell for cell in ids if ids.count(cell) > 1}:
        yield f"duplicate cell ids: {', '.join(sorted(twice))}"
        return
    nb, (entries, twice) = nbformat.read(path, as_version=4), read_catalogue(catalogue_path(path))
    yield from (f"{cell}: duplicate entry" for cell in twice)
    cells = {cell.id: cell.source for cell in markdown_cells(nb)}
    yield from (f"{cell}: entry without a markdown cell" for cell in entries if cell not in cells)
    for cell, english in cells.items():
        en, text = entries.get(cell, ("", ""))
        if not chinese(english, text):
            yield f"{cell}: not translated ({english.splitlines()[0][:60]}); translate.py stub adds an entry"
        elif en != fingerprint(english):
            yield f"{cell}: the English has changed; update the Chinese, then set en: {fingerprint(english)}"
        else:
            yield from (f"{cell}: {problem}" for problem in faults(english, text))
    yield from string_problems(code_cells(nb), *read_strings(catalogue_path(path)))


def string_problems(cells, strings, unreadable):
    """Yields the problems of the catalogue's strings."""
    english = [english for english, _ in strings]
    yield from (f"strings: not of the form English => Chinese: {line}" for line in unreadable)
    yield from (f"strings: twice: {text}" for text in dict.fromkeys(english) if english.count(text) > 1)
    for cell in cells:
        yield from (f"{cell.id}: caption not translated: {text}" for text in captions(cell) if text not in english)
    known = {text for cell in cells for text in literals(cell)}
    for text, into in strings:
        if text not in known:
            yield f"strings: no string of the code: {text}"
        if VERB.findall(text) != VERB.findall(into):
            yield f"strings: the verbs differ: {text} => {into}"
        verb = (VERB.findall(text) or ["%"])[-1]
        if text.endswith(verb) and not into.endswith(verb) and verb[-1] not in NUMERIC:
            yield f"strings: a value that ends the English must end the Chinese: {text} => {into}"


def faults(english, text):
    """Yields the formal problems of a translation."""
    if STUB.search(text):
        yield "still contains the stub's English"
    if text.count(CODE) != len(FENCED.findall(english)):
        yield f"{text.count(CODE)} lines {CODE} for {len(FENCED.findall(english))} fenced blocks in the English"
    numbers = lambda s: set(re.findall(r"\d+(?:[.,]\d+)*(?![.,]?\d| million)", FENCED.sub("", s)))
    if lost := numbers(english) - numbers(text):
        yield "numbers missing from the Chinese: " + ", ".join(sorted(lost))
    # CommonMark does not read ** as emphasis between a letter and punctuation, and JupyterLab then shows the asterisks.
    bare = re.sub(r"`[^`]*`", "`x`", re.sub(r"\$[^$]*\$", "$x$", text))
    for m in re.finditer(r"(?<!\*)(\*{1,2})(?![\s*])([^*\n]+)\1", bare):
        inside, before, after = m[2], m.string[m.start() - 1:m.start()], m.string[m.end():m.end() + 1]
        if (punctuation(inside[0]) and letter(before)) or (punctuation(inside[-1]) and letter(after)):
            yield f"asterisks next to punctuation are not read as emphasis: {before}{m[0]}{after}"


def punctuation(char):
    return unicodedata.category(char)[0] in "PS"


def full_width(char):
    return punctuation(char) and unicodedata.east_asian_width(char) in "FW"


def letter(char):
    return bool(char) and not char.isspace() and not punctuation(char)


def main():
    commands = {"check": check, "stub": stub, "build": build}
    if len(sys.argv) < 2 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    commands[sys.argv[1]]([Path(arg).resolve() for arg in sys.argv[2:]] or notebooks())


if __name__ == "__main__":
    main()
