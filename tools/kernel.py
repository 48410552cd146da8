"""Registers the GoNB kernel with Jupyter: writes kernel.json into the virtual environment that runs this program.

`gonb --install` would write to the home folder and cannot set the kernel's environment. Jupyter starts the kernel in the
notebook's folder, so the paths are absolute; `make lab` runs this each time, in case the project folder was moved.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = Path(sys.prefix)


def go(*args):
    return subprocess.run(["go", *args], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def spec(log=VENV / "gonb.log"):
    """The content of kernel.json; log is the file for GoNB's log."""
    env = {
        # goimports, which every cell needs, and gopls; the project's Go; the reader's own PATH.
        "PATH": os.pathsep.join([str(ROOT / ".bin"), str(Path(go("env", "GOROOT")) / "bin"), "${PATH}"]),
        # As "make setup": with another value the first cell would compile everything again.
        "GOEXPERIMENT": os.environ.get("GOEXPERIMENT", ""),
        # Without debugger tables a cell links in 1.6 s instead of 2.6 s; without the embedded data, which the tag leaves out, 0.2 s
        # sooner. (A cell reads the data from its file.)
        "GOFLAGS": (os.environ.get("GOFLAGS", "") + " -ldflags=-w -tags=cells").strip(),
        "TF_CPP_MIN_LOG_LEVEL": "2",  # no warnings from XLA about the machine
    }
    plugins = sorted(VENV.glob("lib/python3*/site-packages/xla_plugins/xla_cpu_pjrt/xla_cpu_pjrt.so"))
    if plugins:
        env["PJRT_CPU_PLUGIN"] = str(plugins[0])
    return {
        "argv": [
            str(ROOT / ".bin" / "gonb"),
            "--kernel", "{connection_file}",
            # One log file, for bug reports; not JupyterLab's terminal, and not three world-readable files in /tmp.
            "--logtostderr=false", "--extra_log", str(log), "--log_file", os.devnull,
            "--stderrthreshold", "FATAL",
        ],
        "display_name": "Go (gonb)",
        "language": "go",
        # GoNB interrupts the cell's program. With "signal", Jupyter would interrupt it a second time.
        "interrupt_mode": "message",
        "env": env,
    }


def main():
    log = VENV / "gonb.log"
    if not log.is_symlink():  # the image links it to /dev/null
        log.touch()
        log.chmod(0o600)  # it quotes cells
    folder = VENV / "share" / "jupyter" / "kernels" / "gonb"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "kernel.json").write_text(json.dumps(spec(), indent=2) + "\n", encoding="utf-8")
    logo = Path(go("list", "-m", "-f", "{{.Dir}}", "github.com/janpfeifer/gonb"), "internal", "kernel", "Go_gopher_favicon.svg")
    if logo.exists():
        shutil.copyfile(logo, folder / "logo-svg.svg")

    # No question about news at JupyterLab's first start.
    config = VENV / "etc" / "jupyter" / "labconfig"
    config.mkdir(parents=True, exist_ok=True)
    (config / "page_config.json").write_text('{"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": true}}\n')


if __name__ == "__main__":
    try:
        main()
    except OSError as error:
        if error.filename == "go":
            sys.exit("setup: no 'go' on PATH. Install Go 1.26 or later: https://go.dev/dl/")
        sys.exit(f"setup: cannot write {error.filename}: {error.strerror}. The project folder must be writable.")
