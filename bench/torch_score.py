"""Evaluation in the PyTorch programs, without waiting for the GPU before the last batch."""
import torch

cross_entropy = torch.nn.functional.cross_entropy


def evaluate(network, model, images, labels, mixed, batch=250):
    """Returns for each image 1 if it is predicted correctly, else 0, and the mean cross-entropy. network calls model, perhaps compiled or
    after preparing the images; model sets the mode."""
    model.eval()
    right, loss = [], 0
    with torch.inference_mode(), mixed:
        for i in range(0, len(labels), batch):
            out = network(images[i:i + batch])
            loss += cross_entropy(out, labels[i:i + batch], reduction="sum")
            right.append(out.argmax(1) == labels[i:i + batch])
    model.train()
    return torch.cat(right).float().cpu(), loss.item() / len(labels)
