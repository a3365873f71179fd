"""Recordings for tests that need a file and nothing of what is in it."""

import numpy as np
import soundfile


def sound(path, seconds=0.1):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.zeros(round(8000 * seconds), np.float32), 8000)
    return path
