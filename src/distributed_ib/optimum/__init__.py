"""Optimal approximations: the exact optimum, refinement at fixed beta, envelopes, and gaps."""
