"""How well told degrees agree with listeners': Lin's concordance correlation coefficient. No torch: the window reads this."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.emotion.corpora import Utterance
from models.emotion.degrees_config import DegreesConfig
from models.emotion.dimensions import DIMENSIONS
from models.errors import UserError


@dataclass(frozen=True)
class Concordance:
    """Of one dimension: over the `n` utterances whose degree is known, and of each speaker; NaN where it is not defined."""

    name: str
    n: int
    ccc: float
    by_speaker: dict[str, float]


def concordance(truth: np.ndarray, told: np.ndarray) -> float:
    """ρ_c = 2 cov / (var + var + (mean − mean)²), with biased moments (Lin, Biometrics 1989), of float [n] each.

    What is not finite in either is left out; NaN of less than two, and of two constants that are the same.
    """
    both = np.isfinite(truth) & np.isfinite(told)
    x, y = np.asarray(truth, float)[both], np.asarray(told, float)[both]
    if len(x) < 2:
        return float("nan")
    apart = x.var() + y.var() + (x.mean() - y.mean()) ** 2
    return float(2 * ((x - x.mean()) * (y - y.mean())).mean() / apart) if apart > 0 else float("nan")


def concordances(
    names: Sequence[str], truth: np.ndarray, told: np.ndarray, speakers: Sequence[str]
) -> tuple[Concordance, ...]:
    """Of each dimension: truth (NaN where it is not known) and told, float [n, dimensions]; who speaks, [n]."""
    who, result = np.array(speakers, dtype=object), []
    for number, name in enumerate(names):
        x, y = truth[:, number], told[:, number]
        by_speaker = {
            speaker: concordance(x[who == speaker], y[who == speaker]) for speaker in sorted(set(speakers))
        }
        result.append(Concordance(name, int(np.isfinite(x).sum()), concordance(x, y), by_speaker))
    return tuple(result)


def known(utterances: Sequence[Utterance]) -> tuple[str, ...]:
    """The dimensions that two utterances or more have a degree of."""
    return tuple(name for name in DIMENSIONS if sum(name in dict(item.degrees) for item in utterances) > 1)


def asked_for(utterances: Sequence[Utterance], settings: DegreesConfig, name: str) -> tuple[str, ...]:
    """The dimensions that a training is to learn of the data of that name; none where it asks for none.

    Raises UserError where the data lacks what is asked for.
    """
    if not settings.weight:
        return ()
    there = known(utterances)
    wanted = tuple(item for item in DIMENSIONS if item in (settings.names or there))
    lacking = [item for item in wanted if item not in there]
    if lacking or not wanted:
        raise UserError(
            "{name} has no degrees of {dimensions}.",
            "Degrees have a weight in the loss, and are read from the columns arousal, valence and dominance of a CSV, or from IEMOCAP's own tables.",
            "Set the weight of degrees to 0, or choose data that has them.",
            name=name,
            dimensions=", ".join(lacking or DIMENSIONS),
        )
    return wanted


def degrees_of(
    utterances: Sequence[Utterance], names: Sequence[str], lowest: float = 0.0, highest: float = 1.0
) -> np.ndarray:
    """float32 [n, names] from 0 to 1, NaN where none is given. lowest, highest: of the data's scale.

    Raises UserError for a degree beyond it.
    """
    result = np.full((len(utterances), len(names)), np.nan, np.float32)
    for row, utterance in enumerate(utterances):
        given = dict(utterance.degrees)
        for column, name in enumerate(names):
            if name not in given:
                continue
            if not lowest <= given[name] <= highest:
                raise UserError(
                    "The {dimension} of {file} is {value}.",
                    "Degrees are expected from {lowest} to {highest}.",
                    "Set the lowest and the highest degree of the training to the table's scale, or write degrees from 0 to 1.",
                    dimension=name,
                    file=utterance.path.name,
                    value=f"{given[name]:g}",
                    lowest=f"{lowest:g}",
                    highest=f"{highest:g}",
                )
            result[row, column] = (given[name] - lowest) / (highest - lowest)
    return result
