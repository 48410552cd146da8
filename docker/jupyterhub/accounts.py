"""Creates the accounts of a class: a Unix user for each line NAME:PASSWORD of a file, so that file permissions keep them apart."""

import grp
import os
import pwd
import re
import stat
import subprocess
from pathlib import Path

FIRST_UID, LAST_UID = 2000, 59999
NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")


def read(path):
    """Returns {name: password} from a file that nobody but its owner can read. Empty lines and lines that start with # are skipped."""
    accounts = {}
    for number, line in enumerate(private_text(path).splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, colon, password = line.partition(":")
        if not NAME.fullmatch(name) or not colon:
            raise SystemExit(f"{path}, line {number}: want NAME:PASSWORD, the name with lower-case letters, digits or -")
        if problem := name_problem(name) or password_problem(name, password):
            raise SystemExit(f"{path}, line {number}: {problem}")
        if name in accounts:
            raise SystemExit(f"{path}, line {number}: duplicate name {name}")
        accounts[name] = password
    return accounts


def private_text(path):
    """The text of a regular file of this user or root that others can neither read nor write. The file's kind is checked before it is
    read: a FIFO would wait for a writer."""
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            info = os.fstat(file.fileno())
            if not stat.S_ISREG(info.st_mode):
                raise SystemExit(f"{path}: not a regular file")
            if info.st_uid not in (0, os.geteuid()):
                raise SystemExit(f"{path}: owned by user {info.st_uid}, who could add accounts; run: sudo chown root {path}")
            if info.st_mode & 0o077:
                raise SystemExit(f"{path}: mode {info.st_mode & 0o777:o}, others could read the passwords; run: chmod 600 {path}")
            return file.read().decode("utf-8")
    except OSError as error:
        raise SystemExit(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SystemExit(f"{path}: want a text file in UTF-8") from None


def name_problem(name):
    """Says why a name cannot be a student's: the system's accounts and groups are not for logging in."""
    user = user_of(name)
    if user and not FIRST_UID <= user.pw_uid <= LAST_UID:
        return f"{name} is an account of the system (user {user.pw_uid}); choose another name"
    if not user and name in {group.gr_name for group in grp.getgrall()}:
        return f"{name} is a group of the system; choose another name"
    return None


def password_problem(name, password):
    if len(password.strip()) < 8 or password != password.strip() or not password.isprintable():
        return "want a password of 8 or more characters, without spaces at its ends or control characters"
    if len(set(password)) < 4 or name in password:
        return "the password is easy to guess: it repeats a few characters, or contains the name"
    return None


def make(accounts, homes=Path("/home")):
    """Creates the users that the container lacks. A home that a volume already has keeps its owner's uid."""
    owners = {home.name: home.lstat() for home in homes.iterdir()}
    taken = {FIRST_UID - 1} | {info.st_uid for info in owners.values() if info.st_uid <= LAST_UID}
    for name, password in accounts.items():
        home = homes / name
        if name in owners:
            check_home(home, owners[name])
        if not user_of(name):
            uid = owners[name].st_uid if name in owners else max(taken) + 1
            taken.add(uid)
            subprocess.run(["useradd", "--no-log-init", "--create-home", "--home-dir", home, "--uid", str(uid),
                            "--user-group", "--shell", "/bin/bash", name], check=True)
        os.chmod(home, 0o700)
        subprocess.run(["chpasswd"], input=f"{name}:{password}\n", text=True, encoding="utf-8", check=True)


def check_home(home, info):
    """Refuses a home that would give a student the rights of another user: the student's uid is that of the home."""
    if not stat.S_ISDIR(info.st_mode):
        raise SystemExit(f"{home}: not a folder; move it away")
    if not FIRST_UID <= info.st_uid <= LAST_UID:
        raise SystemExit(f"{home}: owned by user {info.st_uid}, want {FIRST_UID} to {LAST_UID}: chown it, or move it away")
    try:
        owner = pwd.getpwuid(info.st_uid).pw_name
    except KeyError:
        return
    if owner != home.name:
        raise SystemExit(f"{home}: owned by user {owner}, another student: chown it, or move it away")


def user_of(name):
    """The user of that name, or None."""
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None
