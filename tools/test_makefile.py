"""The Makefile on ordinary machines: what the reader's settings and folders must not break."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OTHER_UID = 12345


class Makefile(unittest.TestCase):
    """The Makefile with a small module and a target "probe" of the test's."""

    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.parent = Path(temporary.name)
        self.project = self.parent / "project"
        (self.project / "tools").mkdir(parents=True)
        shutil.copy(ROOT / "Makefile", self.project)
        self.write("go.mod", "module example.com/probe\n\ngo 1.26\n")
        self.write("go.sum", "")
        self.write("main.go", "package main\n\nfunc main() {}\n")

    def write(self, name, text):
        (self.project / name).write_text(text, encoding="utf-8")

    def run_command(self, *command, **env):
        # The messages of sh and make in English, whatever the locale: with zh_CN.GBK they are neither that nor UTF-8.
        env = {**os.environ, "LC_ALL": "C.UTF-8", "GOFLAGS": "", "GOWORK": "", "GOTOOLCHAIN": "local", **env}
        return subprocess.run(command, cwd=self.project, env=env, capture_output=True, encoding="utf-8")

    def probe(self, command, **env):
        """What a command prints as a line of the Makefile. (macOS's make, 3.81, has no --eval.)"""
        self.write("probe.mk", f"probe: ; {command}\n")
        p = self.run_command("make", "--no-print-directory", "--silent", "-f", "Makefile", "-f", "probe.mk", "probe", **env)
        self.assertEqual(p.returncode, 0, p.stdout + p.stderr)
        return p.stdout

    def test_workspace_above(self):
        """A go.work in a folder above does not know this module."""
        (self.parent / "go.work").write_text("go 1.26\n", encoding="utf-8")
        self.assertNotEqual(self.run_command("go", "build", "-o", "built", ".").returncode, 0, "without make it fails")
        self.probe("go build -o built .")

    def test_clone_of_another_user(self):
        """git refuses to describe such a clone, and go build then fails."""
        self.run_command("git", "init", "--quiet", ".")
        home = {"HOME": str(self.parent), "GOCACHE": subprocess.check_output(["go", "env", "GOCACHE"], encoding="utf-8").strip()}
        if os.geteuid() == 0:
            for path in [self.project, *self.project.rglob("*")]:
                os.chown(path, OTHER_UID, OTHER_UID)
            self.assertNotEqual(self.run_command("go", "build", "-o", "built", ".", **home).returncode, 0, "without make it fails")
        self.probe("go build -o built .", **home)
        self.assertEqual(self.probe("go env GOFLAGS", GOFLAGS="-mod=mod").strip(), "-mod=mod -buildvcs=false", "the reader's flags are kept")

    def test_cdpath(self):
        """With CDPATH, cd enters another folder of that name and prints it."""
        (self.parent / "elsewhere" / "tools").mkdir(parents=True)
        cdpath = str(self.parent / "elsewhere")
        self.assertNotIn("project", self.run_command("sh", "-c", "cd tools && pwd", CDPATH=cdpath).stdout)
        self.assertEqual(self.probe("cd tools && pwd", CDPATH=cdpath).strip(), str((self.project / "tools").resolve()))

    def test_python_reads_utf8(self):
        """Whatever the locale: a Chinese Windows' or Linux's is GBK."""
        self.assertEqual(self.probe(f"{shlex.quote(sys.executable)} -c 'import sys; print(sys.flags.utf8_mode)'", LC_ALL="C.UTF-8", PYTHONUTF8="0").strip(), "1")

    def test_moved_project(self):
        """After a move `make lab` works: the kernel is registered again with its new place, and no program is started by a script of
        .venv/bin, whose first line has the old place."""
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", self.project / ".venv"], check=True)
        shutil.copy(ROOT / "tools" / "kernel.py", self.project / "tools")
        for name in ("go.mod", "go.sum"):
            shutil.copy(ROOT / name, self.project)
        spec = ".venv/share/jupyter/kernels/gonb/kernel.json"
        kernel = lambda: json.loads((self.project / spec).read_text(encoding="utf-8"))["argv"][0]
        self.probe("$(PY) tools/kernel.py")
        self.assertEqual(kernel(), str(self.project.resolve() / ".bin" / "gonb"))
        old, self.project = self.project, self.project.rename(self.parent / "moved")
        self.assertNotEqual(self.run_command(".venv/bin/python", "-c", f"open({str(old)!r})").returncode, 0, "the old place is gone")
        folders = self.probe("$(PY) tools/kernel.py; echo $$JUPYTER_DATA_DIR $$JUPYTER_CONFIG_DIR $$IPYTHONDIR")
        self.assertEqual(kernel(), str(self.project.resolve() / ".bin" / "gonb"))
        for text in (folders, *(path.read_text(encoding="utf-8") for path in (self.project / ".venv" / "share").rglob("*.json"))):
            self.assertIn("/moved/", text)
            self.assertNotIn(f"{old}/", text)
        for path in (ROOT / "Makefile", ROOT / "docker" / "start.sh", *(ROOT / "tools").glob("*.py")):
            self.assertLessEqual(set(re.findall(r"\.venv/bin/(\w+)", path.read_text(encoding="utf-8"))), {"python"}, path.name)

    @unittest.skipUnless(subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode == 0 if shutil.which("unshare") else False,
                         "needs root, to mount a folder read-only")
    def test_read_only_project(self):
        shutil.copytree(ROOT / "tools", self.project / "tools", dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))

        def read_only(folder, command):
            return self.run_command("unshare", "--mount", "sh", "-c", f'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && cd "$PWD" && {command}', "sh", folder)

        for folder, command in ((self.project, "make setup"), (self.project, "make .bin/.installed"), (sys.prefix, f"{shlex.quote(sys.executable)} tools/kernel.py")):
            with self.subTest(command):
                p = read_only(str(Path(folder).resolve()), command)
                self.assertNotEqual(p.returncode, 0)
                self.assertRegex(p.stderr, "(?i)the project folder must be writable")
                self.assertNotIn("Traceback", p.stderr)

    def test_line_ends(self):
        """git's core.autocrlf would give the scripts CRLF."""
        shutil.copy(ROOT / ".gitattributes", self.project)
        self.write("tools/check.sh", "#!/bin/sh\ntrue\n")
        self.run_command("git", "init", "--quiet", ".")
        self.run_command("git", "add", ".")
        p = self.run_command("git", "-c", "user.name=x", "-c", "user.email=x@example.com", "commit", "--quiet", "-m", "x")
        self.assertEqual(p.returncode, 0, p.stderr)
        clone = self.parent / "clone"
        p = self.run_command("git", "clone", "--quiet", "-c", "core.autocrlf=true", str(self.project), str(clone))
        self.assertEqual(p.returncode, 0, p.stderr)
        for name in ("tools/check.sh", "Makefile", "main.go"):
            self.assertNotIn(b"\r", (clone / name).read_bytes(), name)


if __name__ == "__main__":
    unittest.main()
