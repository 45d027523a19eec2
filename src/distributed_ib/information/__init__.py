"""Information that channels transmit: entropies, exact values, bounds, and these along a sweep."""
