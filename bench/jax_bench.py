"""JAX in the comparison of bench/run.py, with the tasks of bench/ours.

    jax_bench.py --task step|eval|first --batch 64 --stem imagenet|cifar --n 15

ResNet-18 in Flax, NHWC, float32, Adam with L2 (0.005) in the gradient; the data is in memory as normalised arrays.
"""
import peer
from functools import partial
import flax.linen as nn, jax, jax.numpy as jnp, optax

a = peer.parser().parse_args()


class ResNet18(nn.Module):
    @nn.compact
    def __call__(self, x, train):
        kaiming = nn.initializers.variance_scaling(2, "fan_out", "normal")
        conv = partial(nn.Conv, use_bias=False, kernel_init=kaiming)
        norm = partial(nn.BatchNorm, use_running_average=not train, momentum=0.9, epsilon=1e-5)
        if a.stem == "cifar":
            x = nn.relu(norm()(conv(64, (3, 3))(x)))
        else:
            x = nn.relu(norm()(conv(64, (7, 7), (2, 2), padding=3)(x)))
            x = nn.max_pool(x, (3, 3), (2, 2), padding=((1, 1), (1, 1)))
        for stage, width in enumerate((64, 128, 256, 512)):
            for block in range(2):
                stride = 2 if stage and not block else 1
                y = nn.relu(norm()(conv(width, (3, 3), (stride, stride), padding=1)(x)))
                y = norm()(conv(width, (3, 3), padding=1)(y))
                if stride == 2:
                    x = norm()(conv(width, (1, 1), (2, 2))(x))
                x = nn.relu(x + y)
        return nn.Dense(10)(x.mean((1, 2)))


model = ResNet18()
key = jax.random.PRNGKey(0)
optimizer = optax.chain(optax.add_decayed_weights(0.005), optax.adam(1e-3))
cross_entropy = optax.softmax_cross_entropy_with_integer_labels


def data(n):
    return jax.random.normal(key, (n, 32, 32, 3)), jax.random.randint(key, (n,), 0, 10)


@partial(jax.jit, donate_argnums=0)
def update(state, x, y):
    params, stats, moments = state

    def loss(params):
        logits, new = model.apply({"params": params, "batch_stats": stats}, x, True, mutable=["batch_stats"])
        return cross_entropy(logits, y).mean(), new["batch_stats"]

    (l, stats), g = jax.value_and_grad(loss, has_aux=True)(params)
    updates, moments = optimizer.update(g, moments, params)
    return (optax.apply_updates(params, updates), stats, moments), l


@jax.jit
def score(variables, x, y):
    logits = model.apply(variables, x, False)
    return cross_entropy(logits, y).sum(), (logits.argmax(1) == y).sum()


def step(x, y):
    global state
    state, loss = update(state, x, y)
    loss.block_until_ready()


def evaluate(x, y, batch=250):
    for i in range(0, len(y), batch):
        jax.block_until_ready(score(variables, x[i:i + batch], y[i:i + batch]))


variables = jax.jit(partial(model.init, train=False))(key, jnp.zeros((1, 32, 32, 3)))
state = None if a.task == "eval" else (variables["params"], variables["batch_stats"], optimizer.init(variables["params"]))
peer.measure(a, f"JAX {jax.__version__}", data, step, evaluate)
