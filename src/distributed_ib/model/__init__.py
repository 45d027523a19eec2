"""Channels, encoders and predictors: the parts of a bottlenecked model."""
