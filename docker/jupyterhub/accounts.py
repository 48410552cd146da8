"""Creates the accounts of a class: a Unix user for each line NAME:PASSWORD of a file, so that file permissions keep them apart."""

import os
import pwd
import re
import subprocess
from pathlib import Path

FIRST_UID = 2000
NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")


def read(path):
    """Returns {name: password} from a file. Empty lines and lines that start with # are skipped."""
    accounts = {}
    for number, line in enumerate(Path(path).read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, colon, password = line.partition(":")
        if not NAME.fullmatch(name) or not colon or len(password) < 8:
            raise SystemExit(f"{path}, line {number}: want NAME:PASSWORD, with lower-case letters, digits or - and 8 or more characters")
        if name in accounts:
            raise SystemExit(f"{path}, line {number}: duplicate name {name}")
        accounts[name] = password
    return accounts


def make(accounts, homes=Path("/home")):
    """Creates the users that the container lacks. A home that a volume already has keeps its owner's uid."""
    taken = {FIRST_UID - 1} | {home.stat().st_uid for home in homes.iterdir()}
    for name, password in accounts.items():
        home = homes / name
        if not is_user(name):
            uid = home.stat().st_uid if home.exists() else max(taken) + 1
            taken.add(uid)
            subprocess.run(["useradd", "--no-log-init", "--create-home", "--home-dir", home, "--uid", str(uid),
                            "--user-group", "--shell", "/bin/bash", name], check=True)
        os.chmod(home, 0o700)
        subprocess.run(["chpasswd"], input=f"{name}:{password}\n", text=True, check=True)


def is_user(name):
    try:
        return bool(pwd.getpwnam(name))
    except KeyError:
        return False
