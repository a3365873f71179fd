"""EEG as it arrives: streams of the lab streaming layer, causal preprocessing, who is listened to."""
