"""Features of a data set, computed once: front ends are frozen, so what they make is kept on the disk by the content of the file
and the identity of the front end, and used again by every epoch, fold and run.

A corpus whose features are large stays on the disk: what is handed out is read when it is asked for, so that memory holds a
batch. All layers of HuBERT for IEMOCAP are 33 GB as float32. A small one is held, which is quicker.
"""

from __future__ import annotations

import hashlib
import json
import math
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from models import audio
from models.arrays import read_npy
from models.datafiles import ContentHashes, write_array
from models.devices import in_parts
from models.emotion import degrade
from models.emotion.data import Utterance
from models.emotion.features import SAMPLE_RATE, FrontEnd
from models.errors import UserError
from models.progress import Progress

LONGEST_S = 30.0  # of an utterance; what is longer is cut
MOST_HELD = 2**30  # bytes of a part's features as float32; more are read from the disk
HALF_MOST = 6e4  # float16 ends at 65,504; inner layers of some encoders go beyond


@dataclass(frozen=True)
class KeptFeatures:
    """Features of an utterance on the disk: [frames, (layers,) dim], from byte `start` of a file.

    A slice of frames is read as float32 when it is asked for, unless all are `held`; the operating system keeps in memory what
    is read often, as far as there is room.
    """

    path: Path
    shape: tuple[int, ...]
    kind: np.dtype[Any]
    start: int
    held: np.ndarray | None = None

    @classmethod
    def at(cls, path: Path, front_end: FrontEnd) -> KeptFeatures | None:
        """What lies there, if it can be what this front end made; None for a file that is missing, was cut or tampered with."""
        try:
            array = read_npy(path, mapped=True)
        except UserError:
            return None
        shape = (front_end.layers, front_end.dim) if front_end.layers else (front_end.dim,)
        if not isinstance(array, np.memmap) or array.dtype not in (np.float16, np.float32):
            return None
        if array.shape[1:] != shape or not len(array) or not array.flags.c_contiguous:
            return None
        return cls(path, array.shape, array.dtype, array.offset)

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def size(self) -> int:
        """Bytes of them as float32."""
        return math.prod(self.shape) * 4

    def __getitem__(self, frames: slice) -> np.ndarray:
        """These frames, float32. Raises UserError where the file is gone or was cut meanwhile."""
        if self.held is not None:
            return self.held[frames]
        first, last, _ = frames.indices(len(self))
        width, count = math.prod(self.shape[1:]), max(0, last - first)
        offset = self.start + first * width * self.kind.itemsize
        try:
            values = np.fromfile(self.path, self.kind, count * width, offset=offset)
        except OSError:
            values = np.zeros(0, self.kind)
        if len(values) != count * width:
            raise UserError(
                "The features that were computed cannot be read any more.",
                "{path} was deleted or changed since.",
                "Go on with the run: what is missing is computed again.",
                path=self.path,
            )
        return values.reshape(count, *self.shape[1:]).astype(np.float32)


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

    They are kept as float16, unless that cannot hold them. A broken file is computed again; a full disk is a UserError.
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
    ) -> list[list[KeptFeatures]]:
        """For every utterance its features at each of the speeds, then in so many scenes of its speaker's.

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
        size = sum(kept.size for variants in result for kept in variants)
        return (
            [[replace(kept, held=kept[:]) for kept in item] for item in result]
            if size <= MOST_HELD
            else result
        )

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
                if KeptFeatures.at(path, front_end) is None:
                    played = variant.of(_read(utterance), utterance, most_s)
                    waiting.setdefault(len(played), []).append((path, played))
                    if len(waiting[len(played)]) == front_end.batch:
                        _write_together(waiting.pop(len(played)), front_end)
        for group in waiting.values():
            _write_together(group, front_end)

    def _variants(
        self, utterance: Utterance, front_end: FrontEnd, most_s: float, variants: tuple[Variant, ...]
    ) -> list[KeptFeatures]:
        sound: np.ndarray | None = None
        result = []
        for variant in variants:
            path = self._path(utterance, front_end, most_s, variant)
            kept = KeptFeatures.at(path, front_end)
            if kept is None:
                sound = _read(utterance) if sound is None else sound
                _write(path, front_end.features(variant.of(sound, utterance, most_s)))
                kept = KeptFeatures.at(path, front_end)
            assert kept is not None, f"{front_end.identity} does not make what it says that it makes"
            result.append(kept)
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


def _write(path: Path, features: np.ndarray) -> None:
    """Keep features, whole or not at all."""
    small = float(np.abs(features).max()) < HALF_MOST
    write_array(path, features.astype(np.float16 if small else np.float32))


def _write_together(group: list[tuple[Path, np.ndarray]], front_end: Any) -> None:
    """Compute and keep the features of sounds of one length; fewer at once where memory does not suffice."""

    def work(part: slice) -> None:
        features = front_end.together([sound for _, sound in group[part]])
        for (path, _), feature in zip(group[part], features, strict=True):
            _write(path, feature)

    for _ in in_parts(work, len(group), front_end.batch):
        pass
