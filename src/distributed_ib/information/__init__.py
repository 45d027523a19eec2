"""Information measures: exact entropies, bounds for channels, the optimum of the objective."""
