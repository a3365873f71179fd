"""Who learns, who chooses the weights and who judges: every speaker, and every mixture, is in one part alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.errors import UserError
from models.separation.config import DataConfig
from models.separation.corpora import Clip, Corpus, ReadyMixture

PARTS = ("train", "validation", "test")


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
