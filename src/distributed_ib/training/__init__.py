"""Schedules, checkpoints, devices and the compiled sweep."""
