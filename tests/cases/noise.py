"""What the cases of recordings have in common: names of channels, a recording of noise, its remarks as one text."""

import numpy as np

NAMES = ("Fp1", "Fp2", "F3", "F4", "C3", "C4", "P3", "P4", "O1", "O2", "T7", "T8")


def brain(seconds=10, channels=12, rate=64):
    return np.random.default_rng(0).normal(0, 10, (seconds * rate, channels))


def remarks(recording):
    return " ".join(map(str, recording.remarks))
