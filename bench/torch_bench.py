"""PyTorch's side of the comparison, with the same tasks as bench/ours: see bench/run.py, which calls it.

    torch_bench.py --task step|eval|epoch|first --batch 64 --stem imagenet|cifar --n 15 [--compile]

torchvision's resnet18, channels_last, float32, Adam with weight_decay; the data lies in memory as normalised tensors.
"""
import os
import peer
import torch, torchvision

p = peer.parser()
p.add_argument("--classes", type=int, default=10); p.add_argument("--images", type=int, default=40000)
p.add_argument("--compile", action="store_true")
a = p.parse_args()

torch.manual_seed(0)
torch.set_num_threads(len(os.sched_getaffinity(0)))
m = torchvision.models.resnet18(num_classes=a.classes)
if a.stem == "cifar":
    m.conv1 = torch.nn.Conv2d(3, 64, 3, 1, 1, bias=False)
    m.maxpool = torch.nn.Identity()
m = m.to(memory_format=torch.channels_last)
opt = torch.optim.Adam(m.parameters(), lr=1e-3, weight_decay=0.005)
f = torch.compile(m) if a.compile else m
cross_entropy = torch.nn.functional.cross_entropy


def data(n):
    x = torch.randn(n, 3, 32, 32).contiguous(memory_format=torch.channels_last)
    return x, torch.randint(0, 10, (n,))


def step(x, y):
    loss = cross_entropy(f(x), y)
    loss.backward()
    opt.step()
    opt.zero_grad()
    return loss.item()


def evaluate(x, y, batch=250):
    m.eval()
    right = loss = 0
    with torch.inference_mode():
        for i in range(0, len(y), batch):
            out = m(x[i:i + batch])
            loss += cross_entropy(out, y[i:i + batch], reduction="sum").item()
            right += (out.argmax(1) == y[i:i + batch]).sum().item()
    m.train()


def epoch(train, dev):
    x, y = train
    order = torch.randperm(len(y))
    for i in range(0, len(y), a.batch):
        j = order[i:i + a.batch]
        step(x[j].contiguous(memory_format=torch.channels_last), y[j])
    evaluate(*dev)
    torch.save(m.state_dict(), "/tmp/bench-torch.pt")


peer.measure(a, f"PyTorch {torch.__version__}" + (" compiled" if a.compile else " eager"), data, step, evaluate, epoch)
