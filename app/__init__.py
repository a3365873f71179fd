"""The window. Draws, listens and starts work; computes nothing."""
