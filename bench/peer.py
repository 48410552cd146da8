"""Options, tasks (those of bench/ours) and the result as one line of JSON, for the peers' programs.

    PROGRAM --task step|eval|first --batch 64 --stem imagenet|cifar --n 15
"""
import os, time
START = os.stat(f"/proc/{os.getpid()}").st_mtime  # start of the process; import this module before the framework
import argparse, json, resource


def parser():
    p = argparse.ArgumentParser()
    p.add_argument("--task", default="step"); p.add_argument("--batch", type=int, default=64)
    p.add_argument("--stem", default="imagenet"); p.add_argument("--n", type=int, default=15)
    return p


def measure(a, device, data, step, evaluate, epoch=None):
    """Runs the task and prints the result. data(n) returns n images and labels; then step(x, y), evaluate(x, y), epoch(train, dev)."""
    if a.task == "first":
        step(*data(a.batch))
        seconds = [time.time() - START]
    elif a.task == "eval":
        seconds = timed(evaluate, a.n, 1, *data(10000))
    elif a.task == "epoch":
        seconds = timed(epoch, 1, 0, data(a.images), data(10000))
    else:
        seconds = timed(step, a.n, 2, *data(a.batch))
    print(json.dumps({"seconds": seconds, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, "device": device}))


def timed(fn, n, warm_up, *args):
    """Returns the seconds of n calls, after warm_up calls."""
    seconds = []
    for _ in range(warm_up + n):
        t = time.time()
        fn(*args)
        seconds.append(time.time() - t)
    return seconds[warm_up:]
