"""Derivatives of functions: grad, vjp, jvp, jacobian, hessian, and their check."""
