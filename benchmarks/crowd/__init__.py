"""Is what aggregation makes of a crowd's votes worth more than the votes: to labels, and to a model that learns."""
