"""Tests of docker/jupyterhub/accounts.py, which creates the accounts of a class."""

import os
import pwd
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "docker" / "jupyterhub"))
import accounts


def user(uid):
    return pwd.struct_passwd(("x", "x", uid, uid, "", "/", "/bin/sh"))


class Accounts(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.root = Path(temporary.name)
        self.file = self.root / "students"

    def read(self, text, mode=0o600):
        self.file.write_bytes(text if isinstance(text, bytes) else text.encode())
        self.file.chmod(mode)
        return accounts.read(self.file)

    def refused(self, want, call, *arguments):
        with self.assertRaises(SystemExit) as error:
            call(*arguments)
        self.assertIn(want, str(error.exception))

    def test_read(self):
        text = "# a class\r\n\r\nanna:correct: horse\r\nbob-2:päßwört8\r\n"
        self.assertEqual(self.read(text), {"anna": "correct: horse", "bob-2": "päßwört8"})

    def test_names(self):
        for name in ("root", "daemon", "nobody"):
            self.refused(f"line 1: {name} is an account of the system", self.read, f"{name}:correct horse\n")
        with mock.patch.object(accounts, "user_of", return_value=user(1000)):
            self.refused("jovyan is an account of the system (user 1000)", self.read, "jovyan:correct horse\n")
        with mock.patch.object(accounts, "user_of", return_value=user(2005)):
            self.assertEqual(self.read("anna:correct horse\n"), {"anna": "correct horse"}, "made at an earlier start")
        group = next(g.gr_name for g in accounts.grp.getgrall() if not accounts.user_of(g.gr_name) and accounts.NAME.fullmatch(g.gr_name))
        self.refused(f"{group} is a group of the system", self.read, f"{group}:correct horse\n")
        for name in ("Anna", "../anna", "anna smith", "-anna", "", "anna\n", "a" * 32):
            self.refused("want NAME:PASSWORD", self.read, f"{name}:correct horse\n")
        self.refused("line 2: duplicate name anna", self.read, "anna:correct horse\nanna:battery staple\n")

    def test_passwords(self):
        for password in ("", "short", " " * 8, " correct horse", "correct horse ", "correct\0horse", "correct\thorse", "\u2003" * 8):
            self.refused("want a password of 8 or more characters", self.read, f"anna:{password}\n")
        for password in ("aaaaaaaa", "12121212", "anna1234", "anna-anna"):
            self.refused("easy to guess", self.read, f"anna:{password}\n")

    def test_file(self):
        for mode in (0o644, 0o640, 0o602):
            self.refused(f"{self.file}: mode {mode:o}, others could read the passwords; run: chmod 600", self.read, "anna:correct horse", mode)
        if os.geteuid() == 0:
            os.chown(self.file, 12345, -1)
            self.refused("owned by user 12345", accounts.read, self.file)
            self.file.unlink()
        self.refused("want a text file in UTF-8", self.read, b"anna:\xff\xfe horse")
        self.file.unlink()
        self.refused(f"{self.file}: No such file or directory", accounts.read, self.file)
        os.mkfifo(self.file, 0o600)  # reading it would wait for ever
        self.refused(f"{self.file}: not a regular file", accounts.read, self.file)
        self.refused("not a regular file", accounts.read, "/dev/null")

    def make(self, *names):
        """The commands by which make would create these accounts."""
        with mock.patch.object(accounts.subprocess, "run") as run, mock.patch.object(accounts.os, "chmod"):
            accounts.make({name: "correct horse" for name in names}, self.root)
        return [[str(word) for word in call.args[0]] for call in run.call_args_list]

    def test_make(self):
        commands = self.make("anna", "bob")
        self.assertEqual([c[0] for c in commands], ["useradd", "chpasswd"] * 2)
        self.assertEqual([c[c.index("--uid") + 1] for c in commands[::2]], ["2000", "2001"])

    def test_make_keeps_the_owner_of_a_home(self):
        (self.root / "anna").mkdir()
        uid = os.geteuid()
        with mock.patch.object(accounts, "FIRST_UID", uid), mock.patch.object(accounts.pwd, "getpwuid", side_effect=KeyError):
            commands = self.make("bob", "anna")
        self.assertEqual([c[c.index("--uid") + 1] for c in commands[::2]], [str(uid + 1), str(uid)])

    def test_home_of_another(self):
        """A home owned by root or another student would make the student that user."""
        home = self.root / "anna"
        home.mkdir()
        with mock.patch.object(accounts, "FIRST_UID", os.geteuid() + 1):
            self.refused(f"{home}: owned by user {os.geteuid()}, want", self.make, "anna")
        with mock.patch.object(accounts, "FIRST_UID", os.geteuid()):
            self.refused(f"{home}: owned by user {pwd.getpwuid(os.geteuid()).pw_name}, another student", self.make, "anna")
        home.rmdir()
        home.symlink_to(self.root)
        self.refused(f"{home}: not a folder", self.make, "anna")


class Ignored(unittest.TestCase):
    def test_the_students_file_is_in_neither_git_nor_the_image(self):
        """docker/README.md puts it into the project's folder."""
        self.assertIn("$PWD/students:/srv/students", (ROOT / "docker" / "README.md").read_text(encoding="utf-8"))
        self.assertIn("/students", (ROOT / ".gitignore").read_text(encoding="utf-8").split())
        self.assertIn("students", (ROOT / ".dockerignore").read_text(encoding="utf-8").split())


if __name__ == "__main__":
    unittest.main()
