"""A recording of three people at once, to see what the window makes of it."""

from __future__ import annotations

from pathlib import Path

import soundfile

from models.separation.samples import sample_mixtures


def three_people(path: Path) -> None:
    """Three readers of the samples at once."""
    voices = [soundfile.read(sample.references[0], dtype="float32")[0] for sample in sample_mixtures()]
    shortest = min(map(len, voices))
    soundfile.write(path, sum(voice[:shortest] for voice in voices) * 0.6, 16_000)
