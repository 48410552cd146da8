"""Exchanges trained models with PyTorch, both ways, and compares the scores on the 10,000 test images.

    python bench/parity/live.py [folder]      from the project's root; default: work/parity

Uses the command line: resnet18 export, import, evaluate. Scores may differ by two images, whose two largest logits are
almost equal. Exits with status 1 if anything differs by more.
"""
import hashlib
import os
import pickle
import re
import shutil
import subprocess
import sys

import numpy as np
import safetensors.torch
import torch

import formula

SPLITS = {"train": [f"data_batch_{i}" for i in range(1, 5)], "dev": ["data_batch_5"], "test": ["test_batch"]}
CLASSES = {"library": 1000, "custom": 10, "plain": 10}
IMAGES, LOSS = 2, 1e-3  # tolerances


def read(folder):
    """The splits as read by numpy and pickle: bytes [n, 32, 32, 3] and labels [n]."""
    batches = {}
    for name in sum(SPLITS.values(), []):
        with open(os.path.join(folder, name), "rb") as f:
            d = pickle.load(f, encoding="bytes")
        batches[name] = d[b"data"].reshape(-1, 3, 32, 32), np.array(d[b"labels"], np.uint8)
    def join(names, part):
        return np.concatenate([batches[n][part] for n in names])
    return {s: (np.ascontiguousarray(join(names, 0).transpose(0, 2, 3, 1)), join(names, 1)) for s, names in SPLITS.items()}


def fingerprint(split, pixels, labels):
    """Like pkg/cifar's Dataset.Fingerprint."""
    h = hashlib.sha256(f"{split} {len(labels)}\n".encode())
    h.update(labels.tobytes())
    h.update(pixels.tobytes())
    return h.hexdigest()[:16]


def torch_score(net, pixels, labels):
    """(number of correct predictions, mean loss)."""
    right, loss = 0, 0.0
    net.eval()
    with torch.no_grad():
        for i in range(0, len(labels), 250):
            y = torch.from_numpy(labels[i:i + 250].astype(np.int64))
            out = net(formula.normalised(pixels[i:i + 250], torch.float32))
            loss += torch.nn.functional.cross_entropy(out, y, reduction="sum").item()
            right += (out.argmax(1) == y).sum().item()
    return right, loss / len(labels)


def torch_training(pixels, labels, n=5000):
    """A short training with the chapter's recipe: one epoch of n images."""
    torch.manual_seed(0)
    net = formula.architecture(10).train()
    opt = torch.optim.Adam(net.parameters(), lr=1e-3, weight_decay=0.005)
    for i in range(0, n, 64):
        x = formula.normalised(pixels[i:min(i + 64, n)], torch.float32)
        opt.zero_grad()
        torch.nn.functional.cross_entropy(net(x), torch.from_numpy(labels[i:min(i + 64, n)].astype(np.int64))).backward()
        opt.step()
    return net


class Command:
    """The command resnet18, built for this run, always with the same data."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "resnet18")
        subprocess.run(["go", "build", "-o", self.path, "./cmd/resnet18"], check=True)
        said = self("data", "-work", "work")
        self.fingerprints = dict(re.findall(r"^(\w+): \d+ images, fingerprint (\w+)", said, re.M))
        self.data = re.search(r"^in (.*)$", said, re.M)[1]
        if not os.path.exists(os.path.join(self.data, "data_batch_1")):
            sys.exit(f"live.py: the data in {self.data} is not CIFAR-10's Python version, which numpy reads here")
        os.environ["CIFAR10_PATH"] = self.data

    def __call__(self, *args):
        return subprocess.run([self.path, *args], check=True, stdout=subprocess.PIPE, text=True).stdout

    def score(self, model, work, n):
        accuracy, loss = re.search(r"accuracy/loss: ([\d.]+)/([\d.]+)", self("evaluate", "-model", model, "-work", work)).groups()
        return round(float(accuracy) * n), float(loss)


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else "work/parity"
    os.makedirs(folder, exist_ok=True)
    work = os.path.join(folder, "exchange")
    shutil.rmtree(work, ignore_errors=True)
    resnet18 = Command(folder)
    data = read(resnet18.data)
    failed = []

    def check(what, good):
        print("ok    " if good else "FAILED", what, flush=True)
        failed.extend([] if good else [what])

    for split, (pixels, labels) in data.items():
        got = fingerprint(split, pixels, labels)
        check(f"{split}: numpy and Go read the same {len(labels)} images from {resnet18.data}: {got}", got == resnet18.fingerprints[split])

    def compare(what, ours, theirs):
        check(f"{what}: {ours[0]} correct, loss {ours[1]:.4f} here; {theirs[0]} correct, loss {theirs[1]:.4f} in PyTorch",
              abs(ours[0] - theirs[0]) <= IMAGES and abs(ours[1] - theirs[1]) <= LOSS)

    pixels, labels = data["test"]
    for model, of in trained(resnet18, work).items():
        path = os.path.join(folder, model + ".safetensors")
        resnet18("export", "-model", model, "-work", of, path)
        net = formula.architecture(CLASSES[model], plain=model == "plain")
        net.load_state_dict(safetensors.torch.load_file(path))
        compare(f"{model} model trained here, exported", resnet18.score(model, of, len(labels)), torch_score(net, pixels, labels))

    net = torch_training(*data["train"])
    path = os.path.join(folder, "pytorch.safetensors")
    safetensors.torch.save_file(net.state_dict(), path)
    shutil.rmtree(work, ignore_errors=True)
    resnet18("import", "-model", "custom", "-work", work, path)
    compare("model trained in PyTorch, imported", resnet18.score("custom", work, len(labels)), torch_score(net, pixels, labels))
    resnet18("export", "-model", "custom", "-work", work, path + ".back")
    back, there = safetensors.torch.load_file(path + ".back"), net.state_dict()
    check("exported again, it is bit-equal", all(torch.equal(back[n], t) for n, t in there.items() if not n.endswith("num_batches_tracked")))
    sys.exit(1 if failed else 0)


def trained(resnet18, work):
    """{model: work folder} of trained models; if there are none, trains one briefly."""
    found = {m: "work" for m in CLASSES if os.path.exists(f"work/runs/{m}/best.safetensors")}
    if not found:
        resnet18("train", "-model", "custom", "-run", "custom", "-epochs", "1", "-train-images", "2000", "-work", work)
        found = {"custom": work}
    return found


if __name__ == "__main__":
    main()
