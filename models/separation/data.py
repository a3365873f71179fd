"""Mixtures: mixed anew for every training item, and always the same for validation and test; or as they come in files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models import audio
from models.errors import UserError
from models.progress import Progress
from models.separation import mixing
from models.separation.config import DataConfig, MixingConfig
from models.separation.corpora import Clip, ReadyMixture
from models.separation.decoded import Voices
from models.separation.mixing import Mixed
from models.separation.splits import PARTS


@dataclass(frozen=True)
class Recipe:
    """A fixed mixture: which clips, from which second on, at which levels."""

    name: str
    clips: tuple[int, ...]
    starts_s: tuple[float, ...]
    levels_db: tuple[float, ...]


def draw_recipes(
    voices: Voices, settings: DataConfig, levels: MixingConfig, speakers: int, part: str
) -> list[Recipe]:
    """The fixed mixtures of a part: every one of different speakers, the same for the same seed and clips.

    Where sexes are known, pairs of one sex and of both come in turn.
    """
    random = np.random.default_rng([settings.fixed_seed, 1 + PARTS.index(part)])
    by_speaker: dict[str, list[int]] = {}
    sexes: dict[str, str] = {}
    for index, clip in enumerate(voices.clips):
        by_speaker.setdefault(clip.speaker, []).append(index)
        sexes[clip.speaker] = clip.sex
    names = list(by_speaker)
    if len(names) < speakers:
        raise UserError(
            "There are too few speakers for mixtures of {wanted}.",
            "The part {part} has {count}.",
            "Keep more speakers for it.",
            wanted=speakers,
            part=part,
            count=len(names),
        )
    recipes = []
    for number in range(settings.fixed_mixtures):
        chosen = [names[i] for i in random.permutation(len(names))[:speakers]]
        for _ in range(200):
            alike = len({sexes[name] for name in chosen}) == 1
            if alike == (number % 2 == 0) or "" in sexes.values():
                break
            chosen = [names[i] for i in random.permutation(len(names))[:speakers]]
        clips = tuple(by_speaker[name][int(random.integers(len(by_speaker[name])))] for name in chosen)
        starts = []
        for index in clips:
            spare = len(voices[index]) / voices.sample_rate - settings.fixed_s
            starts.append(round(float(random.uniform(0, max(0.0, spare))), 3))
        drawn = mixing.draw_levels(speakers, levels, random)
        recipes.append(
            Recipe(f"{number:05d}", clips, tuple(starts), tuple(round(level, 3) for level in drawn))
        )
    return recipes


def fixed_mixture(voices: Voices, recipe: Recipe, seconds: float, loudness_db: float | None) -> Mixed:
    """The mixture of a recipe: no noise, no room, nothing at random."""
    samples = round(seconds * voices.sample_rate)
    cut = []
    for clip, start in zip(recipe.clips, recipe.starts_s, strict=True):
        first = round(start * voices.sample_rate)
        cut.append(mixing.crop(voices[clip][first : first + samples], samples, None))
    return mixing.mix(cut, recipe.levels_db, loudness_db)


class Background:
    """Noises or impulse responses of a folder, at the network's rate; none where no folder is named."""

    def __init__(self, folder: str, sample_rate: int) -> None:
        paths = audio.find_audio([Path(folder).expanduser()]) if folder else []
        if folder and not paths:
            raise UserError(
                "There are no sound files in {place}.", "", "Choose another folder.", place=folder
            )
        self.sounds = [audio.read(path, sample_rate) for path in paths]

    def __bool__(self) -> bool:
        return bool(self.sounds)

    def drawn(self, random: np.random.Generator) -> np.ndarray:
        """One of the sounds, each as likely as another: float32 [samples]."""
        return self.sounds[int(random.integers(len(self.sounds)))]

    def stretch(self, samples: int, random: np.random.Generator) -> np.ndarray:
        """A stretch of one of them, repeated where it is short."""
        sound = self.drawn(random)
        sound = np.tile(sound, -(-samples // len(sound)))
        start = int(random.integers(len(sound) - samples + 1))
        return sound[start : start + samples]


class Mixer:
    """Makes training mixtures of voices; the same for the same first clip and seed."""

    def __init__(self, voices: Voices, segment_s: float, speakers: int, settings: MixingConfig) -> None:
        self.voices, self.speakers, self.settings = voices, speakers, settings
        self.samples = round(segment_s * voices.sample_rate)
        self.noise = Background(settings.noise, voices.sample_rate)
        self.rooms = Background(settings.rooms, voices.sample_rate)
        self._speaker = [clip.speaker for clip in voices.clips]
        self._count = len(voices)
        self.everyone = len(set(self._speaker))
        self._speed = settings.speed

    def limit(self, speakers: int) -> None:
        """Mix only the first so many speakers, in the order of the clips, and those at their own speed."""
        known = dict.fromkeys(self._speaker)
        allowed = set(list(known)[: max(speakers, self.speakers)])
        self._count = sum(speaker in allowed for speaker in self._speaker)
        self._speed = self.settings.speed if speakers >= self.everyone else 0.0

    def mixture(self, item: int, seed: int) -> Mixed:
        """A mixture with clip `item` in it (counted around), everything else by the seed."""
        random = np.random.default_rng(seed)
        speaking = self._speaking(random)
        chosen = [item % self._count]
        while len(chosen) < speaking:
            other = int(random.integers(self._count))
            if self._speaker[other] not in {self._speaker[entry] for entry in chosen}:
                chosen.append(other)
        order = random.permutation(speaking)
        cut = [self._voice(self.voices[chosen[i]], random) for i in order]
        cut += [np.zeros(self.samples, np.float32)] * (self.speakers - speaking)
        noise, snr = None, 0.0
        if self.noise and random.random() < self.settings.noise_share:
            noise = self.noise.stretch(self.samples, random)
            snr = float(random.uniform(self.settings.noise_low_db, self.settings.noise_high_db))
        levels = mixing.draw_levels(self.speakers, self.settings, random)
        return mixing.mix(cut, levels, mixing.heard_db(self.settings), noise, snr)

    def _speaking(self, random: np.random.Generator) -> int:
        """How many of the voices are heard: mostly all, at times one alone, at times fewer than all but at least two."""
        drawn = random.random()
        if drawn < self.settings.alone:
            return 1
        if drawn < self.settings.alone + self.settings.fewer:
            return int(random.integers(2, self.speakers))
        return self.speakers

    def _voice(self, sound: np.ndarray, random: np.random.Generator) -> np.ndarray:
        most = self._speed
        speed = 1.0 + float(random.uniform(-most, most)) if most else 1.0
        source = mixing.crop(
            sound, int(np.ceil(self.samples * speed)) + 8 * bool(most), random if self.settings.crop else None
        )
        voice = mixing.at_speed(source, speed, self.samples)
        if self.rooms and random.random() < self.settings.room_share:
            voice = mixing.in_room(voice, self.rooms.drawn(random))
        return voice


class ReadyMade:
    """Mixtures that come as files, as LibriMix and WSJ0-2mix do."""

    def __init__(
        self, mixtures: Sequence[ReadyMixture], sample_rate: int, cache: Path, progress: Progress
    ) -> None:
        self.mixtures = tuple(mixtures)
        self.speakers = len(mixtures[0].sources) if mixtures else 2
        clips = [Clip(path, "") for mixture in mixtures for path in (mixture.mixture, *mixture.sources)]
        self._voices = Voices(clips, sample_rate, cache, progress, every=True)
        self.sample_rate = sample_rate

    def __len__(self) -> int:
        return len(self.mixtures)

    def samples(self, index: int) -> int:
        """Length of a mixture: that of its shortest file."""
        first = index * (1 + self.speakers)
        return min(len(self._voices[first + i]) for i in range(1 + self.speakers))

    def mixed(
        self, index: int, seconds: float, settings: MixingConfig, random: np.random.Generator | None = None
    ) -> Mixed:
        """One mixture cut to `seconds`, at the usual loudness; cropped and re-levelled at random in training."""
        first = index * (1 + self.speakers)
        sounds = [self._voices[first + i] for i in range(1 + self.speakers)]
        length = self.samples(index)
        samples = round(seconds * self.sample_rate)
        at_random = random is not None and settings.crop and length > samples
        start = int(random.integers(length - samples + 1)) if random is not None and at_random else 0
        cut = np.stack(
            [
                np.pad(sound[start : min(length, start + samples)], (0, max(0, samples - length)))
                for sound in sounds
            ]
        )
        mixture, sources = cut[0], cut[1:]
        if random is not None and random.random() < settings.relevel:
            beneath = mixture - sources.sum(0)  # noise stays as it is
            sources = mixing.relevelled(sources, float(random.uniform(-settings.level_db, settings.level_db)))
            mixture = sources.sum(0) + beneath
        gain = mixing.loudness_gain(mixture, mixing.heard_db(settings))
        return Mixed((mixture * gain).astype(np.float32), (sources * gain).astype(np.float32))
