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


def rmsprop(w, gradients, rate, decay=0.99, epsilon=1e-8, momentum=0.0, weight_decay=0.0):
    w, v, b = w.copy(), np.zeros_like(w), np.zeros_like(w)
    for t, g in enumerate(gradients):
        g = g + weight_decay * w
        v = decay * v + (1 - decay) * g**2
        b = momentum * b + g / (np.sqrt(v) + epsilon)
        w = w - rate(t) * b
    return w
