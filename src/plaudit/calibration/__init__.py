"""Calibration: what a margin is worth as a probability, when to abstain, and rewards freed of length. NumPy only."""
