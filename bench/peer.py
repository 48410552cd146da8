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
        seconds, cpu = [time.time() - START], [time.process_time()]
    elif a.task == "eval":
        seconds, cpu = timed(evaluate, a.n, 1, *data(10000))
    elif a.task == "epoch":
        seconds, cpu = timed(epoch, 1, 0, data(a.images), data(10000))
    else:
        seconds, cpu = timed(step, a.n, 2, *data(a.batch))
    print(json.dumps({"seconds": seconds, "cpu": cpu, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, "device": device}))


def timed(fn, n, warm_up, *args):
    """Returns the seconds of n calls, after warm_up calls, and the processor time of each, of all threads."""
    seconds, cpu = [], []
    for _ in range(warm_up + n):
        t, c = time.time(), time.process_time()
        fn(*args)
        seconds.append(time.time() - t)
        cpu.append(time.process_time() - c)
    return seconds[warm_up:], cpu[warm_up:]
