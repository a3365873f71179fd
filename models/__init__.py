"""Five neural systems, their training and their use. Knows nothing of the window."""
