"""Is it worth choosing which comparisons people label: learning curves of every strategy against random."""
