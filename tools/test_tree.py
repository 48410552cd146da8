"""Every clone carries what has once been committed, so what does not belong there is refused before."""
import pathlib
import subprocess
import unittest

import project_files

ROOT = pathlib.Path(__file__).resolve().parent.parent
LARGEST = 4_000_000  # bytes; the page's program has 3.3 million
LARGER = {"data/cifar10-jpeg.tar.gz"}


def tracked():
    if not (ROOT / ".git").exists():
        raise unittest.SkipTest("not a git checkout")
    names = subprocess.run([*project_files.GIT, "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    return [name for name in names.split("\0") if (ROOT / name).is_file()]


class Tree(unittest.TestCase):
    def test_files_are_small(self):
        large = [name for name in tracked() if name not in LARGER and (ROOT / name).stat().st_size > LARGEST]
        self.assertEqual(large, [], f"over {LARGEST:,} bytes; a file that belongs here gets a line in LARGER")

    def test_folders_are_known(self):
        """A mistyped option has left a folder named -h full of screenshots."""
        known = {"bench", "cmd", "data", "docker", "examples", "notebooks", "pkg", "site", "tools"}
        found = {name.split("/")[0] for name in tracked() if "/" in name and not name.startswith(".")}
        self.assertEqual(found - known, set(), "a new folder at the top level needs a reason, and a line here and in the README")


if __name__ == "__main__":
    unittest.main()
