"""bench/gpu.py with programs that answer at once: what it runs, with which XLA flags, and what it writes. Its real dry run takes minutes."""

import json
import os
import shlex
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Each program notes how it was called. A step takes 2 ms, 1 ms with convolutions in CUDA graphs; the plugin knows no graph of loops.
OURS = """\
import json, os, sys
flags = os.environ.get("XLA_FLAGS", "")
print("ours", *sys.argv[1:], flags, file=open(os.environ["CALLS"], "a"))
if "+WHILE" in flags:
    sys.exit("Unknown flag in XLA_FLAGS")
task = sys.argv[sys.argv.index("-task") + 1]
run = {"launch_steps": 2, "losses": [2.5, 2.25], "loss_difference": 0, "weight_difference": 0, "evaluation_difference": 0}
print("a line before")
print(json.dumps({"seconds": [0.001 if "+CONVOLUTION" in flags else 0.002], "device": "a card", "steps": 5, "runs": [run] * 3}))
"""
RESNET18 = """\
import os, sys
print("resnet18", *sys.argv[1:], os.environ.get("XLA_FLAGS", ""), file=open(os.environ["CALLS"], "a"))
print("[Test] accuracy/loss: 0.7000/0.9000")
"""
PEER = """\
import json, os, sys
print("peer", *sys.argv[1:], file=open(os.environ["CALLS"], "a"))
if sys.argv[1] == "-c":
    print("torch 2")
else:
    print(json.dumps({"seconds": [0.004], "device": "PyTorch"}))
"""


class TestGPU(unittest.TestCase):
    def bench(self, *options, code=0):
        """Makes a dry run and returns what it wrote, what it printed and the calls of the programs."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for program, text in {"ours": OURS, "resnet18": RESNET18, "python": PEER}.items():
                (folder / f"{program}.py").write_text(text)
                (folder / program).write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$0.py" "$@"\n')
                (folder / program).chmod(0o755)
            env = {**os.environ, "PYTHON": str(folder / "python"), "CALLS": str(folder / "calls"), "XLA_FLAGS": ""}
            command = [sys.executable, ROOT / "bench/gpu.py", "--dry-run", "--programs", folder, "--out", folder / "out/GPU.md", *options]
            p = subprocess.run(command, env=env, capture_output=True, text=True)
            self.assertEqual(p.returncode, code, p.stderr)
            calls, out = folder / "calls", folder / "out/GPU.md"
            return out.read_text() if out.exists() else None, p.stdout + p.stderr, calls.read_text().splitlines() if calls.exists() else []

    def test_everything(self):
        text, printed, calls = self.bench()
        rows = {line.split("|")[1].strip(): [cell.strip() for cell in line.split("|")[2:-1]] for line in text.splitlines() if line.startswith("| ")}
        self.assertEqual(list(rows), ["work", "training step, batch 64", "training step, batch 256", "training step, CIFAR stem, batch 256",
                                      "evaluation of 10,000 images", "the chapter's 30 epochs, whole process; test accuracy",
                                      "the modern recipe, whole process; test accuracy", "process start to the end of the first step"])
        for work, cells in rows.items():
            with self.subTest(work):
                if "process;" in work:
                    self.assertRegex(cells[0], r"^\d+\.\d s; 0\.7000$")
                elif work != "work":
                    eager, ratio = ("4.00 ms", "0.25") if work.endswith("batch 64") else ("", "")
                    self.assertEqual(cells, ["1.00 ms", "", "", "", eager, "", ratio])
        self.assertIn("The plugin does not know `--xla_gpu_enable_command_buffer=+CONVOLUTION,+WHILE`.", text)
        self.assertIn("default 2.00 ms, convolutions 1.00 ms. All tasks use: convolutions.", text)
        self.assertIn("Training of 5 steps in launches of 2, against the same with single steps: losses by up to 0,", text)
        self.assertIn("step  1: single 2.2500000, single again 2.2500000, launched 2.2500000", printed)
        trained = [call for call in calls if call.startswith("resnet18")]
        self.assertEqual([call.split()[1] for call in trained], ["train", "experiment"])
        for call in trained + [call for call in calls if call.startswith("ours")][-6:]:
            self.assertIn("+CONVOLUTION", call)

    def test_no_time_left(self):
        text, printed, calls = self.bench("--minutes", "0", code=1)
        self.assertEqual((text, calls), (None, []), "what was measured before is kept")
        self.assertIn("no time left", printed)
        self.assertIn("no task was measured", printed)


if __name__ == "__main__":
    unittest.main()
