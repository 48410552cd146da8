"""Starts `make lab` and checks access to it: it listens on the loopback only and requires its token.

    .venv/bin/python tools/lab_check.py

Linux only: reads the sockets from /proc.
"""

import os
import signal
import sys
import urllib.error
import urllib.request
from pathlib import Path

from browser_check import start_lab

LISTENING = "0A"
LOOPBACK = {"0100007F": "127.0.0.1", "0" * 24 + "01000000": "::1"}  # in the kernel's notation


def listening(session):
    """(address, port) of all sockets on which the processes of a session listen."""
    inodes = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if os.getsid(int(process.name)) == session:
                links = [os.readlink(f) for f in (process / "fd").iterdir()]
                inodes |= {link[8:-1] for link in links if link.startswith("socket:[")}
        except OSError:
            continue  # it has ended
    rows = [row.split() for table in ("tcp", "tcp6") for row in Path("/proc/net", table).read_text().splitlines()[1:]]
    return [row[1].split(":") for row in rows if row[3] == LISTENING and row[9] in inodes]


def status(address):
    try:
        return urllib.request.urlopen(address).status
    except urllib.error.HTTPError as error:
        return error.code


def main():
    lab, base, token = start_lab()
    try:
        sockets = listening(lab.pid)  # start_lab starts a new session
        print("listens on", ", ".join(f"{LOOPBACK.get(address, address)} port {int(port, 16)}" for address, port in sockets))
        if not sockets or any(address not in LOOPBACK for address, _ in sockets):
            sys.exit("lab: want sockets on the loopback only, see above")
        kernels, answers = base + "/api/kernels", {}
        for what, query in (("without a token", ""), ("with a wrong token", "?token=guess"), ("with its token", token)):
            answers[what] = status(kernels + query)
            print(f"{what}: {answers[what]}")
        if list(answers.values()) != [403, 403, 200]:
            sys.exit("lab: want 403 without the right token and 200 with it, see above")
    finally:
        os.killpg(lab.pid, signal.SIGTERM)
        lab.wait()


if __name__ == "__main__":
    main()
