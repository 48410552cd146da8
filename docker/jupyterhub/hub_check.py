"""Load test of a running hub: logs in as every student, executes notebooks in all their servers at the same time through Jupyter's
API, and tries to read other students' files. Prints a table of times and memory.

    hub_check.py /srv/students 01-data 05-predict

Runs as root in the hub's container (docker/README.md), to read the memory of all users from /proc.
"""

import json
import os
import pwd
import sys
import threading
import time
import uuid
from pathlib import Path

import requests
import websocket

sys.path.insert(0, "/etc/jupyterhub")
import accounts

HUB = "127.0.0.1:8000"
MB = 1 << 20
LIMIT = 660  # seconds; the hub gives up after 600, its http_timeout


class Student:
    """A student's API token, server and times."""

    def __init__(self, name, password):
        self.name, self.seconds, self.error = name, {}, None
        answer = requests.post(f"http://{HUB}/hub/api/users/{name}/tokens", json={"auth": {"username": name, "password": password}})
        answer.raise_for_status()
        self.headers = {"Authorization": "token " + answer.json()["token"]}
        self.server = f"{HUB}/user/{name}"

    def call(self, method, address, **more):
        return requests.request(method, "http://" + address, headers=self.headers, timeout=120, **more)

    def start(self):
        self.call("POST", f"{HUB}/hub/api/users/{self.name}/server").raise_for_status()
        deadline = time.monotonic() + LIMIT
        while time.monotonic() < deadline:
            ready = self.call("GET", f"{HUB}/hub/api/users/{self.name}").json()["servers"].get("", {}).get("ready")
            if ready and self.call("GET", self.server + "/api/status").ok:
                return
            time.sleep(0.2)
        raise TimeoutError(f"server not ready after {LIMIT} s; see the hub's log")

    def work(self, notebooks):
        try:
            self.timed("start", self.start)
            for name in notebooks:
                self.timed(name, self.execute, f"notebooks/{name}.ipynb")
        except Exception as error:  # shown in the table; the others continue
            self.error = f"{type(error).__name__}: {error}"

    def timed(self, what, do, *arguments):
        began = time.monotonic()
        do(*arguments)
        self.seconds[what] = time.monotonic() - began

    def execute(self, path):
        """Runs all code cells of a notebook in a new kernel, like Run All Cells."""
        cells = self.call("GET", f"{self.server}/api/contents/{path}").json()["content"]["cells"]
        codes = [cell["source"] for cell in cells if cell["cell_type"] == "code"]
        with Kernel(self, path) as kernel:
            for number, code in enumerate(codes, 1):
                began = time.monotonic()
                kernel.run(code, f"{path}, code cell {number}")
                self.seconds.setdefault("cells", []).append(time.monotonic() - began)

    def tries_to_read(self, other):
        """Tries to read another student's files in several ways. Yields (attempt, whether it succeeded, answer)."""
        home, number = pwd.getpwnam(other.name).pw_dir, pwd.getpwnam(other.name).pw_uid
        with Kernel(self, "notebooks/01-data.ipynb") as kernel:
            for command in (f"ls {home}", f"cat {home}/resnet18/notebooks/01-data.ipynb", f"ls {home}/.cache/go-build", "cat /srv/students",
                            "cat /srv/hub/hub.sqlite", f"cat /proc/{process_of(number)}/environ"):
                said = kernel.run(f"!{command} >/dev/null && echo GOT-IT", command)
                yield f"cell !{command}", "GOT-IT" in said, last_line(said.replace("exit status", ""))
        for what, address in ((f"{other.name}'s server with one's own token", f"{other.server}/api/contents/notebooks"),
                              (f"one's own server, ../../{other.name}", f"{self.server}/api/contents/..%2F..%2F{other.name}%2Fresnet18"),
                              (f"the hub about {other.name}", f"{HUB}/hub/api/users/{other.name}")):
            answer = self.call("GET", address, allow_redirects=False)
            yield what, answer.status_code == 200, str(answer.status_code)


class Kernel:
    """A notebook session and its kernel, over a websocket."""

    def __init__(self, student, path):
        self.student = student
        answer = student.call("POST", student.server + "/api/sessions", json={
            "path": path, "name": path, "type": "notebook", "kernel": {"name": "gonb"}})
        answer.raise_for_status()
        self.session, kernel = answer.json()["id"], answer.json()["kernel"]["id"]
        self.socket = websocket.create_connection(
            f"ws://{student.server}/api/kernels/{kernel}/channels", header=student.headers, timeout=900)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()
        self.student.call("DELETE", f"{self.student.server}/api/sessions/{self.session}")

    def run(self, code, what):
        """Executes a cell and returns the text that it prints; raises RuntimeError if it fails."""
        id, text, left = uuid.uuid4().hex, "", {"reply", "idle"}
        self.socket.send(json.dumps({
            "channel": "shell", "parent_header": {}, "metadata": {}, "buffers": [],
            "header": {"msg_id": id, "msg_type": "execute_request", "session": id, "username": "", "version": "5.3", "date": ""},
            "content": {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}}))
        while left:
            message = json.loads(self.socket.recv())
            if message.get("parent_header", {}).get("msg_id") != id:
                continue
            kind, content = message["header"]["msg_type"], message["content"]
            text += content.get("text", "") if kind == "stream" else ""
            if kind == "error" or content.get("status") == "error":
                raise RuntimeError(f"{what}: {content.get('evalue')} {text[-300:]}")
            left -= {"reply"} if kind == "execute_reply" else {"idle"} if content.get("execution_state") == "idle" else set()
        return text


class Memory(threading.Thread):
    """Samples the memory of the students' processes twice a second."""

    def __init__(self, uids):
        super().__init__(daemon=True)
        self.uids, self.now, self.peak, self.peak_rss = uids, {}, dict.fromkeys(uids, 0), dict.fromkeys(uids, 0)
        self.total_peak, self.stopped = 0, threading.Event()

    def run(self):
        while not self.stopped.wait(0.5):
            pss, rss = dict.fromkeys(self.uids, 0), dict.fromkeys(self.uids, 0)
            for process in processes():
                try:
                    uid = process.stat().st_uid
                    if uid in pss:
                        rollup = (process / "smaps_rollup").read_text()
                        pss[uid] += field(rollup, "Pss:")
                        rss[uid] += field(rollup, "Rss:")
                except OSError:
                    continue  # it has ended
            for uid in self.uids:
                self.peak[uid] = max(self.peak[uid], pss[uid])
                self.peak_rss[uid] = max(self.peak_rss[uid], rss[uid])
            self.total_peak = max(self.total_peak, sum(pss.values()))
            self.now = pss


def processes():
    return Path("/proc").glob("[0-9]*")


def process_of(uid):
    for process in processes():
        try:
            if process.stat().st_uid == uid:
                return process.name
        except OSError:
            continue  # it has ended
    return "1"


def field(text, name):
    return next((int(line.split()[1]) << 10 for line in text.splitlines() if line.startswith(name)), 0)


def last_line(text):
    return (text.strip().splitlines() or [""])[-1]


def main():
    file, notebooks = sys.argv[1], sys.argv[2:]
    students = [Student(name, password) for name, password in accounts.read(file).items()]
    uids = {student.name: pwd.getpwnam(student.name).pw_uid for student in students}
    memory = Memory(list(uids.values()))
    memory.start()
    began = time.monotonic()
    threads = [threading.Thread(target=student.work, args=(notebooks,)) for student in students]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"{len(students)} students, {os.cpu_count()} cores: all done in {time.monotonic() - began:.0f} s\n")
    time.sleep(5)
    idle = dict(memory.now)
    memory.stopped.set()

    columns = ["start", *notebooks]
    print("| student | " + " | ".join(f"{c}, s" for c in columns) + " | longest cell, s | PSS peak, MB | RSS peak, MB | PSS idle, MB | |")
    print("|---" * (len(columns) + 6) + "|")
    for s in students:
        uid = uids[s.name]
        times = " | ".join(f"{s.seconds[c]:.0f}" if c in s.seconds else "-" for c in columns)
        print(f"| {s.name} | {times} | {max(s.seconds.get('cells', [0])):.0f} | {memory.peak[uid] // MB} | {memory.peak_rss[uid] // MB} | "
              f"{idle.get(uid, 0) // MB} | {s.error or 'all cells passed'} |")
    print(f"\npeak of all together: {memory.total_peak // MB} MB (PSS)\n")
    if any(s.error for s in students):
        sys.exit("not every student's cells passed; see the table")

    if len(students) < 2:
        print("only one student: no other student's files to try to read")
        return
    leaks = 0
    for what, got, said in students[0].tries_to_read(students[1]):
        leaks += got
        print(f"{students[0].name} tries: {what}: {'READ IT' if got else 'refused'} ({said})")
    if leaks:
        sys.exit(f"{leaks} of these attempts read another student's files")


if __name__ == "__main__":
    main()
