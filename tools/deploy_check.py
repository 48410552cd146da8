"""Checks with the network that the files of docker/ fit what they are for. test_deploy.py checks what can be checked without it.

    deploy_check.py     needs uv: make deploy-check installs it

The requirements have wheels for each system that README.md names, and the image's for Linux. With Helm and the chart's repository within
reach, jupyterhub/values.yaml must also pass the chart's schema.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LINUX = ("x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu")
ALL = (*LINUX, "aarch64-apple-darwin", "x86_64-apple-darwin", "x86_64-pc-windows-msvc")
PYTHONS = ("3.10", "3.14")  # the oldest that README.md names, and the newest released
IMAGE_PYTHON = ("3.11",)  # Debian 12's
REQUIREMENTS = [("tools/requirements.txt", ALL, PYTHONS), ("docker/requirements.txt", LINUX, IMAGE_PYTHON),
                ("docker/requirements-cuda.txt", ("x86_64-manylinux_2_28", "aarch64-manylinux_2_28"), IMAGE_PYTHON)]


def resolve(uv, requirements, platform, python):
    """Returns what uv says if a package has no wheel for the platform, else an empty string. Nothing is installed."""
    with tempfile.TemporaryDirectory() as target:
        p = subprocess.run(
            [uv, "pip", "install", "--quiet", "--dry-run", "--python", sys.executable, "--python-version", python, "--python-platform", platform,
             "--only-binary", ":all:", "--require-hashes", "--target", target, "-r", ROOT / requirements], capture_output=True, text=True)
    return p.stderr if p.returncode else ""


def chart():
    """Returns Helm's complaint about the values, or an empty string."""
    values = ROOT / "docker" / "jupyterhub" / "values.yaml"
    version = re.search(r"--version (\S+)", values.read_text())[1]
    if not shutil.which("helm"):
        print("values.yaml: NOT checked against the chart's schema: helm is not installed")
        return ""
    with tempfile.TemporaryDirectory() as folder:
        p = subprocess.run(["helm", "pull", "jupyterhub", "--repo", "https://hub.jupyter.org/helm-chart/", "--version", version, "-d", folder],
                           capture_output=True, text=True)
        if p.returncode:
            print(f"values.yaml: NOT checked against the chart's schema: {p.stderr.strip()}")
            return ""
        archive = next(Path(folder).glob("*.tgz"))
        p = subprocess.run(["helm", "template", archive, "--values", values, "--values", values.with_name("lesson.yaml")],
                           capture_output=True, text=True)
    print(f"values.yaml, lesson.yaml: chart {version}")
    return p.stderr if p.returncode else ""


def main():
    problems = []
    uv = Path(sys.executable).with_name("uv")
    for requirements, platforms, pythons in REQUIREMENTS:
        for platform in platforms:
            for python in pythons:
                said = resolve(uv, requirements, platform, python)
                print(f"{requirements}, {platform}, Python {python}: {'FAILED' if said else 'resolved'}", flush=True)
                problems += [said] if said else []
    problems += filter(None, [chart()])
    if problems:
        sys.exit("\n".join(problems))


if __name__ == "__main__":
    main()
