"""Compares the speed of this project, PyTorch and JAX on one GPU and writes bench/GPU.md, in less than eight minutes: `make bench-gpu`.

The tasks are those of bench/run.py. "chapter" is the chapter's 30 epochs, from the extracted files to the test accuracy, "modern" the
modern recipe of notebook 07, "equal" compares launches of several steps with single steps. GoMLX needs XLA's plugin for CUDA
(docker/README.md), and $PYTHON, or .venv-peers, needs PyTorch and JAX.

    gpu.py [--programs FOLDER] [--minutes 8] [--tasks step64,chapter] [--dry-run] [--out FILE]

FOLDER contains the programs ours (./bench/ours) and resnet18 (./cmd/resnet18), for a machine without Go. Ours and compiled PyTorch
come first; what no time is left for has no figure. With --dry-run ours, and PyTorch for one task, run with a few small batches on the CPU,
where XLA optimises nothing: a test of this script, whose times mean nothing.

By default XLA leaves convolutions out of its CUDA graphs. The flags under GRAPHS take them in, and the loop over steps too; the
fastest for a step of 64 images is used for all tasks. A plugin that does not know a flag ends its process, so each flag is tried in
a process of its own.
"""
import argparse, json, os, re, shutil, statistics, subprocess, sys, tempfile, time
from pathlib import Path
from run import PEER, ROOT, build, commit

PYTHON = os.environ.get("PYTHON", PEER)
TASKS = {  # name: (description, arguments)
    "step64": ("training step, batch 64", ["task=step", "batch=64", "n=200"]),
    "step256": ("training step, batch 256", ["task=step", "batch=256", "n=100"]),
    "cifar256": ("training step, CIFAR stem, batch 256", ["task=step", "batch=256", "stem=cifar", "n=50"]),
    "eval": ("evaluation of 10,000 images", ["task=eval", "n=5"]),
    "first": ("process start to the end of the first step", ["task=first"]),
}
PROGRAMS = {"equal": "launches against single steps", "chapter": "the chapter's 30 epochs, whole process; test accuracy",
            "modern": "the modern recipe, whole process; test accuracy"}
ORDER = ["step64", "equal", "step256", "cifar256", "eval", "chapter", "modern", "first"]
SIDES = {  # name: arguments in a task
    "ours, bfloat16": ["-bfloat16"],
    "PyTorch compiled": ["--cuda", "--compile"],
    "ours, single steps": ["-bfloat16", "-launch-steps", "1"],
    "ours, float32": [],
    "PyTorch eager": ["--cuda"],
    "JAX, float32": [],
}
FIRST = list(SIDES)[:2]
BOTH = "--xla_gpu_enable_command_buffer=+CONVOLUTION,+WHILE"
GRAPHS = {"default": "", "convolutions": "--xla_gpu_enable_command_buffer=+CONVOLUTION", "convolutions and the loop": BOTH}
MODERN = "modern-muon"
LIMIT = 150  # seconds for one process, so that none takes all the time; four times as many in a dry run
VERSIONS = "import importlib.metadata as m; print(', '.join(f'{d.name} {d.version}' for d in m.distributions() if d.name in ('torch', 'jax')))"


class Bench:
    def __init__(self, args):
        self.args, self.dry = args, args.dry_run
        self.end = time.time() + 60 * args.minutes
        # By default ours and JAX fall back to the CPU if the GPU does not start.
        gpu = {"GOMLX_BACKEND": "xla:cuda", "JAX_PLATFORMS": "cuda"}
        cpu = {"GOMLX_BACKEND": "xla:cpu", "XLA_FLAGS": "--xla_backend_optimization_level=0"}
        self.env = {**os.environ, **(cpu if self.dry else gpu)}
        self.notes, self.cells = [], {}

    def output(self, what, command, flags=""):
        """Returns what a command prints; None, after printing the error, if it fails or no time is left."""
        left = self.end - time.time()
        if left < 1:
            print(f"{what}: no time left", flush=True)
            return None
        env = {**self.env, "XLA_FLAGS": f"{self.env.get('XLA_FLAGS', '')} {flags}".strip()} if flags else self.env
        try:
            p = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=env, timeout=min(left, (4 if self.dry else 1) * LIMIT))
        except (OSError, subprocess.TimeoutExpired) as err:
            print(f"{what}: {err}", flush=True)
            return None
        if p.returncode:
            print(f"{what}: FAILED ({p.returncode})\n{p.stderr[-1500:]}", flush=True)
            return None
        return p.stdout

    def ours(self, what, args, flags=None):
        """The JSON of bench/ours, or None."""
        out = self.output(what, [self.args.programs / "ours", *args], self.flags if flags is None else flags)
        return json.loads(out.splitlines()[-1]) if out else None

    def choose_flags(self):
        """Sets the XLA flags that are fastest for a step of 64 images, of those that the plugin knows."""
        self.flags = ""
        times = {}
        for name, flags in GRAPHS.items():
            if flags and self.ours(f"CUDA graphs: {name}: start", ["-task", "start"], flags) is None:
                self.notes.append(f"The plugin does not know `{flags}`.")
                continue
            m = self.ours(f"CUDA graphs: {name}", self.arguments("step64", "-") + self.options("ours, bfloat16"), flags)
            if m:
                times[name] = 1000 * statistics.median(m["seconds"])
                print(f"CUDA graphs: {name}: {times[name]:.2f} ms; {m['device']}", flush=True)
        if times:
            best = min(times, key=times.get)
            self.flags = GRAPHS[best]
            self.notes.append("A step of 64 images by what XLA takes into its CUDA graphs: "
                              + ", ".join(f"{name} {ms:.2f} ms" for name, ms in times.items()) + f". All tasks use: {best}.")

    def arguments(self, name, dash):
        small = {"batch": "2", "n": "2"} if self.dry else {}
        pairs = [x.split("=") for x in TASKS[name][1]]
        args = [x for key, value in pairs for x in (dash + key, small.get(key, value))]
        return args + (["-launch-steps", "2"] if self.dry and dash == "-" else [])

    def options(self, side):
        """The arguments of a side. XLA's CPU and PyTorch's compiler are slow in what the dry run leaves out."""
        return [x for x in SIDES[side] if not (self.dry and x in ("-bfloat16", "--cuda", "--compile"))]

    def task(self, name, side):
        """The median milliseconds of a task."""
        if side.startswith("ours"):
            m = self.ours(f"{name}, {side}", self.arguments(name, "-") + self.options(side))
        else:
            program = "bench/jax_bench.py" if side.startswith("JAX") else "bench/torch_bench.py"
            out = self.output(f"{name}, {side}", [PYTHON, program, *self.arguments(name, "--"), *self.options(side)])
            m = json.loads(out.splitlines()[-1]) if out else None
        return m and (1000 * statistics.median(m["seconds"]), m["device"])

    def equal(self):
        """A sentence on the differences between launches and single steps."""
        size = ["-batch", "2", "-launch-steps", "2"] if self.dry else ["-batch", "64"]
        m = self.ours("equal", ["-task", "equal", *self.options(FIRST[0]), *size])
        if not m:
            return
        again, launched = m["runs"][1:]
        for i, loss in enumerate(zip(*(run["losses"] for run in m["runs"]))):
            print("step {:2}: single {:.7f}, single again {:.7f}, launched {:.7f}".format(i, *loss))
        def words(run):
            return f"losses by up to {run['loss_difference']:.3g}, weights by up to {run['weight_difference']:.3g}, the loss of the evaluation by {run['evaluation_difference']:.3g}"
        self.notes.append(f"Training of {m['steps']} steps in launches of {launched['launch_steps']}, against the same with single steps: {words(launched)}. "
                          f"Single steps again, against the first time: {words(again)}.")

    def training(self, name, side):
        """The seconds of a whole training process, and its test accuracy."""
        work = tempfile.mkdtemp()
        try:
            if side.startswith("ours"):
                short = ["-epochs", "1", "-train-images", "260"] if self.dry else []
                if name == "chapter":
                    command = [self.args.programs / "resnet18", "train", *self.options(side), *short, *(["-launch-steps", "2"] if self.dry else [])]
                else:
                    command = [self.args.programs / "resnet18", "experiment", MODERN, "-results", work, *short]
                command += ["-work", work]
            elif name == "chapter" and not self.dry:
                if self.output("data", [self.args.programs / "resnet18", "data", "-work", work]) is None:
                    return None
                command = [PYTHON, "bench/torch_chapter.py", f"{work}/data/cifar-10-batches-py"]
            else:
                return None
            start = time.time()
            out = self.output(f"{name}, {side}", command, self.flags if side.startswith("ours") else "")
            took = time.time() - start
        finally:
            shutil.rmtree(work, ignore_errors=True)
        if not out:
            return None
        print("\n".join(line for line in out.splitlines() if line.startswith(("[", "backend", "trained"))), flush=True)
        return f"{took:.1f} s; {re.search(r'accuracy/loss: ([0-9.]+)', out)[1]}"

    def measure(self, name, side):
        if name == "equal":
            return self.equal() if side == FIRST[0] else None
        if name in PROGRAMS:
            if side in FIRST:
                cell = self.training(name, side)
                if cell:
                    print(f"{name}, {side}: {cell}", flush=True)
                    self.cells[name, side] = cell
            return
        found = self.task(name, side)
        if found:
            print(f"{name}, {side}: {found[0]:.2f} ms; {found[1]}", flush=True)
            self.cells[name, side] = found[0]

    def table(self, about):
        lines = ["<!-- Made by `make bench-gpu`. -->", "# Speed on a GPU", "", about, "",
                 "| work | " + " | ".join(SIDES) + " | ratio |", "|---|" + "---|" * (len(SIDES) + 1)]
        for name in self.args.tasks:
            row = {side: self.cells[name, side] for side in SIDES if (name, side) in self.cells}
            if not row:
                continue
            def least(who):
                return min((v if isinstance(v, float) else float(v.split()[0]) for side, v in row.items() if side.startswith(who)), default=None)
            ours, theirs = least("ours"), least("PyTorch")
            text = {side: f"{v:.2f} ms" if isinstance(v, float) else v for side, v in row.items()}
            lines.append(f"| {TASKS[name][0] if name in TASKS else PROGRAMS[name]} | " + " | ".join(text.get(side, "") for side in SIDES)
                         + f" | {f'{ours / theirs:.2f}' if ours and theirs else ''} |")
        return "\n".join(lines + [""] + [f"* {note}" for note in self.notes]) + "\n"


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--programs", type=Path); p.add_argument("--minutes", type=float, default=8)
    p.add_argument("--tasks", type=lambda text: text.split(","), default=ORDER); p.add_argument("--dry-run", action="store_true")
    p.add_argument("--out", type=Path)
    a = p.parse_args()
    a.programs = a.programs.resolve() if a.programs else build("./bench/ours", "./cmd/resnet18")
    a.out = a.out or ROOT / ("work/GPU-dry-run.md" if a.dry_run else "bench/GPU.md")
    b = Bench(a)  # the minutes count from here: building the programs is not part of them
    card = "none, a dry run on the CPU" if a.dry_run else (b.output("card", ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]) or "?").strip() + " (driver)"
    versions = (b.output("versions", [PYTHON, "-c", VERSIONS]) or "no peers").strip()
    about = f"GPU: {card}, {os.cpu_count()} cores; {versions}; commit {commit()}. The ratio is our least time divided by PyTorch's."
    b.choose_flags()
    a.out.parent.mkdir(parents=True, exist_ok=True)
    rest = [side for side in SIDES if side not in FIRST]
    rounds = [(a.tasks, FIRST[:1]), (["step64"], ["PyTorch eager"])] if a.dry_run else [(a.tasks, FIRST), (a.tasks, rest)]
    for tasks, sides in rounds:
        for name in tasks:
            for side in sides:
                b.measure(name, side)
                if b.cells:
                    a.out.write_text(b.table(about))
    print(b.table(about), end="")
    if not b.cells:
        sys.exit(f"gpu.py: no task was measured, see above; {a.out} is unchanged")


if __name__ == "__main__":
    sys.exit(main())
