"""Features of a data set, computed once: front ends are frozen, so what they make is kept on the disk by the content of the file
and the identity of the front end, and used again by every epoch, fold and run."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models import audio
from models.datafiles import ContentHashes, read_array, write_array
from models.devices import in_parts
from models.emotion import degrade
from models.emotion.data import Utterance
from models.emotion.features import SAMPLE_RATE, FrontEnd
from models.progress import Progress

LONGEST_S = 30.0  # of an utterance; what is longer is cut
HALF_MOST = 6e4  # float16 ends at 65,504; inner layers of some encoders go beyond


@dataclass(frozen=True)
class Variant:
    """How an utterance is heard: at a speed, and in a scene of its speaker's (0: as it was recorded)."""

    speed: float = 1.0
    scene: int = 0

    def key(self, speaker: str) -> list[object]:
        """What the cache finds it by."""
        return [self.speed, asdict(degrade.scene_of(speaker, self.scene))] if self.scene else [self.speed]

    def of(self, sound: np.ndarray, utterance: Utterance, most_s: float) -> np.ndarray:
        """The sound as it is heard, no longer than a front end hears."""
        if self.speed != 1.0:
            sound = audio.resample(sound, SAMPLE_RATE, round(SAMPLE_RATE / self.speed))
        sound = sound[: round(most_s * SAMPLE_RATE)]
        if self.scene:
            name = f"{Path(utterance.path).name} {utterance.start_s:g}"
            random = np.random.default_rng([self.scene, zlib.crc32(name.encode())])
            sound = degrade.scene_of(utterance.speaker, self.scene).heard(sound, random)
        return sound


class FeatureCache:
    """Features on disk as ``.npy``, found by the hash of (file content, stretch, front end, speed, scene).

    They are kept as float16, and what is handed out has passed through it, whether it was just computed or kept. A
    broken file is computed again; a full disk is a UserError.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._hashes = ContentHashes(folder / "hashes.json")

    def of(
        self,
        utterances: Sequence[Utterance],
        front_end: FrontEnd,
        progress: Progress | None = None,
        window_s: float = 3.0,
        speeds: Iterable[float] = (1.0,),
        scenes: int = 0,
    ) -> list[list[np.ndarray]]:
        """For every utterance its features at each of the speeds, then in so many scenes of its speaker's, float32
        [frames, (layers,) dim].

        A front end that is not local hears the first `window_s` alone. A speed other than 1 is made by resampling, which
        moves the pitch and the formants with it: another voice saying the same.
        """
        progress = progress or Progress()
        most_s = LONGEST_S if front_end.local else window_s
        wanted = (*map(Variant, speeds), *(Variant(scene=number + 1) for number in range(scenes)))
        result = []
        try:
            if front_end.batch > 1:
                self._compute_together(utterances, front_end, progress.part(0, 0.9), most_s, wanted)
                progress = progress.part(0.9, 1)
            for number, utterance in enumerate(utterances):
                name = Path(utterance.path).name
                progress.update(number, len(utterances), "Computing features of {name}", name=name)
                result.append(self._variants(utterance, front_end, most_s, wanted))
        finally:
            self._hashes.save()
        return result

    def _compute_together(
        self,
        utterances: Sequence[Utterance],
        front_end: FrontEnd,
        progress: Progress,
        most_s: float,
        variants: tuple[Variant, ...],
    ) -> None:
        """Compute what is not on the disk yet, utterances of one length at a time: padding would be heard.

        Of a corpus of which only windows are heard, nearly all are of one length.
        """
        waiting: dict[int, list[tuple[Path, np.ndarray]]] = {}
        for number, utterance in enumerate(utterances):
            progress.update(
                number, len(utterances), "Computing features of {name}", name=Path(utterance.path).name
            )
            for variant in variants:
                path = self._path(utterance, front_end, most_s, variant)
                if _fitting(read_array(path), front_end) is None:
                    played = variant.of(_read(utterance), utterance, most_s)
                    waiting.setdefault(len(played), []).append((path, played))
                    if len(waiting[len(played)]) == front_end.batch:
                        _write_together(waiting.pop(len(played)), front_end)
        for group in waiting.values():
            _write_together(group, front_end)

    def _variants(
        self, utterance: Utterance, front_end: FrontEnd, most_s: float, variants: tuple[Variant, ...]
    ) -> list[np.ndarray]:
        sound: np.ndarray | None = None
        result = []
        for variant in variants:
            path = self._path(utterance, front_end, most_s, variant)
            kept = _fitting(read_array(path), front_end)
            if kept is None:
                sound = _read(utterance) if sound is None else sound
                kept = _written(path, front_end.features(variant.of(sound, utterance, most_s)))
            result.append(kept.astype(np.float32))
        return result

    def _path(self, utterance: Utterance, front_end: FrontEnd, most_s: float, variant: Variant) -> Path:
        parts = [
            self._hashes.of(utterance.path),
            utterance.start_s,
            utterance.end_s,
            front_end.identity,
            most_s,
            *variant.key(utterance.speaker),
        ]
        key = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
        return self.folder / key[:2] / f"{key}.npy"


def _read(utterance: Utterance) -> np.ndarray:
    return audio.read_part(utterance.path, utterance.start_s, utterance.end_s)


def _written(path: Path, features: np.ndarray) -> np.ndarray:
    """The features as they are kept on the disk."""
    small = float(np.abs(features).max()) < HALF_MOST
    kept = features.astype(np.float16 if small else np.float32)
    write_array(path, kept)
    return kept


def _write_together(group: list[tuple[Path, np.ndarray]], front_end: Any) -> None:
    """Compute and keep the features of sounds of one length; fewer at once where memory does not suffice."""

    def work(part: slice) -> None:
        features = front_end.together([sound for _, sound in group[part]])
        for (path, _), feature in zip(group[part], features, strict=True):
            _written(path, feature)

    for _ in in_parts(work, len(group), front_end.batch):
        pass


def _fitting(kept: np.ndarray | None, front_end: FrontEnd) -> np.ndarray | None:
    """`kept` if it can be what this front end made; a file that was tampered with or cut is computed again."""
    if kept is None or kept.dtype not in (np.float16, np.float32) or not len(kept):
        return None
    shape = (front_end.layers, front_end.dim) if front_end.layers else (front_end.dim,)
    return kept if kept.shape[1:] == shape else None
