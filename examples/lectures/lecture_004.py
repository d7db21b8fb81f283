"""Lecture 004: row vectors, b = aW, c = tanh b, e = cV, ε = Σ (e − y)², by indices and by matrices."""

import numpy as np

import wengert as wg

a = np.array([[1.0, -0.5, 2.0]])
W = np.array([[0.1, 0.4], [-0.3, 0.2], [0.5, -0.1]])
V = np.array([[0.7, -0.2, 0.1], [0.3, 0.6, -0.4]])
y = np.array([[1.0, 0.0, -1.0]])


def error(W, V):
    """ε of the network."""
    b = a @ W
    c = np.tanh(b)
    e = c @ V
    return np.sum((e - y) ** 2)


def by_indices():
    """Task 1: a sum appears where a variable reaches ε on several ways: c_j does, v_jk and w_ij do not."""
    c = np.tanh(a @ W)
    e = c @ V
    dW, dV = np.zeros_like(W), np.zeros_like(V)
    for j in range(2):
        for k in range(3):
            dV[j, k] = 2 * (e[0, k] - y[0, k]) * c[0, j]
        dc = sum(2 * (e[0, k] - y[0, k]) * V[j, k] for k in range(3))
        for i in range(3):
            dW[i, j] = dc * (1 - c[0, j] ** 2) * a[0, i]
    return dW, dV


def by_matrices():
    """Task 2: outer products, a transpose, one product element by element."""
    c = np.tanh(a @ W)
    slope = 2 * (c @ V - y)
    return a.T @ ((slope @ V.T) * (1 - c**2)), c.T @ slope


def main():
    derived = wg.grad(error, argnums=(0, 1))(W, V)
    for name, variable, *ways in zip("WV", (W, V), by_indices(), by_matrices(), derived, strict=True):
        indices, matrices, program = ways
        print(f"d epsilon / d{name} has the shape of {name}, {variable.shape}:\n{program}")
        print(f"  by indices the difference is {np.abs(indices - program).max():.1e}")
        print(f"  by matrices the difference is {np.abs(matrices - program).max():.1e}")
    print(wg.trace_gradient(error, W, V, argnums=(0, 1)).to_python("gradient"))


if __name__ == "__main__":
    main()
