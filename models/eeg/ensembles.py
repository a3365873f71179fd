"""Several decoders as one, whose outputs are averaged: what such a checkpoint holds, and how it is made of others. No torch.

Decoders that err differently are worth more together than the best of them alone (Hansen and Salamon 1990). Every member is
kept whole, so that the folder needs no other: its weights under its number (``0.weight``, ``1.front…``), its network and its
people in the description. What all have to agree in, channels and signal settings, is kept once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from models.checkpoint import CheckpointInfo
from models.eeg.correlation import standardised
from models.eeg.samples import trained_subjects
from models.eeg.signal_config import PreprocessingConfig
from models.errors import UserError, shortened
from models.fingerprint import Learned, packed
from models.loading import Choice, checkpoint_folder, network_config
from models.remarks import Remark
from models.settings import contradiction

if TYPE_CHECKING:
    import torch

KIND = "ensemble"
LEAST = 2  # members


@dataclass(frozen=True)
class EnsembleConfig:
    """The ``network`` of an ensemble's checkpoint. members: each a `MemberConfig` as plain values."""

    kind: str
    members: list[dict[str, object]]

    def __post_init__(self) -> None:
        if len(self.members) < LEAST or not all(isinstance(member, dict) for member in self.members):
            raise contradiction("an ensemble has two members or more")


@dataclass(frozen=True)
class MemberConfig:
    """What a decoder is beside its weights. network: a `network.NetworkConfig` as plain values. window_s: what it was trained on.

    subjects: those that it learned from, in the order of its embeddings. unnamed: those of them whose EEG it was tuned to
    without being told whose it is.
    """

    title: str
    network: dict[str, object]
    window_s: float
    subjects: list[str]
    unnamed: list[str]


def averaged(outputs: Sequence[np.ndarray]) -> np.ndarray:
    """float32 [time]: the mean of what several decoders made of the same EEG, [time] each, brought to zero mean and one
    standard deviation first: else the one whose output is larger, as a network's is, would outvote the others."""
    result: np.ndarray = np.mean([standardised(output) for output in outputs], axis=0)
    return result.astype(np.float32)


def is_ensemble(info: CheckpointInfo) -> bool:
    """Whether a checkpoint holds several decoders."""
    return info.network.get("kind") == KIND


def members_of(info: CheckpointInfo) -> tuple[MemberConfig, ...]:
    """The decoders that a checkpoint holds, one or several. Raises UserError where it describes none, KeyError, TypeError or
    ValueError where it lacks what is needed."""
    if is_ensemble(info):
        members = network_config(EnsembleConfig, info.network, info.title).members
        return tuple(network_config(MemberConfig, member, info.title) for member in members)
    # Tuned to without ever saying whose the EEG is: what was learned of them is the unknown subject's.
    nobody_named = info.training.get("config", {}).get("drop_identity", 0) >= 1
    tuned_to = [str(name) for name in info.preprocessing.get("tuned_to", [])]
    window_s = float(info.preprocessing["window_s"])
    unnamed = tuned_to if nobody_named else []
    return (MemberConfig(info.title, info.network, window_s, trained_subjects(info), unnamed),)


def named_subjects(info: CheckpointInfo) -> list[str]:
    """Whom a decoder can be told that the EEG is of: those that a network in it has an embedding for."""
    knows = [member for member in members_of(info) if member.network.get("kind") == "conformer"]
    return list(dict.fromkeys(name for member in knows for name in member.subjects))


def check_no_ensemble(info: CheckpointInfo) -> None:
    """Raises UserError where a checkpoint cannot be trained further because it holds several."""
    if is_ensemble(info):
        raise UserError(
            "An ensemble is not trained further.",
            "{title} averages decoders that were each trained by themselves.",
            "Start from one of its members, and make an ensemble of what comes of it.",
            title=info.title,
        )


# Making one


def joined(
    choices: Sequence[Choice], opened: Sequence[tuple[Mapping[str, torch.Tensor], CheckpointInfo]]
) -> tuple[dict[str, torch.Tensor], CheckpointInfo]:
    """(weights, description) of an ensemble of the checkpoints that were opened, called `choices`.

    What it learned from is what any member did. Raises UserError where there are too few, one is an ensemble itself, or
    they differ in what they read.
    """
    check_choices(choices)
    infos = [info for _, info in opened]
    for choice, info in zip(choices, infos, strict=True):
        _check_member(choice, info)
        _check_agree((choices[0], infos[0]), (choice, info))
    members = [members_of(info)[0] for info in infos]
    weights = {
        f"{number}.{name}": weight
        for number, (state, _) in enumerate(opened)
        for name, weight in state.items()
    }
    network = EnsembleConfig(KIND, [asdict(member) for member in members])
    titles = [member.title for member in members]
    return weights, CheckpointInfo(
        system="eeg",
        title=f"mean of {', '.join(titles[:-1])} and {titles[-1]}",
        network=asdict(network),
        preprocessing={
            "signal": infos[0].preprocessing["signal"],
            "channels": infos[0].preprocessing["channels"],
            "window_s": max(member.window_s for member in members),
            "subjects": _all(infos, "subjects"),
            "tuned_to": _all(infos, "tuned_to"),
        },
        training=_training(infos),
        card="\n".join([f"# Mean of {len(titles)} decoders", "", *(f"- {title}" for title in titles), ""]),
    )


def check_choices(choices: Sequence[Choice]) -> None:
    """Raises UserError for fewer than two decoders, and for one that is named twice. Opens none."""
    if len(choices) < LEAST:
        raise UserError(
            "An ensemble needs two decoders or more.", "Only one was named.", "Name the others, too."
        )
    places = [checkpoint_folder(choice, "eeg").absolute() for choice in choices]
    twice = next((place for number, place in enumerate(places) if place in places[:number]), None)
    if twice is not None:
        raise UserError(
            "{name} is named twice.",
            "In a mean it would count double.",
            "Name each decoder once.",
            name=str(choices[places.index(twice)]),
        )


def _check_member(choice: Choice, info: CheckpointInfo) -> None:
    if is_ensemble(info):
        raise UserError(
            "{name} is an ensemble itself.",
            "In a mean of means its members would count less than the others.",
            "Name its members instead: {members}.",
            name=str(choice),
            members=", ".join(member.title for member in members_of(info)),
        )


def _check_agree(first: tuple[Choice, CheckpointInfo], other: tuple[Choice, CheckpointInfo]) -> None:
    """Raises UserError that names what two decoders differ in: settings of the signal, or channels."""
    names = {"first": str(first[0]), "other": str(other[0])}
    here, there = (
        PreprocessingConfig.model_validate(info.preprocessing["signal"]) for _, info in (first, other)
    )
    for key, field in PreprocessingConfig.model_fields.items():
        if getattr(here, key) != getattr(there, key):
            raise UserError(
                "{first} and {other} cannot be averaged.",
                "They differ in {setting}: {a} and {b}.",
                "Choose decoders that were trained with the same signal settings.",
                setting=Remark(field.title or key),
                a=getattr(here, key),
                b=getattr(there, key),
                **names,
            )
    channels = [list(info.preprocessing["channels"]) for _, info in (first, other)]
    if channels[0] != channels[1]:
        raise UserError(
            "{first} and {other} cannot be averaged.",
            "They read other channels: {a}; and {b}.",
            "Choose decoders of the same channels in the same order.",
            a=shortened(", ".join(channels[0]), 60),
            b=shortened(", ".join(channels[1]), 60),
            **names,
        )


def _all(infos: Sequence[CheckpointInfo], what: str) -> list[str]:
    """The subjects that any of them has under that name of the preprocessing."""
    return list(dict.fromkeys(str(name) for info in infos for name in info.preprocessing.get(what, [])))


def _training(infos: Sequence[CheckpointInfo]) -> dict[str, object]:
    """What any member learned from and was chosen by; of the first the recipe, by which data are parted to be judged on.

    Nothing of the data where one of them does not say.
    """
    recipe = infos[0].training.get("config")
    result: dict[str, object] = {} if recipe is None else {"config": recipe}
    learned = [Learned.of(info.training) for info in infos]
    told = [part for part in learned if part is not None]
    if len(told) < len(learned):
        return result
    items, groups = ([getattr(item, name) for item in told] for name in ("items", "groups"))
    result["items"] = {part: packed(hashes) for part, hashes in _by_part(items).items()}
    result["groups"] = {part: sorted(names) for part, names in _by_part(groups).items()}
    return result


def _by_part(parts: Sequence[Mapping[str, frozenset[str]]]) -> dict[str, frozenset[str]]:
    names = dict.fromkeys(name for part in parts for name in part)
    return {name: reduce(frozenset.union, (part.get(name, frozenset()) for part in parts)) for name in names}
