"""The chapter's training in PyTorch on a GPU, like "resnet18 train" and on the same files, for bench/gpu.py.

    torch_chapter.py FOLDER [--epochs 30]

FOLDER contains the extracted batch files. torchvision's resnet18 with 1,000 outputs, channels_last, automatic mixed precision in
bfloat16, compiled into CUDA graphs, fused Adam. All images are on the GPU as bytes, a batch is gathered and normalised there, and
the host does not wait for the GPU between two evaluations.
"""
import argparse, pickle, tempfile, time
from pathlib import Path
import numpy as np
import torch, torchvision
from torch_score import cross_entropy, evaluate

p = argparse.ArgumentParser()
p.add_argument("folder", type=Path); p.add_argument("--epochs", type=int, default=30)
a = p.parse_args()
BATCH, EVAL_STEPS = 64, 3000


def load(*names):
    batches = [pickle.loads((a.folder / name).read_bytes(), encoding="bytes") for name in names]
    images = torch.from_numpy(np.concatenate([b[b"data"] for b in batches])).view(-1, 3, 32, 32)
    return images.cuda().contiguous(memory_format=torch.channels_last), torch.tensor(sum((b[b"labels"] for b in batches), [])).cuda()


mean, std = (torch.tensor(v, device="cuda").view(1, 3, 1, 1) for v in ([0.4914, 0.4822, 0.4465], [0.2023, 0.1994, 0.2010]))


def normalised(images):
    return ((images.float() / 255 - mean) / std).contiguous(memory_format=torch.channels_last)


torch.manual_seed(0)
m = torchvision.models.resnet18().to("cuda", memory_format=torch.channels_last)
f = torch.compile(m, mode="reduce-overhead")
opt = torch.optim.Adam(m.parameters(), lr=1e-3, weight_decay=0.005, fused=True)
mixed = torch.autocast("cuda", torch.bfloat16)


def score(images, labels):
    return evaluate(lambda batch: m(normalised(batch)), m, images, labels, mixed)


train, dev, test = load(*(f"data_batch_{i}" for i in range(1, 5))), load("data_batch_5"), load("test_batch")
steps = len(train[1]) // BATCH
best_model = Path(tempfile.mkdtemp(), "best.pt")
total, step, best, start = a.epochs * steps, 0, -1, time.time()
for epoch in range(a.epochs):
    order = torch.randperm(len(train[1]), device="cuda")
    for i in range(0, steps * BATCH, BATCH):
        j = order[i:i + BATCH]
        with mixed:
            loss = cross_entropy(f(normalised(train[0][j])), train[1][j])
        loss.backward()
        if step % EVAL_STEPS == 0:
            print(f"[Train] epoch: {epoch}/{a.epochs}, step: {step}/{total}, loss: {loss.item():.5f}, {time.time() - start:.1f} s", flush=True)
        opt.step()
        opt.zero_grad()
        step += 1
        if step == total or step > 1 and (step - 1) % EVAL_STEPS == 0:
            accuracy, dev_loss = score(*dev)
            print(f"[Evaluate]  dev score: {accuracy:.5f}, dev loss: {dev_loss:.5f}", flush=True)
            if accuracy > best:
                best = accuracy
                torch.save(m.state_dict(), best_model)
print(f"trained in {time.time() - start:.1f} s")
m.load_state_dict(torch.load(best_model))
print("[Test] accuracy/loss: {:.4f}/{:.4f}".format(*score(*test)))
