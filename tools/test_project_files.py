"""Tests of project_files.py: run with python -m unittest discover tools."""

import subprocess
import tempfile
import unittest
from pathlib import Path

import project_files


class ListedTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        for name in ("README.md", "a/笔记.md", "a/b.go", "work/x.md", ".venv-peers/y.md", "gone.md"):
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("text", encoding="utf-8")

    def test_git(self):
        """Names that are not ASCII, files that are deleted but still in the index, ignored ones."""
        (self.root / ".gitignore").write_text("work/\n.venv-*/\n", encoding="utf-8")
        for command in (["init", "--quiet"], ["add", "."]):
            subprocess.run(["git", *command], cwd=self.root, check=True)
        (self.root / "gone.md").unlink()
        self.assertEqual(project_files.listed("*.md", root=self.root), ["README.md", "a/笔记.md"])

    def test_without_checkout(self):
        self.assertEqual(project_files.listed("*.md", root=self.root), ["README.md", "a/笔记.md", "gone.md"])
        self.assertEqual(project_files.listed("*.go", "*.md", root=self.root), ["README.md", "a/b.go", "a/笔记.md", "gone.md"])


if __name__ == "__main__":
    unittest.main()
