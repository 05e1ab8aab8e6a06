"""Labels: what several people said of the same responses, how far they agree, and what follows from it."""
