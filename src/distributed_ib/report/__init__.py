"""Findings as stored data: made once from a run, rendered for the terminal, Markdown and JSON."""
