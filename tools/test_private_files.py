"""Nothing that another user of the machine has prepared in a shared folder is used, and nothing is left there for them to read."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from jupyter_client.connect import write_connection_file

import kernel

ROOT = Path(__file__).resolve().parent.parent
OTHER_UID = 12345


@unittest.skipUnless(sys.platform == "linux", "start.sh runs in the image, with GNU tools")
class Start(unittest.TestCase):
    """docker/start.sh, with the image's folders replaced by temporary ones."""

    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.root = Path(temporary.name)
        self.home, self.image, self.compiled = (self.root / name for name in ("home", "image", "compiled"))
        files = {"image/tools/trust.py": "", "image/go.mod": "module x", "image/data/archive": "", "compiled/00/a-d": "object"}
        for path, text in files.items():
            file = self.root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        self.home.mkdir(0o700)
        text = (ROOT / "docker" / "start.sh").read_text()
        shared = self.root / "shared"
        for name, folder in (("/opt/resnet18", self.image), ("/srv/resnet18", shared), ("/opt/go-build", self.compiled)):
            self.assertIn(name, text)
            text = text.replace(f"={name}\n", f"={folder}\n")
        self.script = self.root / "start.sh"
        self.script.write_text(text)

    def start(self, **env):
        """Runs start.sh and returns the build cache that it chose, and what it said. (Ubuntu's cp warns of its option -n.)"""
        env = {"PATH": os.environ["PATH"], "HOME": str(self.home), **{name: str(value) for name, value in env.items()}}
        p = subprocess.run(["sh", self.script, "sh", "-c", 'echo "$GOCACHE"; pwd'], env=env, capture_output=True, text=True)
        self.assertEqual(p.returncode, 0, p.stderr)
        cache, folder = p.stdout.splitlines()
        self.assertEqual(Path(folder).resolve(), (self.home / "resnet18").resolve())
        return Path(cache), "".join(line for line in p.stderr.splitlines() if line.startswith("start.sh:"))

    def check_private(self, cache):
        self.assertTrue(cache.is_relative_to(self.home), cache)
        self.assertEqual((cache.stat().st_mode & 0o777, cache.stat().st_uid), (0o700, os.geteuid()))
        self.assertEqual((cache / "00/a-d").read_text(), "object")

    def test_cache_is_in_the_home(self):
        for _ in range(2):  # the second start finds the first one's
            cache, said = self.start()
            self.assertEqual((cache, said), (self.home / ".cache/go-build", ""))
            self.check_private(cache)

    def test_prepared_folder_is_not_used(self):
        """Whatever another user has put where the cache is expected, a new folder is used."""
        planted = self.root / "planted"
        planted.mkdir()
        (planted / "evil-d").write_text("evil")

        def link(cache):
            cache.symlink_to(planted)

        def writable_by_all(cache):
            shutil.copytree(planted, cache)
            cache.chmod(0o777)

        def foreign(cache):
            shutil.copytree(planted, cache)
            os.chown(cache, OTHER_UID, OTHER_UID)

        def file(cache):
            cache.write_text("evil")

        for prepare in (link, writable_by_all, file, *([foreign] if os.geteuid() == 0 else [])):
            for where in ("home", "named"):
                with self.subTest(prepare.__name__, where=where):
                    cache = self.home / ".cache/go-build" if where == "home" else self.root / f"tmp-{prepare.__name__}"
                    shutil.rmtree(self.home / ".cache", ignore_errors=True)
                    cache.parent.mkdir(exist_ok=True)
                    prepare(cache)
                    got, said = self.start(**({"GOCACHE": cache} if where == "named" else {}))
                    self.assertNotEqual(got, cache)
                    self.check_private(got)
                    self.assertFalse((got / "evil-d").exists())
                    self.assertIn(str(cache), said)
        self.assertEqual(os.listdir(planted), ["evil-d"])

    def test_folder_of_root_is_not_used(self):
        if os.geteuid() == 0:
            self.skipTest("root owns it")
        self.check_private(self.start(GOCACHE="/usr")[0])

    def test_group_writable_home_of_a_cluster(self):
        cache = self.home / ".cache/go-build"
        cache.mkdir(parents=True)
        cache.chmod(0o2770)
        got, said = self.start()
        self.assertEqual((got, said, cache.stat().st_mode & 0o777), (cache, "", 0o700))

    def test_links_into_an_older_image_are_replaced(self):
        cache, _ = self.start()
        os.rename(self.compiled / "00/a-d", self.compiled / "00/b-d")
        self.start()
        self.assertEqual(sorted(os.listdir(cache / "00")), ["b-d"])

    def test_copy_of_the_project(self):
        self.start()
        self.assertEqual(sorted(os.listdir(self.home / "resnet18")), [".bin", ".venv", "data", "go.mod", "tools", "work"])
        self.assertTrue((self.home / "resnet18/data").is_symlink())
        self.assertEqual(sorted(os.listdir(self.home)), [".cache", "resnet18"])


class Texts(unittest.TestCase):
    def test_no_fixed_name_in_tmp(self):
        paths = [path for folder in ("docker", "tools", "bench") for path in (ROOT / folder).rglob("*")]
        programs = [path for path in paths if path.suffix in (".py", ".sh", ".yaml") and path != Path(__file__).resolve()]
        self.assertGreater(len(programs), 20)
        for path in programs:
            with self.subTest(path.name):
                self.assertNotRegex(path.read_text(encoding="utf-8"), r"/tmp/[\w$]")


@unittest.skipUnless((ROOT / ".bin/gonb").exists(), "needs make setup")
class Kernel(unittest.TestCase):
    def test_leaves_no_log_in_tmp(self):
        with tempfile.TemporaryDirectory() as folder:
            tmp, log, connection = Path(folder, "tmp"), Path(folder, "gonb.log"), str(Path(folder, "connection.json"))
            tmp.mkdir()
            write_connection_file(connection)
            spec = kernel.spec(log)
            command = [argument.replace("{connection_file}", connection) for argument in spec["argv"]]
            env = {**os.environ, **spec["env"], "TMPDIR": str(tmp), "PATH": spec["env"]["PATH"].replace("${PATH}", os.environ["PATH"])}
            p = subprocess.Popen(command, cwd=folder, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                for _ in range(300):
                    if log.exists() and "jupyter root" in log.read_text():  # logged when its folder for cells is made
                        break
                    time.sleep(0.1)
                left = {path.name: path.stat().st_mode & 0o777 for path in tmp.iterdir()}
            finally:
                p.kill()
                p.wait()
        self.assertEqual([(name[:5], mode) for name, mode in left.items()], [("gonb_", 0o700)])


if __name__ == "__main__":
    unittest.main()
