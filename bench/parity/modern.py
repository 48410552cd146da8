"""The modern recipe (the row modern-muon of notebook 07) in PyTorch: a narrow network, three epochs of the formula's images.

Written after airbench94_muon.py and legacy/airbench94.py (Jordan, https://github.com/KellerJordan/cifar10-airbench) with PyTorch's own
layers, loss, SGD and schedule. The project differs from them in these points, and so does this file:

- Order, flips and shifts of the images come from Go's random numbers, see Random.
- An image is cropped first and mirrored after that. airbench94 mirrors it before the crop, and again after it in odd epochs, so some
  horizontal shifts have the other sign there.
- The loss is a mean, not a sum, and the warm-up need not be a whole number of steps.
- The whitening's bias is trained to the end.
- Batch norm has PyTorch's epsilon and momentum. Before an evaluation its statistics are computed again (precise batch norm).
- Lookahead starts from the weights after the first step. It averages weights only, and the last move is like the others.
- Muon has the momentum of the other weights, and computes in float32 here, not in bfloat16.
"""
import hashlib

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import formula

WIDTHS = 4, 8, 8
IMAGES, DEV = 24, 16
BATCH, MOMENTUM = 8, 0.85
CONFIG = {  # as pkg/runner's Config
    # Rate and weight decay are the row's: airbench94's 11.5 and 0.0153, for batches of 250. Seed and widths are such that rounding
    # decides no maximum of a max pool: with most seeds NearestTie is below 3e-6, with this one 1.4e-5.
    "epochs": 3, "batch_size": BATCH, "seed": 82,
    "learning_rate": 11.5 * 250 / (1024 * (1 + 1 / (1 - MOMENTUM))), "weight_decay": 0.0153 / 11.5,
    "recipe": {
        "optimizer": "nesterov", "momentum": MOMENTUM, "muon_rate": 0.03, "label_smoothing": 0.2,
        "schedule": {"kind": "linear", "warmup": 0.23, "start": 0.2, "end": 0.07},
        "augment": {"flip": "alternate", "shift": 2}, "flip_average": True, "shift_average": 1,
        # The row's are 20. Here lookahead comes after steps 1, 3, 6 and 9, and the last third of the images makes no statistics.
        "lookahead": 3, "precise_norm": 2,
    },
}
RECIPE = CONFIG["recipe"]
SHIFT_SCALE = 8  # pkg/airbench keeps an eighth of each bias of batch norm
HEAD_SCALE = 16  # of the formula's last layer: with its small weights all losses would be near log 10, whatever the rest does


class Random:
    """Go's math/rand/v2: the generator PCG-DXSM (O'Neill 2014), and integers by Lemire's method."""
    MULTIPLIER = 2549297995355413924 << 64 | 4865540595714422341
    INCREMENT = 6364136223846793005 << 64 | 1442695040888963407

    def __init__(self, high, low):
        self.state = (high % 2**64) << 64 | low % 2**64

    def uint64(self):
        self.state = (self.state * self.MULTIPLIER + self.INCREMENT) % 2**128
        high, low = self.state >> 64, self.state % 2**64
        high = (high ^ high >> 32) * 0xDA942042E4DD58B5 % 2**64
        return (high ^ high >> 48) * (low | 1) % 2**64

    def below(self, n):
        if n & (n - 1) == 0:
            return self.uint64() % n
        while True:
            product = self.uint64() * n
            if product % 2**64 >= 2**64 % n:
                return product >> 64

    def permutation(self, n):
        p = list(range(n))
        for i in reversed(range(1, n)):
            j = self.below(i + 1)
            p[i], p[j] = p[j], p[i]
        return p


def augmented(pixels, epoch):
    """The images of an epoch, bytes [n, 32, 32, 3]: cropped from the image padded by reflection, and mirrored in every other epoch."""
    seed, r = CONFIG["seed"], RECIPE["augment"]["shift"]
    coins, shifts = Random(~seed, 0), Random(~seed, ~epoch)
    padded = np.pad(pixels, ((0, 0), (r, r), (r, r), (0, 0)), "reflect")
    out = np.empty_like(pixels)
    for i, image in enumerate(padded):
        flip, y, x = coins.below(2), shifts.below(2 * r + 1), shifts.below(2 * r + 1)
        crop = image[y:y + 32, x:x + 32]
        out[i] = crop[:, ::-1] if (flip + epoch) % 2 else crop
    return out


def batches(pixels, labels):
    """All training batches: bytes and labels."""
    for epoch in range(CONFIG["epochs"]):
        images, order = augmented(pixels, epoch), np.array(Random(CONFIG["seed"], epoch).permutation(len(pixels)))
        for at in np.split(order, len(order) // BATCH):
            yield images[at], labels[at]


class BatchNorm(nn.BatchNorm2d):
    """Batch norm with a bias only, and PyTorch's and the project's epsilon and momentum."""

    def __init__(self, channels):
        super().__init__(channels)
        self.weight.requires_grad = False  # it is 1


class Group(nn.Module):
    def __init__(self, channels_in, channels_out):
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, padding="same", bias=False)
        self.norm1 = BatchNorm(channels_out)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, padding="same", bias=False)
        self.norm2 = BatchNorm(channels_out)

    def forward(self, x):
        x = F.gelu(self.norm1(F.max_pool2d(self.conv1(x), 2)))
        return F.gelu(self.norm2(self.conv2(x)))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.whiten = nn.Conv2d(3, 24, 2)
        self.group1, self.group2, self.group3 = (Group(a, b) for a, b in zip((24, *WIDTHS), WIDTHS))
        self.fc = nn.Linear(WIDTHS[-1], 10, bias=False)

    def forward(self, x):
        x = self.group3(self.group2(self.group1(F.gelu(self.whiten(x)))))
        return self.fc(F.max_pool2d(x, 3).flatten(1)) / 9


class NearestTie(torch.overrides.TorchFunctionMode):
    """Finds the smallest distance between the two largest inputs of a max pool's window, relative to the root mean square of its inputs.

    If it is about as small as rounding, another program may choose the other input. The gradient then changes a little, and Muon,
    which enlarges the small singular values of a step, makes the weights differ by some hundredths after a few steps.
    """
    nearest = float("inf")

    def __torch_function__(self, f, types, args=(), kwargs=None):
        if getattr(f, "__name__", "").endswith("max_pool2d") and args[0].requires_grad:
            x, size = args[0].detach(), args[1]
            two = x.unfold(2, size, size).unfold(3, size, size).flatten(4).topk(2).values
            self.nearest = min(self.nearest, ((two[..., 0] - two[..., 1]).min() / x.square().mean().sqrt()).item())
        return f(*args, **(kwargs or {}))


def whitening(images, epsilon=5e-4):
    """The whitening kernel [24, 3, 2, 2] of normalised images."""
    patches = F.unfold(images, 2).transpose(1, 2).reshape(-1, 12)  # channel, row, column
    values, vectors = torch.linalg.eigh(patches.T @ patches / len(patches))
    half = (vectors / torch.sqrt(values + epsilon)).T.flip(0).reshape(12, 3, 2, 2)
    return torch.cat((half, -half))


def is_shift(name):
    return ".norm" in name and name.endswith(".bias")


def state(net):
    """Weights and statistics in float64 with the project's names and values."""
    left_out = [f"group{i}.norm{j}.{name}" for i in (1, 2, 3) for j in (1, 2) for name in ("weight", "num_batches_tracked")]
    return {n: t.detach().double() / (SHIFT_SCALE if is_shift(n) else 1) for n, t in net.state_dict().items() if n not in left_out}


def initial(dtype, kernel):
    """A network with the formula's weights."""
    net = Net()
    start = {n: formula.weight(n, t.shape) * (SHIFT_SCALE if is_shift(n) else 1) for n, t in state(net).items()}
    start["fc.weight"] *= HEAD_SCALE
    start["whiten.weight"] = kernel
    net.load_state_dict(start, strict=False)
    net.whiten.weight.requires_grad = False
    return net.to(dtype)


def newton_schulz(g, steps=3):
    a, b, c = 3.4445, -4.7750, 2.0315
    x = g / (g.norm() + 1e-7)
    if g.size(0) > g.size(1):
        x = x.T
    for _ in range(steps):
        s = x @ x.T
        x = a * x + (b * s + c * s @ s) @ x
    return x.T if g.size(0) > g.size(1) else x


class Muon(torch.optim.Optimizer):
    """airbench94_muon's, with Nesterov's momentum."""

    def __init__(self, params, lr, momentum):
        super().__init__(params, dict(lr=lr, momentum=momentum))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                buffer = self.state[p].setdefault("buffer", torch.zeros_like(p))
                buffer.mul_(group["momentum"]).add_(p.grad)
                update = p.grad.add(buffer, alpha=group["momentum"])
                p.mul_(len(p) ** 0.5 / p.norm())
                p.sub_(group["lr"] * newton_schulz(update.flatten(1)).view_as(p))


def optimizers(net):
    rate, decay = CONFIG["learning_rate"], CONFIG["weight_decay"]
    fast = SHIFT_SCALE ** 2  # airbench94's bias_scaler
    filters = [p for p in net.parameters() if p.dim() == 4 and p.requires_grad]
    biases = [p for n, p in net.named_parameters() if "norm" in n and p.requires_grad]
    groups = [dict(params=biases, lr=rate * fast, weight_decay=decay / fast),
              dict(params=[net.whiten.bias, net.fc.weight], lr=rate, weight_decay=decay)]
    return torch.optim.SGD(groups, lr=rate, momentum=MOMENTUM, nesterov=True), Muon(filters, RECIPE["muon_rate"], MOMENTUM)


def factor(step, total):
    """The schedule: the learning rate's factor at a step."""
    s = RECIPE["schedule"]
    warmup = s["warmup"] * total
    if step < warmup:
        part = step / warmup
        return s["start"] * (1 - part) + part
    part = (step - warmup) / (total - warmup)
    return 1 - part + s["end"] * part


class Lookahead:
    def __init__(self, net):
        self.params = [p for p in net.parameters() if p.requires_grad]
        self.slow = [p.detach().clone() for p in self.params]

    @torch.no_grad()
    def update(self, decay):
        for slow, p in zip(self.slow, self.params):
            slow.lerp_(p, 1 - decay)
            p.copy_(slow)


@torch.no_grad()
def precise_norm(net, batches):
    """The running statistics as the mean over batches, which PyTorch computes if batch norm's momentum is None."""
    norms = [m for m in net.modules() if isinstance(m, BatchNorm)]
    for m in norms:
        m.momentum = None
        m.reset_running_stats()
    net.train()
    for x in batches:
        net(x)


@torch.no_grad()
def predict(net, x):
    """airbench94's test-time augmentation: half of the weight for the image, a quarter for each shift, and the same for mirror images."""
    def mirrored(x):
        return 0.5 * net(x) + 0.5 * net(x.flip(-1))

    net.eval()
    by = RECIPE["shift_average"]
    padded = F.pad(x, (by,) * 4, "reflect")
    shifted = [mirrored(padded[:, :, at:at + 32, at:at + 32]) for at in (0, 2 * by)]
    return 0.5 * mirrored(x) + 0.5 * torch.stack(shifted).mean(0)


def train(dtype):
    """Everything that the Go test compares."""
    pixels, labels = formula.images(IMAGES + DEV), formula.labels(IMAGES + DEV)
    kernel = whitening(formula.normalised(pixels[:IMAGES], torch.float64))
    net = initial(dtype, kernel)
    start, opts = state(net), optimizers(net)
    data = list(batches(pixels[:IMAGES], labels[:IMAGES]))
    total = len(data)
    schedules = [torch.optim.lr_scheduler.LambdaLR(o, lambda step: factor(step, total)) for o in opts]
    out = {"whitening": kernel, "rates": [], "losses": [], "moved": {}}
    lookahead = None
    for step, (x, y) in enumerate(data, 1):
        net.train()
        net.zero_grad()
        loss = F.cross_entropy(net(formula.normalised(x, dtype)), y, label_smoothing=RECIPE["label_smoothing"])
        loss.backward()
        out["rates"].append(opts[0].param_groups[1]["lr"])
        for o, s in zip(opts, schedules):
            o.step()
            s.step()
        out["losses"].append(loss.item())
        if step == 1:
            lookahead = Lookahead(net)
        elif step % RECIPE["lookahead"] == 0:
            lookahead.update(0.95 ** 5 * (step / total) ** 3)
        else:
            continue
        out["moved"][step] = {n: t - start[n] for n, t in state(net).items() if n != "whiten.weight"}
    precise_norm(net, [formula.normalised(pixels[i * BATCH:(i + 1) * BATCH], dtype) for i in range(RECIPE["precise_norm"])])
    out["precise"] = {n: t for n, t in state(net).items() if "running" in n}
    out["logits"] = predict(net, formula.normalised(pixels[IMAGES:], dtype))
    out["dev_loss"] = F.cross_entropy(out["logits"], labels[IMAGES:]).item()
    out["batches"] = [hashlib.sha256(x.tobytes() + bytes(y.tolist())).hexdigest() for x, y in data]
    return out


def fixture():
    with NearestTie() as tie:
        want = train(torch.float64)
    got = train(torch.float32)
    float32 = {
        "losses": max(abs(a - b) for a, b in zip(got["losses"], want["losses"])),
        "moved": max(formula.distance(got["moved"][step][n], t) for step in want["moved"] for n, t in want["moved"][step].items()),
        "precise": max(formula.distance(got["precise"][n], t) for n, t in want["precise"].items()),
        "logits": formula.distance(got["logits"], want["logits"]),
    }
    return {
        "config": CONFIG, "widths": list(WIDTHS), "images": IMAGES, "dev": DEV,
        "head_scale": HEAD_SCALE, "nearest_tie": tie.nearest, "float32": float32,
        "batches": want["batches"], "rates": want["rates"], "losses": want["losses"], "dev_loss": want["dev_loss"],
        "whitening": want["whitening"].flatten(1)[:12].tolist(),
        "moved": {str(step): {n: formula.sketch(n, t) for n, t in want["moved"][step].items()} for step in want["moved"]},
        "precise": {n: formula.sketch(n, t) for n, t in want["precise"].items()},
        "evaluation": {"first": want["logits"].tolist(), "all": formula.sketch("evaluation", want["logits"])},
    }
