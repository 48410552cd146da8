"""Evaluation in the PyTorch programs: accuracy and mean cross-entropy, without waiting for the GPU before the last batch."""
import torch

cross_entropy = torch.nn.functional.cross_entropy


def evaluate(network, model, images, labels, mixed, batch=250):
    """Returns (accuracy, mean loss). network calls model, perhaps compiled or after preparing the images; model sets the mode."""
    model.eval()
    right = loss = 0
    with torch.inference_mode(), mixed:
        for i in range(0, len(labels), batch):
            out = network(images[i:i + batch])
            loss += cross_entropy(out, labels[i:i + batch], reduction="sum")
            right += (out.argmax(1) == labels[i:i + batch]).sum()
    model.train()
    return right.item() / len(labels), loss.item() / len(labels)
