"""Put the sample and the trained decoders into ``resources``, with cards that say what they are.

python -m tools.bundle_eeg sample dtu_12_subjects.npz
python -m models train eeg --preset bundled --set data.path=DTU data.test_subjects="['2','3','8']" --run RIDGE
python -m models train eeg --preset bundled-conformer --set data.path=DTU data.test_subjects="['2','3','8']" --run CONFORMER
python -m models crossval eeg --preset ridge --data DTU --by subject --run UNSEEN        (and --by k --run WITHIN)
python -m tools.figures eeg --dtu DTU                    (the learning curve)
python -m tools.bundle_eeg decoders RIDGE CONFORMER UNSEEN WITHIN DTU
python -m tools.bundle_eeg ensemble                      (the mean of the two, which is the default; after `python -m tools.figures eeg --equal DTU`)
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from models import checkpoint
from models.checkpoint import CheckpointInfo
from models.contract import Result
from models.eeg import commands, ensembles, evaluation, scores
from models.eeg.correlation import pearson
from models.eeg.data import open_dataset
from models.eeg.decoder import Decoder
from models.eeg.samples import sample_file
from models.loading import BUNDLED, Choice, open_model
from models.resources import resource
from tools.figures import SHIPPED_EEG, curve_line, kept

Figures = Result  # of `evaluate`
Weights = dict[str, torch.Tensor]

SUBJECTS = ("2", "3", "8")  # near the median of the twelve; the bundled decoders do not learn from them

CARD = """\
# {title}

Decodes the speech envelope (0.5–8 Hz) from 64-channel EEG at 64 Hz. It learned from {minutes} minutes of nine subjects listening
to one talker (DTU data set of Fuglsang, Wong and Hjortkjær 2018, doi 10.5281/zenodo.1199011, as preprocessed for Accou et al.
2023). Subjects 2, 3 and 8 took no part and are the sample.

**Single stimulus, split by time**: all its data are answers to the same 50 seconds of speech. It learned from the first {learned} s
and is judged on the last 10 s, with a guard of a second between. That says how it does on *unheard speech of the same talker
and minute*, no more.

**On held-out time of subjects it never met** (2, 3, 8; mean of 30 stretches of 10 s): r **{own:.3f}**; chance, by scrambling
the envelope's phases, {chance:.3f}. {other}

For comparison, the linear decoder on all twelve subjects: unseen subject and unseen time {unseen:.3f}, within subject {within:.3f}
(five time blocks each, guard 1 s).

{place}

{curve} More minutes of this data set are more people, not more speech.
"""


MEMBER = (
    "The mean of ridge and Conformer passes both, and is the default: this is one of its members, by itself."
)

MEAN_CARD = """\
# {title}

Averages what two decoders make of the same EEG, each brought to zero mean and one standard deviation: a ridge regression, and a
small Conformer. Both ship by themselves, too. It decodes the speech envelope (0.5–8 Hz) from 64-channel EEG at 64 Hz. Both learned from nine
subjects listening to one talker, the ridge from {ridge_minutes} minutes and the Conformer from {conformer_minutes} (DTU data set of Fuglsang, Wong and
Hjortkjær 2018, doi 10.5281/zenodo.1199011, as preprocessed for Accou et al. 2023). Subjects 2, 3 and 8 took no part and are the sample.

**Single stimulus, split by time**: all its data are answers to the same 50 seconds of speech. Neither member learned from the last
10 s, by which it is judged, with a guard of a second between. That says how it does on *unheard speech of the same talker and minute*, no more.

**On held-out time of subjects it never met** (2, 3, 8; mean of 30 stretches of 10 s): r **{own:.3f}**; chance, by scrambling
the envelope's phases, {chance:.3f}. By subject, on the same stretches:

| decoder | r | 2 | 3 | 8 |
|---|---|---|---|---|
{rows}

Which of five stretches of 5 s was heard is found in: {matched} (by guessing 20 %). Stretch by stretch the mean passes the ridge by {gain:.3f} ± {error:.3f} (standard error over {stretches}): three people tell two such decoders hardly apart.
It is the default by a wider look, for which both were trained anew, on the same {equal_minutes:.1f} minutes, {seeds} seeds, each of {people} people left out once. On unseen time:

| decoder | subject met | unseen subject |
|---|---|---|
{wider}

That table is not of these weights. What a mean of two cannot do that its members could: be tuned to a person, or show a gate.
"""

SHIPPED = {choice: name for name, choice in SHIPPED_EEG.items()}
TWELVE = "dtu_12_subjects"  # the data of the wider look, as `tools.figures` names them


def sample(source: str) -> None:
    """Cut the sample's subjects out of the data set; counts and steps of µV stay as they are."""
    with np.load(source, allow_pickle=False) as arrays:
        chosen = np.isin(arrays["subject"].astype(str), SUBJECTS)
        sample_file().parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(
            sample_file(),
            eeg=arrays["eeg"][chosen],
            eeg_step_uv=arrays["eeg_step_uv"],
            subject=arrays["subject"][chosen],
            trial=arrays["trial"][chosen],
            envelope=arrays["envelope"],
            fs=arrays["fs"],
        )
    print(f"{sample_file()}: {sample_file().stat().st_size / 1e6:.1f} MB")


def decoders(ridge: str, conformer: str, unseen: str, within: str, data: str) -> None:
    """Judge both on the held-out time of the sample's subjects, then write cards and checkpoints."""
    linear = [json.loads((Path(item) / "crossval.json").read_text("utf-8"))["r"] for item in (unseen, within)]
    places = {
        "eeg-ridge": (Path(ridge) / checkpoint_of(ridge), "ridge"),
        "eeg-conformer": (Path(conformer) / "best", "Conformer v2"),
    }
    figures = {name: held_out(place, data) for name, (place, _) in places.items()}
    for name, (place, title) in places.items():
        weights, info = checkpoint.load(place, "eeg")
        linear_one = name == "eeg-ridge"
        own, other = figures[name], figures["eeg-conformer" if linear_one else "eeg-ridge"]
        info.title = f"{title}, 9 subjects"
        info.card = CARD.format(
            title=info.title,
            minutes=info.card.split("Trained on ")[1].split()[0],
            learned=40 if linear_one else 30,
            own=own["held_out"],
            chance=own["chance"],
            other=f"The {'Conformer' if linear_one else 'linear decoder'} reaches {other['held_out']:.3f} there.",
            unseen=linear[0],
            within=linear[1],
            place=MEMBER,
            curve=curve_line(),
        )
        _save(name, weights, info, own)


def ensemble() -> None:
    """Average the two that ship, judge all three on the sample, and write cards that say which is the default and why."""
    members = [name for name in SHIPPED if name != BUNDLED]
    opened = [open_model(name, "eeg") for name in members]
    weights, info = ensembles.joined(members, [(item.weights, item.info) for item in opened])
    info.title = "mean of ridge and Conformer v2, 9 subjects"
    checkpoint.save(resource("checkpoints", "eeg"), weights, info)
    judged = {name: held_out(name, "sample") for name in SHIPPED}
    equal = kept("eeg")["equal"][TWELVE]
    unseen = {name: row["unseen"]["mean"] for name, row in equal["decoders"].items()}
    if max(unseen, key=lambda name: unseen[name]) != SHIPPED[BUNDLED]:
        raise SystemExit("The mean is not the best on the twelve: another one has to be the default.")
    gains = np.subtract(*(_by_stretch(name) for name in (BUNDLED, "bundled-ridge")))
    minutes = [item.info.card.split("It learned from ")[1].split()[0] for item in opened]
    info.card = MEAN_CARD.format(
        title=info.title,
        ridge_minutes=minutes[0],
        conformer_minutes=minutes[1],
        own=judged[BUNDLED]["held_out"],
        chance=judged[BUNDLED]["chance"],
        rows="\n".join(_row(SHIPPED[name], figures) for name, figures in judged.items()),
        matched=", ".join(
            f"{SHIPPED[name]} {100 * figures['match_mismatch']['accuracy']:.0f} %"
            for name, figures in judged.items()
        ),
        gain=gains.mean(),
        error=scores.standard_error(gains),
        stretches=len(gains),
        equal_minutes=equal["minutes"],
        seeds=equal["seeds"],
        people=equal["subjects"],
        wider="\n".join(_wider(name, equal["decoders"][name]) for name in SHIPPED.values()),
    )
    _save("eeg", weights, info, judged[BUNDLED])
    for name, item in zip(members, opened, strict=True):
        item.info.card = _with_place(item.info.card)
        _save(name.replace("bundled", "eeg"), item.weights, item.info, judged[name])


def _save(name: str, weights: Weights, info: CheckpointInfo, figures: Figures) -> None:
    """With its figures, and the sentence that stands under a model in the window."""
    info.metrics = {
        "test/held_out_r": round(figures["held_out"], 4),
        "test/within_r": round(figures["within"], 4) if figures["within"] is not None else None,
        "test/score": round(figures["score"], 4) if figures["score"] is not None else None,
    }
    info.metrics = {key: value for key, value in info.metrics.items() if value is not None}
    summary = f"Single stimulus, split by time; r {figures['held_out']:.3f} on subjects never met."
    checkpoint.save(resource("checkpoints", name), weights, info.model_copy(update={"summary": summary}))
    print(info.card)


def _by_stretch(choice: str) -> np.ndarray:
    """r [stretches] of a decoder on the held-out time of the sample."""
    decoder = Decoder.load(choice, "cpu")
    dataset = open_dataset(sample_file(), decoder.signal)
    stretches = evaluation.test_part(dataset, evaluation.recipe(decoder)).test
    return np.array(
        [float(pearson(item.decoded, item.envelope)) for item in decoder.decode_stretches(stretches)]
    )


def _row(name: str, figures: Figures) -> str:
    """A decoder on the sample, a cell a figure."""
    r = {item["subject"]: item["r"] for item in figures["subjects"]}
    cells = [figures["held_out"], *(r[subject] for subject in SUBJECTS)]
    return f"| {name} | {' | '.join(f'{cell:.3f}' for cell in cells)} |"


def _wider(name: str, row: Figures) -> str:
    """A decoder on the twelve."""
    cells = (f"{row[kind]['mean']:.3f} ± {row[kind]['sd']:.3f}" for kind in ("within", "unseen"))
    return f"| {name} | {' | '.join(cells)} |"


def _with_place(card: str) -> str:
    """A member's card, whose last sentence but the learning curve says what it is beside the others."""
    paragraphs = card.split("\n\n")
    number = next(n for n, text in enumerate(paragraphs) if text.startswith("Learning curve"))
    return "\n\n".join([*paragraphs[: number - 1], MEMBER, *paragraphs[number:]])


def checkpoint_of(run: str) -> str:
    """``best`` of a run that chose its weights by validation, else ``last``."""
    return "best" if (Path(run) / "best").is_dir() else "last"


def held_out(place: Choice, data: str) -> Figures:
    """The metrics of a checkpoint on the held-out part of a data set."""
    return commands.evaluate(place, data, device="cpu")


if __name__ == "__main__":
    steps: dict[str, Callable[..., None]] = {"sample": sample, "decoders": decoders, "ensemble": ensemble}
    steps[sys.argv[1]](*sys.argv[2:])
