"""What lies where in the output folder of a training workflow."""

FITTING = "run"
"""Folder of the training run: history, checkpoints, facts."""
ARTEFACT = "artefact"
"""Folder of the saved model."""
PREDICTIONS = "predictions.npz"
"""File of the saved model's predictions on the test part."""
