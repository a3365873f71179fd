"""Speech separation: a recorded mixture of speakers in, one track a speaker out."""
