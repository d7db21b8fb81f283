"""What is made of predictions for rows not learnt from: members blind to folds, calibration, blends."""
