"""Writing a session down: its sound, its predictions, and labels for an audio editor."""

from __future__ import annotations

import csv
import io
import os
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from app.audio import holding
from app.audio.ring import Ring
from models import resources
from models.checkpoint import cannot_write
from models.errors import UserError

SUFFIXES = (".wav", ".csv", ".txt")
PART = ".part"
OWN = 0o600  # what somebody said is nobody else's to read
NOBODY = "no speech"  # an empty label, in words
SAFE_EVERY_S = 5.0  # as much sound is lost when the machine goes down
SILENCE_S = 10.0  # written at a time
MOST_BYTES = 2**32 - 4096  # a WAV file counts its bytes in 32 bits: 37 hours at 16 kHz


class SoundRecorder:
    """``STEM.wav``, 16 bits, one channel, written as it comes under a name that begins with a dot; `close` gives it its
    own. What a crash leaves is found by `recover`, and only that: a file that is being written is held by its recorder.
    Where the name is taken, ``-2`` or so is added.

    `began` (on the clock of `time.monotonic`): with `follow`, the sound begins there.
    """

    suffixes: tuple[str, ...] = (".wav",)

    def __init__(self, stem: Path, sample_rate: int, began: float | None = None) -> None:
        stem = _free(stem, self.suffixes)
        self.files = [stem.with_name(stem.name + suffix) for suffix in self.suffixes]
        self._aside = [_aside(path) for path in self.files]
        self._rate, self._began = sample_rate, began
        self._ring: Ring | None = None
        self._taken = 0  # samples of the ring that are written
        self._written = self._safe = 0
        try:
            stem.parent.mkdir(parents=True, exist_ok=True)
            for aside in self._aside:
                os.close(os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, OWN))
            self._held = holding.hold(self._aside[0])
            self._sound = soundfile.SoundFile(
                self._aside[0], "w", sample_rate, 1, format="WAV", subtype="PCM_16"
            )
        except (OSError, soundfile.LibsndfileError) as error:
            raise _problem(stem, error) from error

    @property
    def seconds(self) -> float:
        """How much sound is written."""
        return self._written / self._rate

    def follow(self, ring: Ring) -> None:
        """Write what came into the ring since the last call. Call it more often than the ring is long: what it does not
        hold any more becomes silence, as does the time between `began` and its first sample."""
        if ring is not self._ring:
            if not ring.latest(1).end_index:
                return
            self._ring, self._taken = ring, 0
            if self._began is not None:
                due = round((ring.time_of(0) - self._began) * self._rate)
                self._add_silence(due - self._written)
                self._taken = max(0, self._written - due)  # what was heard before it began is not its own
        new = ring.since(self._taken)
        self._add_silence(new.end_index - len(new.samples) - self._taken)
        self._taken = new.end_index
        self.add_sound(new.samples)

    def add_sound(self, samples: np.ndarray) -> None:
        """float32 [n]; what passes full scale is clipped, as the file cannot hold it."""
        if 2 * (self._written + len(samples)) > MOST_BYTES:
            raise UserError(
                "The recording cannot grow any further.",
                "A WAV file holds at most four gigabytes.",
                "Stop and start listening to begin another one.",
            )
        try:
            self._sound.write(np.clip(samples, -1.0, 1.0))
            self._written += len(samples)
            if self._written - self._safe > SAFE_EVERY_S * self._rate:
                self._safe = self._written
                for file in self._open_files():
                    file.flush()
        except (OSError, soundfile.LibsndfileError) as error:
            raise _problem(self.files[0], error) from error

    def close(self) -> list[Path]:
        """Finish the files and give them their names: all of them, or none."""
        named: list[tuple[Path, Path]] = []
        try:
            self._finish()
            for file in self._open_files():
                file.close()
            self._held.release()
            for aside, path in zip(self._aside, self.files, strict=True):
                aside.replace(path)
                named.append((aside, path))
        except (OSError, soundfile.LibsndfileError) as error:
            for aside, path in named:
                path.replace(aside)
            raise _problem(self.files[0], error) from error
        return list(self.files)

    def discard(self) -> None:
        """Leave nothing behind."""
        for file in self._open_files():
            try:
                file.close()
            except (OSError, soundfile.LibsndfileError):
                continue  # what it could not write is not wanted anyway
        self._held.release()
        for aside in self._aside:
            aside.unlink(missing_ok=True)

    def _open_files(self) -> list[Any]:
        return [self._sound]

    def _finish(self) -> None:
        """What is still to be written before the files are closed."""

    def _add_silence(self, count: int) -> None:
        block = round(SILENCE_S * self._rate)
        for done in range(0, max(0, count), block):
            self.add_sound(np.zeros(min(block, count - done), np.float32))


class SessionRecorder(SoundRecorder):
    """Besides the sound ``STEM.csv`` (start_s, end_s, label, a probability a class, a value a dimension) and ``STEM.txt``
    (Audacity's labels). A row is on its way to the disk as soon as it is told, so that a kill costs none.

    All three get their names when all three are whole. Times in the tables are seconds since `began`.
    """

    suffixes = SUFFIXES

    def __init__(
        self,
        stem: Path,
        sample_rate: int,
        labels: Sequence[str],
        dimensions: Sequence[str] = (),
        began: float | None = None,
    ) -> None:
        super().__init__(stem, sample_rate, began)
        self._run: tuple[float, float, str] | None = None  # the label that goes on
        try:
            self._table = open(self._aside[1], "w", encoding="utf-8", newline="")  # noqa: SIM115
            self._labels = open(self._aside[2], "w", encoding="utf-8")  # noqa: SIM115
            self._rows: Any = csv.writer(self._table, lineterminator="\n")
            self._rows.writerow(
                ["start_s", "end_s", "label", *(f"p_{label}" for label in labels), *dimensions]
            )
            self._table.flush()
        except OSError as error:
            raise _problem(stem, error) from error

    def add_prediction(self, start_s: float, end_s: float, label: str, values: np.ndarray) -> None:
        """An empty `label` is no speech; of the columns' values those that are no numbers are left out. In Audacity's labels equal
        neighbours are one."""
        told = [f"{value:.6f}" if np.isfinite(value) else "" for value in values]
        try:
            self._rows.writerow([f"{start_s:.3f}", f"{end_s:.3f}", label, *told])
            self._table.flush()
            if self._run is not None and self._run[2] == label and abs(start_s - self._run[1]) < 1e-3:
                self._run = (self._run[0], end_s, label)
            else:
                self._write_run()
                self._run = (start_s, end_s, label)
        except OSError as error:
            raise _problem(self.files[1], error) from error

    def _open_files(self) -> list[Any]:
        return [self._sound, self._table, self._labels]

    def _finish(self) -> None:
        self._write_run()

    def _write_run(self) -> None:
        if self._run is not None:
            start_s, end_s, label = self._run
            self._labels.write(_label_line(start_s, end_s, label))
            self._labels.flush()
            self._run = None


def folder() -> Path:
    """Where recordings go."""
    return resources.home() / "recordings"


def recover(folder: Path) -> list[Path]:
    """Give what a crash left unfinished in `folder` its names, the sound's header set right and the labels as the table
    has them; returns the files. What is being recorded, here or in another window, is left alone."""
    result = []
    for suffix in SUFFIXES:
        for aside in sorted(folder.glob(f".*{suffix}{PART}")):
            path = aside.with_name(aside.name[1 : -len(PART)])
            if path.exists() or holding.is_held(_aside(path.with_name(path.name[: -len(suffix)] + ".wav"))):
                continue
            try:
                if suffix == ".wav" and not _mend(aside):
                    continue
                if suffix == ".txt":
                    _label_anew(aside, path.with_name(path.name[: -len(suffix)] + ".csv"))
                aside.replace(path)
            except OSError as error:
                raise cannot_write(path, error) from error
            result.append(path)
    return result


def _free(stem: Path, suffixes: Sequence[str]) -> Path:
    """The stem, or one with a number that no file has, finished or not."""
    number, free = 1, stem
    while any(
        path.exists() or _aside(path).exists()
        for path in (free.with_name(free.name + suffix) for suffix in suffixes)
    ):
        number += 1
        free = stem.with_name(f"{stem.name}-{number}")
    return free


def _label_line(start_s: float, end_s: float, label: str) -> str:
    """One of Audacity's labels."""
    return f"{start_s:.6f}\t{end_s:.6f}\t{label or NOBODY}\n"


def _label_anew(labels: Path, table: Path) -> None:
    """Audacity's labels from the rows of the table: those were written at once, and the last label was not."""
    if not table.is_file():
        return
    whole = table.read_text("utf-8").rpartition("\n")[0]  # the last row may be cut off
    labels.write_text("".join(_runs(csv.DictReader(io.StringIO(whole)))), "utf-8")


def _runs(rows: Iterable[dict[str, str]]) -> Iterable[str]:
    """A line for each run of rows with one label."""
    run: tuple[float, float, str] | None = None
    for row in rows:
        start_s, end_s, label = float(row["start_s"]), float(row["end_s"]), row["label"]
        if run is not None and run[2] == label and abs(start_s - run[1]) < 1e-3:
            run = (run[0], end_s, label)
            continue
        if run is not None:
            yield _label_line(*run)
        run = (start_s, end_s, label)
    if run is not None:
        yield _label_line(*run)


def _aside(path: Path) -> Path:
    return path.with_name(f".{path.name}{PART}")


def _mend(path: Path) -> bool:
    """Let the header of a WAV file say how much there is; whether there is any sound."""
    size = path.stat().st_size
    with open(path, "r+b") as file:
        head = file.read(256)
        data = head.find(b"data")
        if not head.startswith(b"RIFF") or data < 0 or size <= data + 8:
            return False
        file.seek(4)
        file.write(struct.pack("<I", size - 8))
        file.seek(data + 4)
        file.write(struct.pack("<I", (size - data - 8) // 2 * 2))
        file.flush()
        os.fsync(file.fileno())
    return True


def _problem(path: Path, error: Exception) -> UserError:
    if isinstance(error, OSError):
        return cannot_write(path, error)
    return cannot_write(path, OSError(5, str(error)))
