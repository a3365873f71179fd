"""Voices in memory, parted by speaker, mixed anew for every training item and always the same for validation and test."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models import audio, files
from models.datafiles import write_whole
from models.errors import UserError
from models.progress import Progress
from models.remarks import Remark, Skipped
from models.separation import mixing
from models.separation.config import DataConfig, MixingConfig
from models.separation.corpora import Clip, Corpus, ReadyMixture
from models.separation.mixing import Mixed

PARTS = ("train", "validation", "test")
AT_ONCE = 64  # clips that are decoded side by side
SHORTEST_S = 0.5  # clips that are shorter are no speech to learn from


@dataclass(frozen=True)
class Recipe:
    """A fixed mixture: which clips, from which second on, at which levels."""

    name: str
    clips: tuple[int, ...]
    starts_s: tuple[float, ...]
    levels_db: tuple[float, ...]


def split_speakers(corpus: Corpus, settings: DataConfig) -> dict[str, tuple[str, ...]]:
    """The speakers of each part. Those that are not named are drawn by `fixed_seed`, from both sexes alike."""
    sexes = corpus.speakers
    for asked in (settings.validation_speakers, settings.test_speakers):
        unknown = sorted(set(asked) - set(sexes))
        if unknown:
            raise UserError(
                "The data has no speaker {unknown}.",
                "It has {count} speakers, such as {known}.",
                "Correct the validation or test speakers.",
                unknown=", ".join(unknown),
                count=len(sexes),
                known=", ".join(list(sexes)[:8]),
            )
    taken: set[str] = set(settings.validation_speakers) | set(settings.test_speakers)
    random = np.random.default_rng([settings.fixed_seed, 0])
    test = settings.test_speakers or _drawn(sexes, taken, settings.test_count, random)
    taken |= set(test)
    validation = settings.validation_speakers or _drawn(sexes, taken, settings.validation_count, random)
    taken |= set(validation)
    train = tuple(name for name in sexes if name not in taken)
    if min(len(train), len(validation)) < 2:
        raise UserError(
            "There are too few speakers.",
            "{count} are there; training and validation need at least two each, and none is in both.",
            "Choose more speech, or fewer speakers for validation and test.",
            count=len(sexes),
        )
    return {"train": train, "validation": tuple(validation), "test": tuple(test)}


def _drawn(sexes: dict[str, str], taken: set[str], count: int, random: np.random.Generator) -> list[str]:
    """`count` speakers, taken in turn from each sex."""
    free = [name for name in sexes if name not in taken]
    shuffled = [free[index] for index in random.permutation(len(free))]
    by_sex = {sex: [name for name in shuffled if sexes[name] == sex] for sex in sorted(set(sexes.values()))}
    chosen: list[str] = []
    while len(chosen) < min(count, len(free)):
        for names in by_sex.values():
            if names and len(chosen) < count:
                chosen.append(names.pop())
    return sorted(chosen)


def joining_order(clips: Sequence[Clip], seed: int) -> list[Clip]:
    """The clips speaker by speaker, the sexes in turn: so that the first ones are a fair sample of all."""
    random = np.random.default_rng([seed, 9])
    by_sex: dict[str, list[str]] = {}
    for speaker, sex in sorted({(clip.speaker, clip.sex) for clip in clips}):
        by_sex.setdefault(sex, []).append(speaker)
    places: dict[str, tuple[float, str]] = {}
    for sex, names in by_sex.items():
        for number, index in enumerate(random.permutation(len(names))):
            places[names[int(index)]] = ((number + 0.5) / len(names), sex)
    return sorted(clips, key=lambda clip: (*places[clip.speaker], clip.speaker))


def speakers_joined(epoch: int, first: int, everyone: int, grow_epochs: int) -> int:
    """How many voices training has in an epoch (0 is the first): from `first` to `everyone` by equal factors."""
    if not 0 < first < everyone or epoch >= grow_epochs:
        return everyone
    return round(first * (everyone / first) ** (epoch / grow_epochs))


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
            said = [[files.shown(item.path), str(item.reason)] for item in skipped]
            write_whole(bounds, json.dumps({"kept": kept, "ends": ends, "skipped": said}))
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
        values = files.read_json(bounds)
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


def fixed_mixture(voices: Voices, recipe: Recipe, seconds: float, loudness_db: float) -> Mixed:
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
        chosen = [item % self._count]
        while len(chosen) < self.speakers:
            other = int(random.integers(self._count))
            if self._speaker[other] not in {self._speaker[entry] for entry in chosen}:
                chosen.append(other)
        order = random.permutation(self.speakers)
        cut = [self._voice(self.voices[chosen[i]], random) for i in order]
        if self.settings.alone and random.random() < self.settings.alone:
            cut[1:] = [np.zeros_like(voice) for voice in cut[1:]]
        noise, snr = None, 0.0
        if self.noise and random.random() < self.settings.noise_share:
            noise = self.noise.stretch(self.samples, random)
            snr = float(random.uniform(self.settings.noise_low_db, self.settings.noise_high_db))
        levels = mixing.draw_levels(self.speakers, self.settings, random)
        return mixing.mix(cut, levels, self.settings.loudness_db, noise, snr)

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
        gain = mixing.loudness_gain(mixture, settings.loudness_db)
        return Mixed((mixture * gain).astype(np.float32), (sources * gain).astype(np.float32))


def split_mixtures(corpus: Corpus, settings: DataConfig, speakers: int) -> dict[str, list[ReadyMixture]]:
    """Ready-made mixtures by part, as their folders or tables say.

    Where nothing is said, a tenth validates and a tenth tests, and whoever speaks there is taken out of training.
    """
    wrong = next((mixture for mixture in corpus.mixtures if len(mixture.sources) != speakers), None)
    if wrong is not None:
        raise UserError(
            "{name} is a mixture of {count} voices.",
            "The network is made for {wanted}.",
            "Set the number of speakers in the network's settings.",
            name=wrong.name,
            count=len(wrong.sources),
            wanted=speakers,
        )
    parts: dict[str, list[ReadyMixture]] = {
        part: [mixture for mixture in corpus.mixtures if mixture.part == part] for part in PARTS
    }
    unsaid = [mixture for mixture in corpus.mixtures if not mixture.part]
    if (
        len(unsaid) == len(corpus.mixtures)
        and unsaid
        and all(len(item.speakers) == speakers for item in unsaid)
    ):
        return _parted_by_speaker(unsaid, settings)
    order = np.random.default_rng([settings.fixed_seed, 0]).permutation(len(unsaid))
    tenth = max(1, len(unsaid) // 10) if unsaid else 0
    for number, index in enumerate(order):
        free = "test" if number < tenth and not parts["test"][tenth:] else "train"
        part = "validation" if tenth <= number < 2 * tenth else free
        parts[part].append(unsaid[int(index)])
    if not parts["validation"] and parts["test"]:
        parts["validation"], parts["test"] = parts["test"], []
    elsewhere = set(voices_of(parts["validation"])) | set(voices_of(parts["test"]))
    parts["train"] = [item for item in parts["train"] if not elsewhere & set(item.speakers)]
    if not parts["train"] or not parts["validation"]:
        raise UserError(
            "The mixtures cannot be parted.",
            "{train} are left for training and {validation} for validation, as no speaker is in both.",
            "Name the part of each mixture (train, validation, test) by its folder or in a column part.",
            train=len(parts["train"]),
            validation=len(parts["validation"]),
        )
    return parts


def _parted_by_speaker(mixtures: list[ReadyMixture], settings: DataConfig) -> dict[str, list[ReadyMixture]]:
    """Parts of mixtures that say who speaks and not where they belong: every speaker is in one part alone.

    The speakers are parted by `fixed_seed`; a mixture across parts is left out. The share that is held back grows until
    both validation and test have a mixture in a hundred.
    """
    everyone = voices_of(mixtures)
    order = [everyone[i] for i in np.random.default_rng([settings.fixed_seed, 0]).permutation(len(everyone))]
    enough = max(1, len(mixtures) // 100)
    for share in (0.1, 0.15, 0.2, 0.25, 0.3):
        count = max(2, round(share * len(order)))
        held = {"test": set(order[:count]), "validation": set(order[count : 2 * count])}
        held["train"] = set(order[2 * count :])
        parts = {
            part: [mixture for mixture in mixtures if set(mixture.speakers) <= held[part]] for part in PARTS
        }
        if len(parts["train"]) and min(len(parts["validation"]), len(parts["test"])) >= enough:
            return parts
    raise UserError(
        "The mixtures cannot be parted.",
        "They name {count} speakers, and no parting of these leaves mixtures for training, validation and test.",
        "Name the part of each mixture (train, validation, test) by its folder or in a column part.",
        count=len(order),
    )


def voices_of(mixtures: Sequence[ReadyMixture]) -> tuple[str, ...]:
    """Who speaks in them, as far as it is known."""
    return tuple(sorted({speaker for mixture in mixtures for speaker in mixture.speakers}))
