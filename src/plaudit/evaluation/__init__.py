"""Evaluation: what a set of predictions is worth, with how much certainty. NumPy only."""
