"""Columns of a table: their kinds, and their values as checked numbers and codes."""
