"""Speech emotion: from a stretch of speech to the probabilities of its emotions, for speakers never heard."""
