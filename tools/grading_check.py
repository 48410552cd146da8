"""Grades the example of notebooks/teaching/nbgrader with nbgrader and the Go kernel, for five students. Needs nbgrader in
.venv-nbgrader: `make grading` installs it.

The points must be those below: for the solution itself, for the untouched release, and for a Softmax that overflows, returns nothing or
does not compile.
"""

import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COURSE, TOOLS = ROOT / "notebooks" / "teaching" / "nbgrader", ROOT / ".venv-nbgrader" / "bin"
NAME = "softmax"

OVERFLOWS = """func Softmax(z []float64) (p []float64) {
    sum := 0.0
    for _, v := range z {
        p = append(p, math.Exp(v))
        sum += math.Exp(v)
    }
    for i := range p {
        p[i] /= sum
    }
    return p
}"""
# {student: (the points, what is written into the cell Softmax; None: the solution, "": nothing in any cell)}
STUDENTS = {"solved": (3, None), "untouched": (0, ""), "overflows": (1, OVERFLOWS), "empty": (1, "func Softmax(z []float64) []float64 { return nil }"),
            "broken": (1, "func Softmax(z []float64) []float64 {")}


def nbgrader(course, *args):
    folder = Path(course)
    env = {**os.environ, "PATH": f"{TOOLS}{os.pathsep}{os.environ['PATH']}", "JUPYTER_CONFIG_DIR": str(folder / "config"),
           "JUPYTER_DATA_DIR": str(folder / "data"), "JUPYTER_PATH": str(ROOT / ".venv" / "share" / "jupyter")}
    done = subprocess.run([TOOLS / "nbgrader", *args], cwd=folder, env=env, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"grading: nbgrader {' '.join(args)} failed:\n{done.stdout}{done.stderr}")


def submit(course, student, softmax):
    """Writes a student's notebook: the release with these solutions."""
    release = json.loads((course / "release" / NAME / f"{NAME}.ipynb").read_text(encoding="utf-8"))
    solutions = {cell["id"]: cell["source"] for cell in json.loads((course / "source" / NAME / f"{NAME}.ipynb").read_text(encoding="utf-8"))["cells"]}
    for cell in release["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("solution") and softmax != "":
            cell["source"] = softmax if softmax and cell["id"] == "softmax" else solutions[cell["id"]]
    target = course / "submitted" / student / NAME / f"{NAME}.ipynb"
    target.parent.mkdir(parents=True)
    target.write_text(json.dumps(release), encoding="utf-8")


def main():
    with tempfile.TemporaryDirectory() as folder:
        course = shutil.copytree(COURSE, Path(folder, "course"))
        nbgrader(course, "generate_assignment", NAME)
        for student, (_, softmax) in STUDENTS.items():
            submit(course, student, softmax)
        nbgrader(course, "autograde", NAME)
        nbgrader(course, "export", "--to", "grades.csv")
        with (course / "grades.csv").open(newline="") as file:
            points = {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}
    for student, (want, _) in STUDENTS.items():
        print(f"{student:10} {points.get(student)} points of 3")
    wrong = [student for student, (want, _) in STUDENTS.items() if points.get(student) != want]
    return f"grading: wrong points for {', '.join(wrong)}; want {dict((s, w) for s, (w, _) in STUDENTS.items())}" if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
