"""What the estimators put into the training loop: held-out rows, losses, rules for stopping, results."""
