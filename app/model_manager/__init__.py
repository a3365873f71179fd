"""The model manager: which models of others are here, which can be had, and where they come from."""
