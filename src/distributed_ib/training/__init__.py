"""Schedules, batch sources and the compiled sweep."""
