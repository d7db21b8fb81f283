"""Gradients that a reader derived, held against the true ones: verdict, slip, and the claim put right."""
