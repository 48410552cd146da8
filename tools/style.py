"""Lists wording and names that do not follow the project's style, each with what to write instead.

    style.py [FILE ...]      default: all that FILES names, such as Go and Markdown files; of notebooks, the cells

Prints FILE:LINE for each finding and fails if there is one. In notebooks only cells count, not their saved outputs.
"""

import json
import re
import sys
from pathlib import Path

import project_files

ROOT = Path(__file__).resolve().parent.parent
FILES = ["*.go", "*.py", "*.sh", "*.md", "*.ipynb", "*.yaml", "*.yml", "*Makefile", "*Dockerfile", ".ci/run", "tools/site/*.html", "tools/site/site.js", "tools/site/try/strings.json"]
SKIPPED = re.compile(r"tools/(test_)?style\.py$")  # they quote what they look for

# Regular expressions, in any case; a space also matches a line break and the start of a comment. {regular expression: instead}
ENGLISH = {
    # Stiff phrases.
    r"in place of": "instead of",
    r"what computes": "backend, or name the thing",
    r"stands? (?:there|twice|at|behind|beside|before|first)": "is, follows, comes",
    r"stands? in(?! for| the way)(?= \w)": "is in",
    r"behind every \w+ stands": "every … is followed by",
    r"behind (?:every|each|stage|the (?:stem|first|last|end|argument|pool|convolution|loop|JSON))\b": "after",
    r"(?:lies|lie) (?:in|on|at|there|beside|outside)\b(?! between)": "is, are",
    r"anew": "again",
    r"nobody reads": "say what happens to it",
    r"(?:goes|go) by itself": "automatically",
    r"(?:goes|go|gone|going) on (?:at|where|from|with|bit)\b": "resumes, continues",
    r"so that it can": "to, so it can",
    r"(?:that|which) (?:is|are) not there": "missing",
    r"without a word": "silently",
    r"words of the trade": "terms",
    r"who compares": "if you compare",
    # Texts that had to be read twice.
    r"want as many": "lengths must be equal",
    r"or of a kind that is not read": "corrupt or unsupported",
    r"than it has put there": "stack underflow",
    r"something follows": "trailing data after",
    r"was made by another run": "belongs to a different run; delete it to start over",
    r"what may be due": "evaluates, saves or stops, whichever is due",
    r"found by playing": "estimated by Monte Carlo simulation",
    r"averaged over both sides": "test-time augmentation: flip",
    r"not the chapter's way": "differs from the chapter's settings",
    r"tried on no cluster": "not yet run on a Kubernetes cluster",
    r"do not live from (?:one )?cell": "do not survive from cell to cell",
    r"is the same again\?": "is reproducible?",
    r"\bso both\.": "both are at work.",
    r"with its sign taken off": "in absolute value",
}

CHINESE = {
    "以它自身的波动幅度为单位": "一阶矩与二阶矩平方根之比，再乘以学习率",
    "都学不会": "它甚至难以学会恒等映射",
    "飞出去": "发散",
    "哪一次运行可以重现": "训练结果可以复现吗",
    "让偶然性来玩": "用随机模拟来估计",
    "没有哪个批次可疑": "各批次均无异常",
    "公平的样本": "有代表性的样本",
    "完全沉默": "完全归零",
    "没有一个胜出": "从未成为预测结果",
    "这道门": "每张照片都要经过同样的缩放",
    "批(?:量)?归一化": "批量规范化",
    "池化层": "汇聚层",
    "残差块": "残差单元",
    "跳跃连接|捷径连接": "直连边",
    "开发集": "验证集",
}

# Whole identifiers in Go code, unless they belong to one of the standard packages after the bar.
NAMES = {
    "Walk|filepath|ast": "name what is computed",
    "Valley": "name the function that is plotted",
    "Rehearse": "MonteCarlo, Simulate",
    "StayAwake": "name what it does to the threads",
    "worthCaching": "name the condition",
    "Spread": "StandardDeviation, StandardError",
    "Spoil": "name the augmentation",
    "MostConfident": "MostConfidentMistakes",
    "productAgain": "rematerialize",
    "taps": "kernel elements, offsets",
    "turned": "rotated, flipped, transposed",
    "turn": "afterStep",
}
FILE_NAMES = {"thin.go", "row.go", "look_test.go"}
SYNONYMS = "GLOSSARY.md"  # may name a term that the book does not use

SPACE = r"(?:[ \t]+|[ \t]*\n[ \t]*(?:(?://|#|>|\*(?!\*))[ \t]*)?)"
NOT_CODE = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|`[^`]*`|\'(?:\\.|[^\'\\\n])+\'', re.DOTALL)


def english_rules():
    return [(re.compile(r"(?<!\w)" + pattern.replace(" ", SPACE) + r"(?!\w)", re.IGNORECASE), instead) for pattern, instead in ENGLISH.items()]


def name_rules():
    for entry, instead in NAMES.items():
        name, *packages = entry.split("|")
        yield re.compile("".join(rf"(?<!{package}\.)" for package in packages) + rf"\b{name}\b"), instead


TEXT_RULES = english_rules() + [(re.compile(pattern), instead) for pattern, instead in CHINESE.items()]
NAME_RULES = list(name_rules())


def cells(raw, kinds):
    """The sources of the cells of these kinds in a notebook file, on the same lines as there; the other lines are empty."""
    lines, kind, inside = [], "", False
    for line in raw.splitlines():
        text = line.strip()
        if text.startswith('"cell_type": "'):  # comes before "source"
            kind = text.split('"')[3]
        if text in ("]", "],"):
            inside = False
        lines.append(json.loads(text.removesuffix(",")).rstrip("\n") if inside else "")
        if text == '"source": [' and kind in kinds:
            inside = True
    return "\n".join(lines)


def code(text):
    """Go code without comments and literals, on the same lines."""
    return NOT_CODE.sub(lambda match: "\n" * match[0].count("\n"), text)


def findings(name, raw):
    """Yields (line, what was found, what to write instead) for the file of that name."""
    notebook = name.endswith(".ipynb")
    text = cells(raw, ("markdown", "code")) if notebook else raw
    rules = [(text, TEXT_RULES if not name.endswith(SYNONYMS) else english_rules())]
    if notebook or name.endswith(".go"):
        rules.append((code(cells(raw, ("code",)) if notebook else raw), NAME_RULES))
    for searched, patterns in rules:
        for pattern, instead in patterns:
            for match in pattern.finditer(searched):
                yield searched.count("\n", 0, match.start()) + 1, " ".join(match[0].split()), instead
    base = name.rpartition("/")[2]
    if base in FILE_NAMES:
        yield 1, f"the file name {base}", "a name that tells the file's job"


def listed():
    return [name for name in project_files.listed(*FILES) if not SKIPPED.search(name)]


def main():
    names, count = sys.argv[1:] or listed(), 0
    for name in names:
        for line, found, instead in sorted(findings(name, (ROOT / name).read_text(encoding="utf-8"))):
            count += 1
            print(f"{name}:{line}: {found} -> {instead}")
    if count:
        sys.exit(f"style: {count} findings; write what follows ->, or correct the rule in tools/style.py if it is wrong")
    print(f"style: {len(names)} files")


if __name__ == "__main__":
    main()
