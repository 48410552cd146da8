"""Creates the fixtures in testdata: results of torchvision's ResNet-18, of PyTorch's optimizers and of the modern recipe (modern.py).

    python bench/parity/make.py [folder]      default: bench/parity/testdata; versions: bench/requirements.txt

Everything is computed in float64, so that a comparison contains the rounding of one side only. "float32" next to each result is
the distance of PyTorch's own float32, measured like in the Go tests. Any correct implementation is about as far away; the
tests' limits are larger. Takes five minutes on one core.
"""
import json
import os
import sys

import numpy as np
import torch
import torchvision

import formula
import modern

STEPS = 20
# Name: differences from torchvision's resnet18, and the number of images: up to 64, the one whose ReLU inputs are farthest from zero
# ("nearest_kink" in the fixtures, 3e-6 and more). With 64 images, one of custom's is 4e-7 of their root mean square; rounding can
# flip its sign, and then a gradient differs by 7e-3 of its norm. The CIFAR stem has too many inputs for this choice: with 9 images
# PyTorch's own float32 differs that much, with 6 it does not.
NETWORKS = {
    "custom": dict(classes=10, images=26),
    "library": dict(classes=1000, images=26),
    "plain": dict(classes=10, plain=True, images=12),
    "cifar-stem": dict(classes=10, stem="cifar", images=6),
    "34-layers": dict(classes=10, depth=34, images=8),
}
OPTIMIZERS = {  # with the chapter's and with usual hyper-parameters
    "adam-l2": lambda p: torch.optim.Adam(p, lr=1e-3, weight_decay=0.005),
    "adamw": lambda p: torch.optim.AdamW(p, lr=1e-3, weight_decay=0.01),
    "sgd-momentum": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, weight_decay=5e-4),
    "sgd-nesterov": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True, weight_decay=5e-4),
}
# Learning rates for the network, smaller with SGD. Rounding sometimes moves an activation across the kink of a ReLU, and then two runs
# differ by more than rounding: at 0.05, losses in PyTorch's float32 and float64 differ by up to 7e-4. At these rates, and with
# Adam, five runs in float32 from weights changed by a factor of 1±2e-7 stayed within 7e-5.
NETWORK_RATE = {"sgd-momentum": 0.003, "sgd-nesterov": 0.01}
CURVE_IMAGES = 16


def batch(n, dtype):
    return formula.normalised(formula.images(n), dtype), formula.labels(n)


def passes(dtype, images, **architecture):
    """Logits in evaluation and in training mode, the loss and all gradients."""
    net = formula.network(**architecture, dtype=dtype)
    x, y = batch(images, dtype)
    with torch.no_grad():
        evaluation = net.eval()(x)
    with NearestKink() as kink:
        training = net.train()(x)
    loss = torch.nn.functional.cross_entropy(training, y)
    loss.backward()
    return {"evaluation": evaluation, "training": training.detach(), "loss": loss.item(),
            "gradients": {name: p.grad for name, p in net.named_parameters()}, "nearest_kink": kink.nearest}


class NearestKink(torch.overrides.TorchFunctionMode):
    """Finds the smallest input of a ReLU, relative to the root mean square of that ReLU's inputs."""
    nearest = float("inf")

    def __torch_function__(self, f, types, args=(), kwargs=None):
        if f in (torch.nn.functional.relu, torch.Tensor.relu):
            x = args[0].detach()
            self.nearest = min(self.nearest, (x.abs().min() / x.square().mean().sqrt()).item())
        return f(*args, **(kwargs or {}))


def network_fixture(name):
    want, got = passes(torch.float64, **NETWORKS[name]), passes(torch.float32, **NETWORKS[name])
    float32 = {k: formula.distance(got[k], want[k]) for k in ("evaluation", "training")}
    float32["loss"] = abs(got["loss"] - want["loss"])
    float32["gradients"] = max(formula.distance(got["gradients"][n], g) for n, g in want["gradients"].items())
    return {
        **NETWORKS[name], "nearest_kink": want["nearest_kink"], "float32": float32, "loss": want["loss"],
        "evaluation": logits_fixture("evaluation", want["evaluation"]),
        "training": logits_fixture("training", want["training"]),
        "gradients": {n: formula.sketch(n, g) for n, g in want["gradients"].items()},
    }


def logits_fixture(name, t):
    return {"first": t[:, :10].tolist(), "all": formula.sketch(name, t)}


def train(optimizer, dtype):
    """20 steps on the same images: the loss before each step, and the change of each tensor."""
    net = formula.network(10, dtype=dtype).train()
    x, y = batch(CURVE_IMAGES, dtype)
    opt = OPTIMIZERS[optimizer](net.parameters())
    opt.param_groups[0]["lr"] = NETWORK_RATE.get(optimizer, opt.param_groups[0]["lr"])
    start = {n: t.double().clone() for n, t in net.state_dict().items()}
    losses = []
    for _ in range(STEPS):
        opt.zero_grad()
        loss = torch.nn.functional.cross_entropy(net(x), y)
        loss.backward()
        opt.step()
        losses.append(loss.item())
    moved = {n: t.double() - start[n] for n, t in net.state_dict().items() if not n.endswith("num_batches_tracked")}
    return opt.param_groups[0], losses, moved


def curve_fixture(optimizer):
    group, losses, moved = train(optimizer, torch.float64)
    _, losses32, moved32 = train(optimizer, torch.float32)
    float32 = {"losses": max(abs(a - b) for a, b in zip(losses32, losses)),
               "moved": max(formula.distance(moved32[n], t) for n, t in moved.items())}
    return {"images": CURVE_IMAGES, "lr": group["lr"], "weight_decay": group["weight_decay"], "float32": float32,
            "losses": losses, "moved": {n: formula.sketch(n, t) for n, t in moved.items()}}


def bowl_fixture(optimizer):
    """20 steps on a loss that shows the update rule exactly: Σ aᵢ·(θᵢ-cᵢ)², scaled differently in each step.

    The curvatures a and minima c are from the formula. No step amplifies rounding, so the parameters agree to the
    last digits."""
    n = 8
    a, c = (torch.from_numpy(formula.uniform(name, n)) for name in ("curvature", "minimum"))
    a = 1 + 0.9 * a
    theta = torch.from_numpy(formula.uniform("theta", n).copy()).requires_grad_()
    opt = OPTIMIZERS[optimizer]([theta])
    path = []
    for step in range(STEPS):
        opt.zero_grad()
        (((theta - c) ** 2 * a).sum() / (1 + step % 3)).backward()
        opt.step()
        path.append(theta.detach().tolist())
    group = opt.param_groups[0]
    return {"lr": group["lr"], "weight_decay": group["weight_decay"], "path": path}


def write(folder, name, fixture):
    """Writes JSON, one line for each entry, with nine digits, enough for float32."""
    def text(v):
        if isinstance(v, dict):
            return "{" + ", ".join(f"{json.dumps(k)}: {text(x)}" for k, x in v.items()) + "}"
        if isinstance(v, list):
            return "[" + ", ".join(map(text, v)) + "]"
        return f"{v:.9g}" if isinstance(v, float) else json.dumps(v)

    def lines(v):
        return "{\n" + ",\n".join(f"{json.dumps(k)}: {text(x)}" for k, x in v.items()) + "\n}"

    made = f"torch {torch.__version__}, torchvision {torchvision.__version__}, numpy {np.__version__}"
    with open(os.path.join(folder, name + ".json"), "w") as f:
        f.write(lines({"made_with": made, **fixture}) + "\n")
    print(name, json.dumps(fixture.get("float32", "")), flush=True)


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "testdata")
    os.makedirs(folder, exist_ok=True)
    torch.set_num_threads(1)
    state = formula.network(1000).state_dict()
    write(folder, "state-dict", {"tensors": [[n, str(t.dtype), list(t.shape)] for n, t in state.items()]})
    for name in NETWORKS:
        write(folder, "network-" + name, network_fixture(name))
    write(folder, "modern", modern.fixture())
    for name in OPTIMIZERS:
        write(folder, "bowl-" + name, bowl_fixture(name))
        write(folder, "curve-" + name, curve_fixture(name))


if __name__ == "__main__":
    main()
