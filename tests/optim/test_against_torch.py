"""The same optimisers in PyTorch, where it is installed."""

import numpy as np
import pytest

from wengert import optim

torch = pytest.importorskip("torch")

CASES = {
    "SGD": (optim.SGD(0.05), {"lr": 0.05}),
    "SGD with momentum": (optim.SGD(0.05, momentum=0.9), {"lr": 0.05, "momentum": 0.9}),
    "SGD with Nesterov's momentum": (
        optim.SGD(0.05, momentum=0.9, nesterov=True, weight_decay=0.01),
        {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01},
    ),
    "Adam": (optim.Adam(), {}),
    "Adam with decay": (optim.Adam(0.01, weight_decay=0.1), {"lr": 0.01, "weight_decay": 0.1}),
    "AdamW": (optim.AdamW(), {}),
    "RMSprop": (optim.RMSProp(), {}),
    "RMSprop with momentum": (optim.RMSProp(0.02, momentum=0.5), {"lr": 0.02, "momentum": 0.5}),
}


@pytest.mark.parametrize("name", CASES)
def test_two_hundred_steps(name, rng):
    mine, options = CASES[name]
    w = rng.normal(size=(4, 3))
    theirs = torch.tensor(w, dtype=torch.float64, requires_grad=True)
    optimiser = getattr(torch.optim, name.split()[0])([theirs], **options)
    state = mine.init(w)
    for _ in range(200):
        gradient = rng.normal(size=w.shape)
        w, state = mine.update(w, gradient, state)
        theirs.grad = torch.tensor(gradient)
        optimiser.step()
    np.testing.assert_allclose(w, theirs.detach().numpy(), rtol=1e-12, atol=1e-14)


def test_one_cycle():
    parameter = torch.zeros(1, requires_grad=True)
    optimiser = torch.optim.SGD([parameter], lr=0.1)
    theirs = torch.optim.lr_scheduler.OneCycleLR(optimiser, 0.1, total_steps=50)
    mine = optim.OneCycle(0.1, 50)
    for t in range(49):
        assert float(mine(np.asarray(t))) == pytest.approx(theirs.get_last_lr()[0], rel=1e-12)
        optimiser.step()
        theirs.step()
