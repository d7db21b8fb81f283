"""What came of a training run as one HTML page that needs nothing else."""
