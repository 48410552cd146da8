"""Which files belong to the project, and files of digests."""

import re
import subprocess
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GIT = ("git", "-c", "safe.directory=*")  # also in a clone that another user owns, as in a container
IGNORED = re.compile(r"(\.git|\.bin|work|dist|\.venv[^/]*)/")  # where git cannot tell


def listed(*patterns, root=ROOT):
    """The names of the files that match a pattern of git, such as *.md, without those that git ignores, sorted."""
    command = [*GIT, "ls-files", "-z", "--cached", "--others", "--exclude-standard", *patterns]
    try:
        names = subprocess.run(command, cwd=root, check=True, capture_output=True).stdout.decode().split("\0")
    except (OSError, subprocess.CalledProcessError):  # no git, or a copy without its folder .git
        names = [path.relative_to(root).as_posix() for path in root.rglob("*")]
        names = [name for name in names if not IGNORED.match(name) and any(fnmatch(name, pattern) for pattern in patterns)]
    return [name for name in sorted(set(names)) if (root / name).is_file()]  # a deleted file is still listed


def sums(path):
    """{name: SHA-256} of a file in the format of sha256sum; {} if there is none."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return {name: value for value, _, name in (line.partition("  ") for line in lines)}


def write_sums(path, digests):
    """Writes such a file from {name: SHA-256}."""
    path.write_text("".join(f"{value}  {name}\n" for name, value in digests.items()), encoding="utf-8")
