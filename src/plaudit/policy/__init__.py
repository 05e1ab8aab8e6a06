"""Policies: models that answer. What a reward model is trained on comes from them, and goes back to them."""
