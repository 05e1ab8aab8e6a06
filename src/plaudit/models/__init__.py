"""Reward models: a backbone, a pooling, a head, and the attention that computes a shared prompt once."""
