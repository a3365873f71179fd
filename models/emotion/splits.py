"""The parts of a run and the folds of a cross-validation: no speaker is on two sides. No torch: the window reads this."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

import numpy as np

from models.emotion.config import DataConfig
from models.emotion.corpora import Utterance
from models.emotion.data import Dataset, Fold, check_split, train_validation_split
from models.errors import UserError


def parts_of_run(dataset: Dataset, settings: DataConfig, seed: int) -> dict[str, tuple[Utterance, ...]]:
    """``train``, ``validation`` and ``test`` as a training's settings ask for them; what is not asked for is empty.

    seed: of the training, used where the settings name none. Raises UserError for speakers that the data has not, and where a
    part would be empty.
    """
    tested = set(settings.test_speakers)
    unknown = sorted((tested | set(settings.validation_speakers)) - set(dataset.speakers))
    if unknown:
        raise UserError(
            "The data has no speaker {unknown}.",
            "Its speakers are {known}.",
            "Correct the validation or test speakers.",
            unknown=", ".join(unknown),
            known=", ".join(sorted(dataset.speakers)),
        )
    rest = dataset.without_speakers(tested)
    train: tuple[Utterance, ...] = rest.utterances
    validation: tuple[Utterance, ...] = ()
    if settings.hold_back:
        wanted = settings.validation_speakers or None
        train, validation = train_validation_split(rest, wanted, seed=settings.seed_of(seed))
    test = tuple(utterance for utterance in dataset.utterances if utterance.speaker in tested)
    check_split(Fold("run", train, validation, test))
    return {"train": train, "validation": validation, "test": test}


def split(dataset: Dataset, by: str = "speaker", k: int = 5, seed: int = 0) -> list[Fold]:
    """The folds of a cross-validation: each group is the test group once, the next one validates, the rest train. Of two groups
    a fifth of the other's speakers validates.

    by: ``speaker`` leaves one speaker out, ``session`` one recording session, ``sex`` women or men, ``k`` one of `k` groups of
    speakers with about as many utterances each (drawn by `seed`). Raises UserError where the data cannot be parted so.
    """
    if by == "speaker":
        groups = {speaker: [speaker] for speaker in dataset.speakers}
    elif by == "session":
        groups = _sessions(dataset)
    elif by == "sex":
        groups = _sexes(dataset)
    elif by == "k":
        groups = _speaker_groups(dataset, k, seed)
    else:
        raise UserError(
            "Data cannot be parted by {by}.",
            "Known are speaker, session, sex and k.",
            "Choose one of these.",
            by=by,
        )
    if len(groups) < (2 if by in ("sex", "k") else 3):
        raise UserError(
            "The data cannot be cross-validated by {by}.",
            "There are {count} groups, and three are needed: one to test, one to validate, one to train.",
            "Choose data with more speakers or another way to part it.",
            by=by,
            count=len(groups),
        )
    names = list(groups)
    folds = []
    for number, name in enumerate(names):
        test = set(groups[name])
        tested = tuple(u for u in dataset.utterances if _group_key(u, by) in test)
        rest = replace(
            dataset, utterances=tuple(u for u in dataset.utterances if _group_key(u, by) not in test)
        )
        if len(names) == 2:
            train, validation = train_validation_split(rest, seed=seed)
        else:
            held = set(groups[names[(number + 1) % len(names)]])
            train = tuple(u for u in rest.utterances if _group_key(u, by) not in held)
            validation = tuple(u for u in rest.utterances if _group_key(u, by) in held)
        fold = Fold(_file_name(name, number), train=train, validation=validation, test=tested)
        check_split(fold)
        folds.append(fold)
    return folds


def _sexes(dataset: Dataset) -> dict[str, list[str]]:
    without = sum(not utterance.sex for utterance in dataset.utterances)
    sexes = sorted({utterance.sex for utterance in dataset.utterances})
    if without or len(sexes) < 2:
        raise UserError(
            "The data cannot be parted by sex.",
            "{count} of {all} utterances tell no sex, and {sexes} are there.",
            "Part it by speaker, or add a column sex to its CSV.",
            count=without,
            all=len(dataset.utterances),
            sexes=", ".join(sex or "–" for sex in sexes),
        )
    return {sex: [sex] for sex in sexes}


def _sessions(dataset: Dataset) -> dict[str, list[str]]:
    without = sum(not utterance.session for utterance in dataset.utterances)
    if without:
        raise UserError(
            "The data cannot be parted by session.",
            "{count} of {all} utterances name no session.",
            "Part it by speaker, or add a column session to its CSV.",
            count=without,
            all=len(dataset.utterances),
        )
    sessions = sorted({utterance.session for utterance in dataset.utterances})
    return {session: [session] for session in sessions}


def _speaker_groups(dataset: Dataset, k: int, seed: int) -> dict[str, list[str]]:
    speakers = dataset.speakers
    if not 2 <= k <= len(speakers):
        raise UserError(
            "The speakers cannot be parted into {k} groups.",
            "There are {count} speakers; groups may number from two to that.",
            "Choose another number of folds.",
            k=k,
            count=len(speakers),
        )
    counts = Counter(utterance.speaker for utterance in dataset.utterances)
    shuffled = np.random.default_rng(seed).permutation(speakers).tolist()
    groups: list[list[str]] = [[] for _ in range(k)]
    # The largest first, each to the smallest group.
    for speaker in sorted(shuffled, key=lambda item: -counts[item]):
        smallest = min(groups, key=lambda group: (sum(counts[item] for item in group), len(group)))
        smallest.append(speaker)
    return {f"group{number + 1}": sorted(group) for number, group in enumerate(groups)}


def _group_key(utterance: Utterance, by: str) -> str:
    return {"session": utterance.session, "sex": utterance.sex}.get(by, utterance.speaker)


def _file_name(name: str, number: int) -> str:
    """The name where a file may bear it, else one that may, kept apart by the number."""
    plain = re.sub(r"[^\w.-]+", "_", name)
    return name if plain == name and not name.startswith(".") else f"{number + 1}-{plain}"
