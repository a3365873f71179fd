"""Writing a session down: its sound, its predictions, and labels for an audio editor."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from models.checkpoint import cannot_write
from models.errors import UserError


class SessionRecorder:
    """``STEM.wav``, ``STEM.csv`` (start_s, end_s, label, a probability a class) and ``STEM.txt`` (Audacity's labels).

    They are written as they come, under names that begin with a dot and get their own when all is well.
    """

    def __init__(self, stem: Path, sample_rate: int, labels: Sequence[str]) -> None:
        self._files = {suffix: stem.with_suffix(suffix) for suffix in (".wav", ".csv", ".txt")}
        self._aside = {suffix: path.with_name(f".{path.name}.part") for suffix, path in self._files.items()}
        try:
            stem.parent.mkdir(parents=True, exist_ok=True)
            self._sound = soundfile.SoundFile(
                self._aside[".wav"], "w", sample_rate, 1, format="WAV", subtype="PCM_16"
            )
            self._table = open(self._aside[".csv"], "w", encoding="utf-8", newline="")  # noqa: SIM115
            self._labels = open(self._aside[".txt"], "w", encoding="utf-8")  # noqa: SIM115
            self._rows: Any = csv.writer(self._table, lineterminator="\n")
            self._rows.writerow(["start_s", "end_s", "label", *(f"p_{label}" for label in labels)])
        except (OSError, soundfile.LibsndfileError) as error:
            raise _problem(stem, error) from error

    def add_sound(self, samples: np.ndarray) -> None:
        """float32 [n]; what passes full scale is clipped, as the file cannot hold it."""
        try:
            self._sound.write(np.clip(samples, -1.0, 1.0))
        except (OSError, soundfile.LibsndfileError) as error:
            raise _problem(self._files[".wav"], error) from error

    def add_prediction(self, start_s: float, end_s: float, label: str, probabilities: np.ndarray) -> None:
        """An empty `label` is no speech; probabilities that are no numbers are left out."""
        values = [f"{p:.6f}" if np.isfinite(p) else "" for p in probabilities]
        try:
            self._rows.writerow([f"{start_s:.3f}", f"{end_s:.3f}", label, *values])
            self._labels.write(f"{start_s:.6f}\t{end_s:.6f}\t{label or 'no speech'}\n")
        except OSError as error:
            raise _problem(self._files[".csv"], error) from error

    def close(self) -> list[Path]:
        """Finish the files and give them their names."""
        try:
            for file in (self._sound, self._table, self._labels):
                file.close()
            for suffix, path in self._files.items():
                self._aside[suffix].replace(path)
        except (OSError, soundfile.LibsndfileError) as error:
            raise _problem(self._files[".wav"], error) from error
        return list(self._files.values())


def _problem(path: Path, error: Exception) -> UserError:
    if isinstance(error, OSError):
        return cannot_write(path, error)
    return cannot_write(path, OSError(5, str(error)))
