"""Readable approximations: symbols of each component and a table of predictions."""
