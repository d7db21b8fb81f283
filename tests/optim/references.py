"""The optimisers once more, one array at a time and in plain loops: what the tests compare with."""

import numpy as np


def sgd(w, gradients, rate, momentum=0.0, nesterov=False, weight_decay=0.0):
    w, velocity = w.copy(), None
    for t, g in enumerate(gradients):
        g = g + weight_decay * w
        if momentum:
            velocity = g.copy() if velocity is None else momentum * velocity + g
            g = g + momentum * velocity if nesterov else velocity
        w = w - rate(t) * g
    return w


def adam(w, gradients, rate, betas=(0.9, 0.999), epsilon=1e-8, weight_decay=0.0, decoupled=False):
    w, m, v = w.copy(), np.zeros_like(w), np.zeros_like(w)
    for t, g in enumerate(gradients):
        decay = weight_decay(t) if callable(weight_decay) else weight_decay
        if decoupled:
            w = w * (1 - rate(t) * decay)
        else:
            g = g + decay * w
        m = betas[0] * m + (1 - betas[0]) * g
        v = betas[1] * v + (1 - betas[1]) * g**2
        m_hat = m / (1 - betas[0] ** (t + 1))
        v_hat = v / (1 - betas[1] ** (t + 1))
        w = w - rate(t) * m_hat / (np.sqrt(v_hat) + epsilon)
    return w


def lamb(w, gradients, rate, betas=(0.9, 0.999), epsilon=1e-6, weight_decay=0.01):
    """You et al. 2020, algorithm 2."""
    w, m, v = w.copy(), np.zeros_like(w), np.zeros_like(w)
    for t, g in enumerate(gradients):
        m = betas[0] * m + (1 - betas[0]) * g
        v = betas[1] * v + (1 - betas[1]) * g**2
        r = m / (1 - betas[0] ** (t + 1)) / (np.sqrt(v / (1 - betas[1] ** (t + 1))) + epsilon)
        u = r + weight_decay * w
        norms = np.linalg.norm(w.ravel()), np.linalg.norm(u.ravel())
        w = w - rate(t) * (norms[0] / norms[1] if all(norms) else 1.0) * u
    return w


def rmsprop(w, gradients, rate, decay=0.99, epsilon=1e-8, momentum=0.0, weight_decay=0.0):
    w, v, b = w.copy(), np.zeros_like(w), np.zeros_like(w)
    for t, g in enumerate(gradients):
        g = g + weight_decay * w
        v = decay * v + (1 - decay) * g**2
        b = momentum * b + g / (np.sqrt(v) + epsilon)
        w = w - rate(t) * b
    return w


def muon(w, gradients, rate, momentum=0.95, nesterov=True, weight_decay=0.0, iterations=5):
    """Muon; in place of products of matrices, the iterated polynomial acts on the singular values."""
    if w.ndim != 2:
        return adam(w, gradients, rate, weight_decay=weight_decay, decoupled=True)
    v = np.zeros_like(w)
    for t, g in enumerate(gradients):
        w = w * (1 - rate(t) * weight_decay)
        v = momentum * v + (1 - momentum) * g
        u, s, vt = np.linalg.svd((1 - momentum) * g + momentum * v if nesterov else v, full_matrices=False)
        s = s / (np.sqrt((s**2).sum()) + 1e-7)
        for _ in range(iterations):
            s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
        w = w - rate(t) * 0.2 * np.sqrt(max(w.shape)) * (u * s) @ vt
    return w
