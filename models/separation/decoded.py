"""The sound of clips at one rate: decoded once, kept in a cache, and mapped from there by all who need it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from models import audio, documents, file_names
from models.datafiles import write_whole
from models.errors import UserError
from models.progress import Progress
from models.remarks import Remark, Skipped
from models.separation.corpora import Clip

AT_ONCE = 64  # clips that are decoded side by side
SHORTEST_S = 0.5  # clips that are shorter are no speech to learn from


class Voices:
    """Sound of clips at one rate, decoded and converted once: in memory, or mapped from the cache where it is much."""

    MOST_IN_MEMORY = 1_500_000_000  # bytes

    def __init__(
        self, clips: Sequence[Clip], sample_rate: int, cache: Path, progress: Progress, every: bool = False
    ) -> None:
        """every: a clip that cannot be read raises UserError, and a short one is kept; else both are left out."""
        self.sample_rate = sample_rate
        place = cache / f"{_key(clips, sample_rate, every)}.f32"
        bounds = place.with_suffix(".json")
        held = _bounds(place, bounds, len(clips))
        if held is None:
            self._decode(clips, place, bounds, progress, every)
            held = _bounds(place, bounds, len(clips))
        if held is None or not held[0]:
            raise UserError(
                "None of the {count} clips can be used.",
                "They cannot be read, or are shorter than {least:g} s.",
                "Choose other speech.",
                count=len(clips),
                least=SHORTEST_S,
            )
        kept, ends, skipped = held
        self.skipped = tuple(Skipped(Path(path), Remark("{text}", text=why)) for path, why in skipped)
        self.clips = tuple(clips[i] for i in kept)
        self._ends: list[int] = [0, *ends]
        self._place = place
        mapped = np.memmap(place, np.float32, mode="r")
        self._samples = np.array(mapped) if mapped.nbytes <= self.MOST_IN_MEMORY else mapped

    def __getstate__(self) -> dict[str, Any]:
        """For a process that loads batches: it maps the file anew, and all of them share its pages."""
        return {name: value for name, value in vars(self).items() if name != "_samples"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._samples = np.memmap(self._place, np.float32, mode="r")

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, index: int) -> np.ndarray:
        """float32 [samples] of a clip."""
        return self._samples[self._ends[index] : self._ends[index + 1]]

    def _decode(
        self, clips: Sequence[Clip], place: Path, bounds: Path, progress: Progress, every: bool
    ) -> None:
        kept, ends, total, skipped = [], [], 0, []
        place.parent.mkdir(parents=True, exist_ok=True)
        aside = place.with_suffix(f".{os.getpid()}")
        try:
            # Decoding does not hold Python's lock.
            with open(aside, "wb") as file, ThreadPoolExecutor() as readers:
                for first in range(0, len(clips), AT_ONCE):
                    part = clips[first : first + AT_ONCE]
                    progress.update(first, len(clips), "Reading {name}", name=part[0].path.name)
                    for number, result in enumerate(readers.map(self._read, part), start=first):
                        if isinstance(result, UserError):
                            if every:
                                raise result
                            skipped.append(Skipped.by(clips[number].path, result))
                            continue
                        if len(result) < SHORTEST_S * self.sample_rate and not every:
                            short = Remark("It lasts less than {least:g} s.", least=SHORTEST_S)
                            skipped.append(Skipped(clips[number].path, short))
                            continue
                        result.tofile(file)
                        total += len(result)
                        kept.append(number)
                        ends.append(total)
            os.replace(aside, place)
            reasons = [[file_names.shown(item.path), str(item.reason)] for item in skipped]
            write_whole(bounds, json.dumps({"kept": kept, "ends": ends, "skipped": reasons}))
        finally:
            aside.unlink(missing_ok=True)

    def _read(self, clip: Clip) -> np.ndarray | UserError:
        try:
            return audio.read_part(clip.path, clip.start_s, clip.end_s, self.sample_rate).astype(np.float32)
        except UserError as error:
            return error


def _bounds(
    place: Path, bounds: Path, count: int
) -> tuple[list[int], list[int], list[tuple[str, str]]] | None:
    """(which clips were kept, where each ends, which were left out and why) of a cache; None where it is not whole."""
    if not (place.is_file() and bounds.is_file()):
        return None
    try:
        values = documents.read_json(bounds)
        kept, ends = values["kept"], values["ends"]
        whole = len(kept) == len(ends) and all(type(end) is int for end in (*kept, *ends))
        if (
            not whole
            or place.stat().st_size != 4 * (ends[-1] if ends else 0)
            or max(kept, default=0) >= max(1, count)
        ):
            return None
        skipped = [(str(path), str(why)) for path, why in values["skipped"]]
    except (UserError, KeyError, TypeError, ValueError):
        return None
    return kept, ends, skipped


def _key(clips: Sequence[Clip], sample_rate: int, every: bool) -> str:
    """Changes with any file that is read."""
    digest = hashlib.sha256(f"{sample_rate} {every} {SHORTEST_S}".encode())
    for clip in clips:
        try:
            state = clip.path.stat()
        except OSError as error:
            raise UserError(
                "{name} was not found.",
                "The data names it.",
                "Copy it again, or take it out of the table.",
                name=clip.path,
            ) from error
        digest.update(
            os.fsencode(
                f"{clip.path.resolve()}\0{state.st_size}\0{state.st_mtime_ns}\0{clip.start_s}\0{clip.end_s}\n"
            )
        )
    return digest.hexdigest()[:24]
