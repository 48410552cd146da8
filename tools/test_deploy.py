"""The files that other programs read (Docker, Binder, editors, Kubernetes, Slurm, GitHub) fit together and say what docker/README.md says.

"make deploy-check" validates them further, with the network.
"""

import json
import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
DOCKER = ROOT / "docker"
IMAGE, HUB = ROOT / "Dockerfile", DOCKER / "jupyterhub" / "Dockerfile"
VALUES, LESSON = (DOCKER / "jupyterhub" / name for name in ("values.yaml", "lesson.yaml"))
JOBS = {"experiments": DOCKER / "jobs" / "experiments.yaml", "shared": DOCKER / "jupyterhub" / "shared.yaml"}
# The systems that README.md names: as sys_platform, platform_machine, and whether XLA for the CPU comes as a Python package.
SYSTEMS = [("linux", "x86_64", True), ("linux", "aarch64", True), ("darwin", "arm64", False), ("darwin", "x86_64", False), ("win32", "AMD64", False)]
# Actions by the commit at which their action.yml said "using: node24". GitHub removes older Nodes.
ACTIONS = {
    "actions/checkout": "08c6903cd8c0fde910a37f88322edcfb5dd907a8",
    "actions/setup-go": "4a3601121dd01d1626a1e23e37211e3254c1c06c",
    "actions/setup-python": "e797f83bcb11b83ae66e0230d6156d7c80228e7c",
    "actions/upload-artifact": "b7c566a772e6b6bfb58ed0dc250532a479d7789f",
}


def load(path):
    """The documents of a YAML file; a duplicate key is an error."""
    class Loader(yaml.SafeLoader):
        def construct_mapping(self, node, deep=False):
            keys = [self.construct_object(key) for key, _ in node.value]
            if len(keys) != len(set(keys)):
                raise yaml.constructor.ConstructorError(None, None, f"{path}: duplicate key", node.start_mark)
            return super().construct_mapping(node, deep)
    return list(yaml.load_all(path.read_text(), Loader))


def instructions(path):
    """The instructions of a Dockerfile, each as one line."""
    text = re.sub(r"\\\n", " ", re.sub(r"(?m)^\s*#.*\n", "", path.read_text()))
    return [line for line in text.splitlines() if line.strip()]


class Image(unittest.TestCase):
    def test_binder_finds_the_dockerfile(self):
        # repo2docker takes the first of these folders that exists, else the project's. BuildKit does not follow links out of a folder.
        self.assertEqual([name for name in ("binder", ".binder") if (ROOT / name).exists()], [])
        self.assertTrue(IMAGE.is_file() and not IMAGE.is_symlink())

    def test_all_build_the_same_dockerfile(self):
        build = load(DOCKER / "compose.yaml")[0]["services"]["lab"]["build"]
        self.assertEqual((DOCKER / build["context"] / build.get("dockerfile", "Dockerfile")).resolve(), IMAGE)
        build = DevContainer.read()["build"]
        self.assertEqual((ROOT / ".devcontainer" / build["dockerfile"]).resolve(), IMAGE)
        self.assertEqual((ROOT / ".devcontainer" / build["context"]).resolve(), ROOT)
        for path in (IMAGE, HUB, DOCKER / "README.md"):
            commands = re.findall(r"docker build(?: -f (\S+))? ", path.read_text())
            self.assertTrue(commands, path)
            for file in commands:
                self.assertTrue((ROOT / (file or "Dockerfile")).is_file(), f"{path}: -f {file}")

    def test_copied_files_exist(self):
        for path in (IMAGE, HUB):
            for line in instructions(path):
                words = [word for word in line.split() if not word.startswith("--chown")]
                if words[0] == "COPY" and not words[1].startswith("--from"):
                    for source in words[1:-1]:
                        self.assertTrue((ROOT / source).exists(), f"{path}: {line}")

    def test_only_the_modules_belong_to_the_user(self):
        owned = [line.split()[-1] for line in instructions(IMAGE) if "--chown" in line or " chown " in line]
        self.assertEqual(owned, ["/opt/go"])

    def test_certificate_comes_before_the_first_download_over_tls(self):
        for path, first in ((IMAGE, "pip install"), (HUB, "npm ci")):
            text = "\n".join(instructions(path))
            self.assertIn('ARG CA=""', text)
            self.assertLess(text.index("update-ca-certificates"), text.index(first))
        self.assertEqual(load(DOCKER / "compose.yaml")[0]["services"]["lab"]["build"]["args"]["CA"], "${CA:-}")
        self.assertEqual(DevContainer.read()["build"]["args"]["CA"], "${localEnv:CA}")

    def test_more_packages_reuse_all_other_layers(self):
        lines = instructions(IMAGE)
        packages = next(number for number, line in enumerate(lines) if line.startswith("ARG PACKAGES"))
        self.assertFalse([line for line in lines[packages:] if line.startswith(("FROM", "COPY"))])


class Requirements(unittest.TestCase):
    def test_xla_on_each_system(self):
        lines = [line for line in (ROOT / "tools" / "requirements.txt").read_text().splitlines() if line.startswith("xla-cpu-pjrt")]
        self.assertEqual(len(lines), 1)
        marker = Requirement(lines[0].rstrip("\\ ")).marker
        for system, machine, has_wheel in SYSTEMS:
            self.assertEqual(marker.evaluate({"sys_platform": system, "platform_machine": machine}), has_wheel, (system, machine))

    def test_everything_is_pinned(self):
        for path in (ROOT / "tools" / "requirements.txt", DOCKER / "requirements.txt", DOCKER / "requirements-cuda.txt"):
            for entry in re.sub(r"\\\n", " ", path.read_text()).splitlines():
                if entry.strip() and not entry.lstrip().startswith("#"):
                    self.assertRegex(entry, r"^\S+==\S+ .*--hash=sha256:[0-9a-f]{64}", path)

    def test_cuda_as_run(self):
        version = re.search(r"^jax-cuda13-pjrt==(\S+)", (DOCKER / "requirements-cuda.txt").read_text(), re.MULTILINE)[1]
        self.assertIn(f"XLA's plugin from jax-cuda13-pjrt {version}", (ROOT / "bench" / "README.md").read_text())
        # Its wheels need a newer Python than the image's, and it is for JAX only.
        self.assertNotIn("jax-cuda13-plugin==", (DOCKER / "requirements-cuda.txt").read_text())


class Jobs(unittest.TestCase):
    def test_pod_security_restricted(self):
        # https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
        for path in JOBS.values():
            pod = load(path)[1]["spec"]["template"]["spec"]
            self.assertEqual((pod["securityContext"]["runAsNonRoot"], pod["securityContext"]["seccompProfile"]), (True, {"type": "RuntimeDefault"}))
            self.assertIs(pod["automountServiceAccountToken"], False)
            for container in pod["containers"]:
                self.assertEqual(container["securityContext"], {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}})

    def test_evictions_do_not_count(self):
        for path in JOBS.values():
            spec = load(path)[1]["spec"]
            self.assertIn({"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]}, spec["podFailurePolicy"]["rules"])
            self.assertEqual(spec["template"]["spec"]["restartPolicy"], "Never")  # podFailurePolicy requires it

    def test_waiting_ends_when_the_job_fails(self):
        for name, path in JOBS.items():
            command = re.search(r"^#   (until kubectl .*)$", path.read_text(), re.MULTILINE)[1]
            self.assertIn(f"job/{name};", command)
            for end in ("complete", "failed"):
                with tempfile.TemporaryDirectory() as folder:
                    kubectl = Path(folder, "kubectl")
                    kubectl.write_text(f'#!/bin/sh\ncase "$*" in *condition={end}*) exit 0 ;; esac\nexit 1\n')
                    kubectl.chmod(0o755)
                    subprocess.run(command, shell=True, check=True, timeout=60, env={"PATH": f"{folder}:{os.environ['PATH']}"})


class Hub(unittest.TestCase):
    # The keys of chart 4.4's values that these files use; true for those whose content is free.
    KNOWN = {
        "hub": {"config": True},
        "singleuser": {
            "image": {"name": True, "tag": True}, "cmd": True, "defaultUrl": True, "extraEnv": True, "startTimeout": True, "uid": True, "fsGid": True,
            "memory": {"guarantee": True, "limit": True}, "cpu": {"guarantee": True, "limit": True},
            "storage": {"capacity": True, "homeMountPath": True, "extraVolumes": True, "extraVolumeMounts": True},
            "cloudMetadata": {"blockWithIptables": True},
        },
        "cull": {"timeout": True},
        "prePuller": {"hook": {"enabled": True}},
    }

    def check_keys(self, value, known, where):
        for key in value:
            self.assertIn(key, known, where)
            if known[key] is not True:
                self.check_keys(value[key], known[key], f"{where}: {key}")

    def test_keys(self):
        for path in (VALUES, LESSON):
            self.check_keys(load(path)[0], self.KNOWN, path)

    def test_somebody_can_log_in(self):
        config = load(VALUES)[0]["hub"]["config"]
        self.assertTrue(config["Authenticator"].get("allow_all") or config["Authenticator"].get("allowed_users"))

    def test_short_trainings_have_a_folder_of_their_own(self):
        values = load(VALUES)[0]["singleuser"]
        self.assertFalse({"EPOCHS", "TRAIN_IMAGES"} & set(values["extraEnv"]))
        lesson = load(LESSON)[0]["singleuser"]["extraEnv"]
        self.assertTrue(all(isinstance(value, str) for value in [*lesson.values(), *values["extraEnv"].values()]))  # Kubernetes wants strings
        self.assertTrue(lesson["WORK"].startswith(values["storage"]["homeMountPath"] + "/"))
        shared = values["storage"]["extraVolumeMounts"][0]["mountPath"]
        self.assertEqual(lesson["CIFAR10_PATH"], f"{shared}/data/cifar-10-batches-py")


class DevContainer(unittest.TestCase):
    @staticmethod
    def read():
        text = (ROOT / ".devcontainer" / "devcontainer.json").read_text()
        return json.loads(re.sub(r"(?m)(^|\s)//.*$", "", text))

    def test_kernel_is_offered(self):
        settings = self.read()
        self.assertEqual(settings["remoteEnv"], {"JUPYTER_PATH": "/opt/resnet18/.venv/share/jupyter"})  # no cache that another uid owns
        self.assertLessEqual({"ms-python.python", "ms-toolsai.jupyter"}, set(settings["customizations"]["vscode"]["extensions"]))
        self.assertTrue((ROOT / settings["customizations"]["codespaces"]["openFiles"][0]).exists())
        self.assertIn("ln -sfn /dev/null .venv/gonb.log", IMAGE.read_text())  # another uid cannot open it

    def test_cache_for_any_uid(self):
        command = self.read()["postCreateCommand"].split()
        with tempfile.TemporaryDirectory() as temporary:
            root = Path(temporary)
            (root / "image" / "00").mkdir(parents=True)
            (root / "image" / "00" / "a-d").write_text("object")
            (root / "go").write_text('#!/bin/sh\necho "$*" >>"$HOME/go.log"\n')
            (root / "go").chmod(0o755)
            script = root / "create.sh"
            script.write_text((ROOT / command[-1]).read_text().replace("/opt/go-build", str(root / "image")))
            for _ in range(2):  # a rebuilt container finds the first one's home
                subprocess.run([command[0], script], check=True, env={"HOME": str(root / "home"), "PATH": f"{root}:{os.environ['PATH']}"})
            cache = root / "home" / ".cache" / "go-build"
            self.assertEqual(cache.stat().st_mode & 0o777, 0o700)
            self.assertEqual((cache / "00" / "a-d").read_text(), "object")
            self.assertIn("env -w GOFLAGS=-buildvcs=false\n", (root / "home" / "go.log").read_text())
            if os.uname().machine == "x86_64":
                self.assertIn("env -w GOEXPERIMENT=simd", (root / "home" / "go.log").read_text())


class Workflows(unittest.TestCase):
    def test_actions_are_pinned(self):
        for path in (ROOT / ".github" / "workflows").glob("*.yml"):
            load(path)
            uses = re.findall(r"uses: *(\S+)@(\S+) # v\d+\.\d+\.\d+$", path.read_text(), re.MULTILINE)
            self.assertEqual(len(uses), path.read_text().count("uses:"), f"{path}: want a commit and, as a comment, its version")
            for action, commit in uses:
                self.assertEqual(ACTIONS.get(action), commit, f"{path}: {action}: does its action.yml say node24?")


class Scripts(unittest.TestCase):
    def test_slurm(self):
        script = DOCKER / "jobs" / "experiments.slurm"
        self.assertRegex(script.read_text(), r"\A#!/bin/bash\n(#SBATCH --[a-z-]+(=\S+)? *(#.*)?\n)+# ")  # sbatch stops reading at other lines
        with tempfile.TemporaryDirectory() as folder:
            resnet18 = Path(folder, "resnet18")
            resnet18.write_text('#!/bin/sh\nif [ "$2" = list ]; then printf "plain  a\\naugment  b\\n"; else echo "$*"; fi\n')
            resnet18.chmod(0o755)
            for index, code, said in (("1", 0, "experiment augment -work work -results work/results -epochs 2\n"), ("2", 1, "")):
                env = {"PATH": f"{folder}:{os.environ['PATH']}", "SLURM_ARRAY_TASK_ID": index}
                p = subprocess.run(["bash", script, "-epochs", "2"], cwd=ROOT, env=env, capture_output=True, text=True)
                self.assertEqual((p.returncode, p.stdout), (code, said), p.stderr)

    def test_syntax(self):
        scripts = [*DOCKER.rglob("*.sh"), *DOCKER.rglob("*.slurm"), *(ROOT / ".devcontainer").glob("*.sh"), ROOT / ".ci" / "run"]
        for path in scripts:
            subprocess.run(["bash", "-n", path], check=True)


if __name__ == "__main__":
    unittest.main()
