"""What a channel tells: entropies, exact information, bounds, and these along a sweep."""
