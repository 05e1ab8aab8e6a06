"""Aggregation: from several people's votes to a probability of each answer, and a skill of each of them."""
