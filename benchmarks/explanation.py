"""Processor time to explain a 784-128-10 network, every line checked: a sample and a batch, in each view.

python benchmarks/explanation.py
"""

import time

import numpy as np

import wengert as wg
from wengert import nn

VIEWS = ("index", "matrix", "delta", "adjoint", "numbers", "batch")


def main():
    rng = np.random.default_rng(0)
    net = nn.Sequential(nn.Dense(784, 128, "relu"), nn.Dense(128, 10)).initialise(0)
    x, t = rng.uniform(size=(64, 784)), rng.integers(0, 10, 64)
    wg.explain(lambda w: w**2, 1.0)  # imports
    for view in VIEWS:
        for rows, words in ((0, "one sample"), (slice(0, 64), "64 rows")):
            if view == "batch" and rows == 0:
                continue
            start = time.process_time()
            derivation = wg.explain(net, x[rows], t[rows], loss=nn.nllm_from_logits, view=view)
            text = str(derivation)
            seconds = time.process_time() - start
            lines = len(text.splitlines())
            print(f"{view:8} {words:10} {seconds:5.2f} s  {lines:4} lines; {derivation.verification}")


if __name__ == "__main__":
    main()
