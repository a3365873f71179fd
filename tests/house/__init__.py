"""The state of the house in figures: what `python -m tests.house` counts and a test holds."""
