"""The one training loop, which every system shares."""
