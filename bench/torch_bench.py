"""PyTorch's side of the comparison, with the same tasks as bench/ours: see bench/run.py, which calls it.

    torch_bench.py --task step|eval|epoch|first --batch 64 --stem imagenet|cifar --n 15 [--compile]

torchvision's resnet18, channels_last, float32, Adam with weight_decay; the data lies in memory as normalised tensors.
"""
import os, time
START = os.stat(f"/proc/{os.getpid()}").st_mtime
import argparse, json, resource
import torch, torchvision

p = argparse.ArgumentParser()
p.add_argument("--task", default="step"); p.add_argument("--batch", type=int, default=64); p.add_argument("--stem", default="imagenet")
p.add_argument("--classes", type=int, default=10); p.add_argument("--n", type=int, default=15); p.add_argument("--images", type=int, default=40000)
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


seconds = []
def timed(fn, *args):
    t = time.time()
    fn(*args)
    seconds.append(time.time() - t)


if a.task == "step":
    x, y = data(a.batch)
    for _ in range(a.n + 2):
        timed(step, x, y)
    seconds = seconds[2:]
elif a.task == "first":
    step(*data(a.batch))
    seconds = [time.time() - START]
elif a.task == "eval":
    d = data(10000)
    for _ in range(a.n + 1):
        timed(evaluate, *d)
    seconds = seconds[1:]
elif a.task == "epoch":
    x, y = data(a.images)
    dev = data(10000)
    def epoch():
        order = torch.randperm(len(y))
        for i in range(0, len(y), a.batch):
            j = order[i:i + a.batch]
            step(x[j].contiguous(memory_format=torch.channels_last), y[j])
        evaluate(*dev)
        torch.save(m.state_dict(), "/tmp/bench-torch.pt")
    timed(epoch)
print(json.dumps({"seconds": seconds, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
                  "device": f"PyTorch {torch.__version__}" + (" compiled" if a.compile else " eager")}))
