"""Weights, images and labels from a formula that the Go tests compute too, so that no fixture contains them.

Every number comes from hash(name, i), 64 bits for element i of the array with that name, in PyTorch's
order of elements: the i-th output of SplitMix64 (Steele, Lea and Flood 2014) started at the 64-bit FNV-1a
hash of the name. Both are arithmetic on unsigned 64-bit integers.
"""
import math

import numpy as np
import torch
import torchvision

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)  # the chapter's, as in pkg/cifar
PROJECTIONS = 8


def fnv1a(name):
    h = 0xCBF29CE484222325
    for byte in name.encode():
        h = (h ^ byte) * 0x100000001B3 % 2**64
    return h


def hash_array(name, n):
    z = np.uint64(fnv1a(name)) + np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def uniform(name, n):
    """n numbers in [-1, 1), from the hash's upper 24 bits, which a float32 represents exactly."""
    return (hash_array(name, n) >> np.uint64(40)).astype(np.float64) / 2**23 - 1


def weight(name, shape):
    """Kernels and fc are scaled like torchvision's initial ones; nothing is 0 or 1, so that every tensor matters."""
    u = uniform(name, math.prod(shape))
    if len(shape) == 4:  # Kaiming, fan out: variance 2/(k·k·out), and a uniform in ±1 has variance 1/3
        u = u * math.sqrt(6 / (shape[0] * shape[2] * shape[3]))
    elif name.startswith("fc."):
        u = u / math.sqrt(512)
    elif name.endswith("bn2.weight"):
        # Keeps a block's residual small. With weights around 1 the network is chaotic: in PyTorch alone, the losses of
        # 20 steps in float32 and in float64 differ by 0.1 and more.
        u = 0.25 + 0.0625 * u
    elif name.endswith("weight") or name.endswith("running_var"):
        u = 1 + 0.25 * u
    else:  # bias, running_mean
        u = 0.25 * u
    return torch.from_numpy(u.astype(np.float32)).reshape(shape)


def images(n):
    """Bytes [n, 32, 32, 3]: blocks of 8×8 pixels of one colour, with noise, about as rough as photographs."""
    block = (hash_array("blocks", n * 4 * 4 * 3) >> np.uint64(56)).reshape(n, 4, 4, 3)
    noise = (hash_array("noise", n * 32 * 32 * 3) >> np.uint64(56)).reshape(n, 32, 32, 3)
    return ((3 * block.repeat(8, 1).repeat(8, 2) + noise) // np.uint64(4)).astype(np.uint8)


def labels(n):
    return torch.from_numpy((hash_array("labels", n) % np.uint64(10)).astype(np.int64))


def normalised(pixels, dtype):
    """The chapter's transform: bytes [n, 32, 32, 3] to numbers [n, 3, 32, 32]."""
    x = torch.from_numpy(pixels).permute(0, 3, 1, 2).to(dtype) / 255
    return (x - torch.tensor(MEAN, dtype=dtype).view(3, 1, 1)) / torch.tensor(STD, dtype=dtype).view(3, 1, 1)


class NoShortcut(torch.nn.Module):
    """A torchvision BasicBlock without its shortcut."""

    def __init__(self, block):
        super().__init__()
        self.conv1, self.bn1, self.conv2, self.bn2 = block.conv1, block.bn1, block.conv2, block.bn2

    def forward(self, x):
        return self.bn2(self.conv2(self.bn1(self.conv1(x)).relu())).relu()


def architecture(classes, plain=False, stem="imagenet", depth=18):
    """torchvision's resnet18 or resnet34 with the options of pkg/resnet's Config."""
    net = getattr(torchvision.models, f"resnet{depth}")(num_classes=classes)
    if stem == "cifar":
        net.conv1, net.maxpool = torch.nn.Conv2d(3, 64, 3, padding=1, bias=False), torch.nn.Identity()
    if plain:
        for layer in (net.layer1, net.layer2, net.layer3, net.layer4):
            for i, block in enumerate(layer):
                layer[i] = NoShortcut(block)
    return net


def network(classes, plain=False, stem="imagenet", depth=18, dtype=torch.float32):
    """The architecture with the formula's weights."""
    net = architecture(classes, plain, stem, depth)
    state = {name: weight(name, t.shape) for name, t in net.state_dict().items() if not name.endswith("num_batches_tracked")}
    net.load_state_dict(state)
    return net.to(dtype)


def sketch(name, t):
    """A tensor as nine numbers: its norm, and its dot products with vectors of ±1 from the bits of the hash.

    For the difference d of two tensors, the expected mean square of its dot products is |d|². So sketches give the
    distance of two tensors without storing them.
    """
    values = t.detach().double().flatten().numpy()
    h = hash_array("sketch " + name, len(values))
    signs = (1 - 2 * ((h >> np.uint64(k)) & np.uint64(1)).astype(np.float64) for k in range(PROJECTIONS))
    return {"norm": float(np.linalg.norm(values)), "dots": [float(values @ s) for s in signs]}


def distance(a, b):
    """Norm of the difference, relative to that of b."""
    return ((a.double() - b.double()).norm() / b.double().norm()).item()
