"""Many networks trained on the same rows: which ones, and how they share the machine."""
