"""What is best: the exact optimum, refinement at fixed beta, envelopes, and the gap to them."""
