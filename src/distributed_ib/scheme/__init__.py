"""The result of a sweep: the scheme of approximations, and one approximation of it."""
