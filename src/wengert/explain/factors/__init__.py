"""Factorisations of matrices in derivations: eigenvalues, singular values, QR and Cholesky factors."""
