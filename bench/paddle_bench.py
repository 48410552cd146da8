"""Paddle in the comparison of bench/run.py, with the tasks of bench/ours.

    paddle_bench.py --task step|eval|first --batch 64 --stem imagenet|cifar --n 15

paddle.vision's resnet18, which the book uses, float32, Adam with weight_decay; the data is in memory as normalised tensors.
"""
import peer
import paddle
from paddle.vision.models import resnet18

a = peer.parser().parse_args()

paddle.seed(0)
m = resnet18(num_classes=10)
if a.stem == "cifar":
    m.conv1 = paddle.nn.Conv2D(3, 64, 3, 1, 1, bias_attr=False)
    m.maxpool = paddle.nn.Identity()
opt = paddle.optimizer.Adam(learning_rate=1e-3, parameters=m.parameters(), weight_decay=0.005)
cross_entropy = paddle.nn.functional.cross_entropy


def data(n):
    return paddle.randn([n, 3, 32, 32]), paddle.randint(0, 10, [n])


def step(x, y):
    loss = cross_entropy(m(x), y)
    loss.backward()
    opt.step()
    opt.clear_grad()
    float(loss)


def evaluate(x, y, batch=250):
    m.eval()
    with paddle.no_grad():
        for i in range(0, len(y), batch):
            out = m(x[i:i + batch])
            float(cross_entropy(out, y[i:i + batch], reduction="sum"))
            int((out.argmax(1) == y[i:i + batch]).sum())
    m.train()


peer.measure(a, f"Paddle {paddle.__version__}", data, step, evaluate)
