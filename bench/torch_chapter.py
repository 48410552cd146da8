"""The chapter's training in PyTorch, like "resnet18 train" and on the same files: on a GPU for bench/gpu.py, on a CPU for notebook 07.

    torch_chapter.py FOLDER [--epochs 30] [--train-images N] [--eval-steps 3000] [--seed 0] [--classes 1000] [--device cpu] [--state FILE]
        [--out notebooks/results/pytorch/NAME.json]

FOLDER contains the extracted batch files. torchvision's resnet18, channels_last, fused Adam. All images are on the device as bytes, a
batch is gathered and normalised there. On a GPU: automatic mixed precision in bfloat16, compiled into CUDA graphs, and the host does not
wait for the GPU between two evaluations. --out writes what package experiments' Result has: notebook 07 reads it. With --state the whole
state is in FILE after each epoch, and the same command resumes from it, on a CPU bit for bit (a GPU's random numbers are not in it).
"""
import argparse, base64, contextlib, copy, json, pickle, time
from pathlib import Path
import numpy as np
import torch, torchvision
from torch_score import cross_entropy, evaluate

p = argparse.ArgumentParser()
p.add_argument("folder", type=Path); p.add_argument("--epochs", type=int, default=30)
p.add_argument("--seed", type=int, default=0); p.add_argument("--classes", type=int, default=1000)
p.add_argument("--device", choices=("cuda", "cpu"), default="cuda"); p.add_argument("--out", type=Path)
p.add_argument("--train-images", type=int); p.add_argument("--eval-steps", type=int, default=3000)
p.add_argument("--state", type=Path)
a = p.parse_args()
BATCH, POINTS = 64, 60
GPU = a.device == "cuda"


def load(*names):
    batches = [pickle.loads((a.folder / name).read_bytes(), encoding="bytes") for name in names]
    images = torch.from_numpy(np.concatenate([b[b"data"] for b in batches])).view(-1, 3, 32, 32)
    return images.to(a.device).contiguous(memory_format=torch.channels_last), torch.tensor(sum((b[b"labels"] for b in batches), [])).to(a.device)


mean, std = (torch.tensor(v, device=a.device).view(1, 3, 1, 1) for v in ([0.4914, 0.4822, 0.4465], [0.2023, 0.1994, 0.2010]))


def normalised(images):
    return ((images.float() / 255 - mean) / std).contiguous(memory_format=torch.channels_last)


torch.manual_seed(a.seed)
m = torchvision.models.resnet18(num_classes=a.classes).to(a.device, memory_format=torch.channels_last)
f = torch.compile(m, mode="reduce-overhead") if GPU else m
opt = torch.optim.Adam(m.parameters(), lr=1e-3, weight_decay=0.005, fused=True)
mixed = torch.autocast("cuda", torch.bfloat16) if GPU else contextlib.nullcontext()


def score(images, labels):
    """Which images are predicted correctly, and the mean loss."""
    return evaluate(lambda batch: m(normalised(batch)), m, images, labels, mixed)


train, dev, test = load(*(f"data_batch_{i}" for i in range(1, 5))), load("data_batch_5"), load("test_batch")
train = train[0][:a.train_images], train[1][:a.train_images]
steps = len(train[1]) // BATCH
total, first, step, best, start = a.epochs * steps, 0, 0, -1, time.time()
# The loss and the share of correct predictions of each step, on the device: many small tensors would keep the heap from shrinking.
losses, right = torch.zeros(2, total, device=a.device)
evals, best_weights = [], None
if a.state and a.state.exists():
    saved = torch.load(a.state, weights_only=False)
    m.load_state_dict(saved["model"]); opt.load_state_dict(saved["optimizer"]); torch.set_rng_state(saved["random"])
    first, best, best_weights, losses, right, evals = (saved[k] for k in ("epoch", "best", "best_weights", "losses", "right", "evals"))
    step, start = first * steps, start - saved["seconds"]
    print(f"resumed {a.state} after {first} epochs", flush=True)
for epoch in range(first, a.epochs):
    order = torch.randperm(len(train[1]), device=a.device)
    for i in range(0, steps * BATCH, BATCH):
        j = order[i:i + BATCH]
        with mixed:
            logits = f(normalised(train[0][j]))
            loss = cross_entropy(logits, train[1][j])
        loss.backward()
        if a.out:
            losses[step] = loss.detach()
            right[step] = (logits.detach().argmax(1) == train[1][j]).float().mean()
        if step % a.eval_steps == 0:
            print(f"[Train] epoch: {epoch}/{a.epochs}, step: {step}/{total}, loss: {loss.item():.5f}, {time.time() - start:.1f} s", flush=True)
        opt.step()
        opt.zero_grad()
        step += 1
        if step == total or step > 1 and (step - 1) % a.eval_steps == 0:
            correct, dev_loss = score(*dev)
            accuracy = correct.mean().item()
            evals.append({"step": step - 1, "score": accuracy, "loss": dev_loss})
            print(f"[Evaluate]  dev score: {accuracy:.5f}, dev loss: {dev_loss:.5f}", flush=True)
            if accuracy > best:
                best, best_weights = accuracy, copy.deepcopy(m.state_dict())
    if a.state:
        state = {"epoch": epoch + 1, "model": m.state_dict(), "optimizer": opt.state_dict(), "random": torch.get_rng_state(), "best": best,
                 "best_weights": best_weights, "losses": losses, "right": right, "evals": evals, "seconds": time.time() - start}
        torch.save(state, a.state.with_suffix(".part"))
        a.state.with_suffix(".part").replace(a.state)
seconds = time.time() - start
print(f"trained in {seconds:.1f} s")
m.load_state_dict(best_weights)
correct, test_loss = score(*test)
print(f"[Test] accuracy/loss: {correct.mean().item():.4f}/{test_loss:.4f}")

if a.out:
    points = min(POINTS, total)
    ends = [(i + 1) * total // points for i in range(points)]
    parts = [slice(begin, end) for begin, end in zip([0] + ends, ends)]
    losses, right = losses.cpu(), right.cpu()
    result = {
        "name": a.out.stem, "change": f"PyTorch {torch.__version__}, torchvision's resnet18, {a.classes} outputs, seed {a.seed}",
        "network": f"torchvision's resnet18, {a.classes} outputs", "parameters": sum(v.numel() for v in m.parameters()),
        "config": {"epochs": a.epochs, "batch_size": BATCH, "learning_rate": 1e-3, "weight_decay": 0.005, "eval_steps": a.eval_steps, "seed": a.seed},
        "train_images": len(train[1]), "dev_images": len(dev[1]), "test_images": len(test[1]),
        "steps": total, "seconds": seconds, "device": f"PyTorch on the {a.device.upper()}",
        "curve": [{"step": s.stop - 1, "loss": round(losses[s].mean().item(), 4), "accuracy": round(right[s].mean().item(), 4)} for s in parts],
        "evals": evals, "best_dev": best, "test_accuracy": correct.mean().item(), "test_loss": test_loss,
        "right": base64.b64encode(np.packbits(correct.bool().numpy(), bitorder="little")).decode(),
    }
    a.out.parent.mkdir(parents=True, exist_ok=True)
    a.out.write_text(json.dumps(result) + "\n")
