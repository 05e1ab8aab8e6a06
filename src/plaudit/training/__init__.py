"""Training on transformers' loop: whole steps, exact gradients, checkpoints that survive any break."""
