"""Tells Jupyter about the GoNB kernel: writes kernel.json into the virtual environment this runs in.

`gonb --install` would write to the home folder and could not set the environment of the kernel. The paths
are absolute, because Jupyter starts the kernel in the folder of the notebook; so this runs at every
`make lab`, and a project folder that was moved heals by itself.
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


def main():
    env = {
        # goimports (no cell runs without it) and gopls; then this project's Go; then what the reader has.
        "PATH": os.pathsep.join([str(ROOT / ".bin"), str(Path(go("env", "GOROOT")) / "bin"), "${PATH}"]),
        # What "make setup" built with: another value would compile everything again in the first cell.
        "GOEXPERIMENT": os.environ.get("GOEXPERIMENT", ""),
        # Without tables for a debugger, which no cell meets, a cell is linked in 1.6 s in place of 2.6.
        "GOFLAGS": (os.environ.get("GOFLAGS", "") + " -ldflags=-w").strip(),
        "TF_CPP_MIN_LOG_LEVEL": "2",  # XLA: warnings about the machine, off
    }
    plugins = sorted(VENV.glob("lib/python3*/site-packages/xla_plugins/xla_cpu_pjrt/xla_cpu_pjrt.so"))
    if plugins:
        env["PJRT_CPU_PLUGIN"] = str(plugins[0])

    spec = {
        "argv": [
            str(ROOT / ".bin" / "gonb"),
            "--kernel", "{connection_file}",
            # GoNB logs each step to stderr, that is into the terminal of JupyterLab; a file keeps it for bug reports.
            "--logtostderr=false", "--extra_log", str(VENV / "gonb.log"),
            "--stderrthreshold", "FATAL",
        ],
        "display_name": "Go (gonb)",
        "language": "go",
        # GoNB passes the interrupt on to the cell's program. With "signal" the program would get it twice.
        "interrupt_mode": "message",
        "env": env,
    }
    folder = VENV / "share" / "jupyter" / "kernels" / "gonb"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "kernel.json").write_text(json.dumps(spec, indent=2) + "\n")
    logo = Path(go("list", "-m", "-f", "{{.Dir}}", "github.com/janpfeifer/gonb"), "internal", "kernel", "Go_gopher_favicon.svg")
    if logo.exists():
        shutil.copyfile(logo, folder / "logo-svg.svg")

    # JupyterLab asks at the first start whether it may fetch news: a question the reader did not come for.
    config = VENV / "etc" / "jupyter" / "labconfig"
    config.mkdir(parents=True, exist_ok=True)
    (config / "page_config.json").write_text('{"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": true}}\n')


if __name__ == "__main__":
    main()
