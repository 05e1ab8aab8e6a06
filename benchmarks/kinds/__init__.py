"""Every objective and every architecture on the same held-out comparisons: ``python -m benchmarks.kinds``."""
