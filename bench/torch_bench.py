"""PyTorch in the comparison of bench/run.py, with the tasks of bench/ours.

    torch_bench.py --task step|eval|epoch|first --batch 64 --stem imagenet|cifar --n 15 [--compile] [--cuda]

torchvision's resnet18, channels_last, Adam with weight_decay; the data is in memory as normalised tensors. On the CPU in
float32. On a GPU (--cuda) with automatic mixed precision in bfloat16, a fused optimizer, and CUDA graphs with --compile.
"""
import os, tempfile
import peer
import torch, torchvision
from torch_score import cross_entropy, evaluate

p = peer.parser()
p.add_argument("--classes", type=int, default=10); p.add_argument("--images", type=int, default=40000)
p.add_argument("--compile", action="store_true"); p.add_argument("--cuda", action="store_true")
a = p.parse_args()

torch.manual_seed(0)
torch.set_num_threads(len(os.sched_getaffinity(0)))
m = torchvision.models.resnet18(num_classes=a.classes)
if a.stem == "cifar":
    m.conv1 = torch.nn.Conv2d(3, 64, 3, 1, 1, bias=False)
    m.maxpool = torch.nn.Identity()
device = "cuda" if a.cuda else "cpu"
m = m.to(device, memory_format=torch.channels_last)
opt = torch.optim.Adam(m.parameters(), lr=1e-3, weight_decay=0.005, fused=a.cuda)
f = torch.compile(m, mode="reduce-overhead" if a.cuda else "default") if a.compile else m
mixed = torch.autocast("cuda", torch.bfloat16, enabled=a.cuda)


def data(n):
    x = torch.randn(n, 3, 32, 32, device=device).contiguous(memory_format=torch.channels_last)
    return x, torch.randint(0, 10, (n,), device=device)


def step(x, y):
    with mixed:
        loss = cross_entropy(f(x), y)
    loss.backward()
    opt.step()
    opt.zero_grad()
    return loss.item()


def score(x, y):
    return evaluate(f, m, x, y, mixed)


def epoch(train, dev):
    x, y = train
    order = torch.randperm(len(y), device=device)
    for i in range(0, len(y), a.batch):
        j = order[i:i + a.batch]
        step(x[j].contiguous(memory_format=torch.channels_last), y[j])
    score(*dev)
    with tempfile.TemporaryFile() as file:
        torch.save(m.state_dict(), file)


name = f"PyTorch {torch.__version__} {'compiled' if a.compile else 'eager'}" + (f", {torch.cuda.get_device_name()}" if a.cuda else "")
peer.measure(a, name, data, step, score, epoch)
