"""Gradients that a reader derived, held against the true ones: verdict, mistake, and the claim put right."""
