"""Transmitted information of channels: entropies, exact values, bounds, and curves of a sweep."""
