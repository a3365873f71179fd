"""EEG decoding: from the EEG of someone listening to speech to the envelope of what is heard."""
