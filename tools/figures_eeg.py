"""The linear decoder and the Conformer on equal terms: the same minutes of the same subjects, the same time and the same
subjects to be judged on, several seeds, chance beside, and the Conformer once more with another loss; ``python -m tools.figures eeg --equal [DATA]``.

Each subject is left out once, by itself or with some others. Both decoders learn from the first blocks of the others' time; the Conformer's epochs are judged on a block
that the linear decoder does not learn from either. What is decoded is the last block: of those who were learned from (unseen
time), and of the one left out (unseen time and subject).
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from models.eeg import data, linear, scores
from models.eeg.config import EEGConfig
from models.eeg.correlation import Decoded
from models.eeg.decoder import Decoder
from models.eeg.ensembles import averaged
from models.eeg.live import player
from models.eeg.live.listening import Listening
from models.eeg.matching import match
from models.eeg.ridge import Ridge
from models.eeg.samples import located
from models.eeg.splits import Parts, part
from models.eeg.task import EEGTask
from models.training import config as configs
from models.training.folds import train_fold

SEEDS = (1, 2)
EPOCHS = 12  # as the Conformer that ships has them; the epoch that validates best is kept
RIDGE, CONFORMER, MEAN = "ridge", "Conformer v2", "mean of both"
MATCHED = "Conformer v2, taught match–mismatch"
PRESETS = {CONFORMER: "bundled-conformer", MATCHED: "match-mismatch"}  # they differ in the loss alone
Figures = dict[str, object]  # as JSON has them


def recipe(path: str, left_out: Sequence[str], seed: int, decoder: str = CONFORMER) -> EEGConfig:
    """A Conformer's: as the one that ships was trained, on the data at `path` without some subjects."""
    values = configs.preset("eeg", PRESETS[decoder])
    values |= {"epochs": EPOCHS, "seed": seed, "keep": "best"}
    values["data"] = values["data"] | {"path": path, "test_subjects": list(left_out)}
    return configs.validated(EEGConfig, values)


def folds_of(subjects: Sequence[str], folds: int) -> list[tuple[str, ...]]:
    """Who is left out together: as many folds as asked for, each subject in one of them; 0: each subject by itself."""
    count = min(folds, len(subjects)) or len(subjects)
    return [tuple(subjects[number::count]) for number in range(count)]


def measured(path: str = "sample", device: str = "cpu", folds: int = 0, runs: Path | None = None) -> Figures:
    """All figures, with what they are of.

    folds: see `folds_of`. runs: where the Conformers' runs are kept, so that what was interrupted goes on; None throws them
    away.
    """
    started = time.monotonic()
    dataset = data.open_dataset(located(path), recipe(path, (), 1).preprocessing)
    groups = folds_of(dataset.subjects, folds)
    decoded: dict[str, dict[int, list[Decoded]]] = {name: {} for name in (RIDGE, CONFORMER, MEAN, MATCHED)}
    minutes, parameters = [], 0
    envelopes: dict[str, list[np.ndarray]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for group in groups:
            solved: Ridge | None = None
            for seed in SEEDS:
                own = recipe(path, group, seed)
                parts = part(dataset, own.data, own.preprocessing, own.seed)
                minutes.append(sum(map(len, parts.train)) / dataset.sample_rate / 60)
                place = runs or Path(folder)
                name = f"{'-'.join(group)}-seed-{seed}"
                if solved is None or parts.by == "stimulus":  # a split by time is the same for every seed
                    solved, _ = linear.fit(parts.train, own.ridge, dataset.sample_rate)
                matched = recipe(path, group, seed, MATCHED)
                linearly = linear.decode(solved, parts.test)
                network, parameters = _trained(parts, own, place / name, device)
                for decoder, recordings in (
                    (RIDGE, linearly),
                    (CONFORMER, network),
                    (MEAN, _mean(linearly, network)),
                    (MATCHED, _trained(parts, matched, place / f"{name}-matched", device)[0]),
                ):
                    decoded[decoder].setdefault(seed, []).extend(_marked(recordings, group))
            for stretch in (*parts.train, *parts.validation):
                envelopes.setdefault(stretch.subject, []).append(stretch.envelope)
    return {
        "data": "sample" if path == "sample" else dataset.name,
        "subjects": len(dataset.subjects),
        "folds": len(groups),
        "minutes": float(np.mean(minutes)),
        "seeds": len(SEEDS),
        "epochs": EPOCHS,
        "parameters": parameters,
        "made": time.strftime("%Y-%m-%d"),
        "decoders": {
            name: _figures(list(by_seed.values()), dataset.sample_rate, envelopes)
            for name, by_seed in decoded.items()
        },
        "seconds": round(time.monotonic() - started),
    }


def _trained(parts: Parts, config: EEGConfig, place: Path, device: str) -> tuple[list[Decoded], int]:
    """(the test part as a Conformer decodes it, its parameters); trained in the run folder `place`, unless that is done."""
    run = train_fold(place, "eeg", config, EEGTask, device)
    network = Decoder.load(run.best, device)
    return network.decode_stretches(parts.test), network.parameters


def live(choice: str, subjects: Sequence[str], seconds: float = 240.0) -> Figures:
    """How often a decoder chooses the right talker live, by window length and subject: of the sample as the player streams it, the
    first `seconds` of each subject, against the same envelope shifted by half; a choice each second."""
    decoder = Decoder.load(choice, "cpu")
    right: dict[str, dict[str, float]] = {}
    for subject in subjects:
        played = player.sample(subject)
        listening = Listening(decoder, played.names, played.rate, played.sound_rate, len(played.tracks))
        listening.begin(0.0, 0.0)
        choices: dict[float, list[bool]] = {}
        for second in range(round(seconds)):
            eeg, sound = (
                slice(round(second * rate), round((second + 1) * rate))
                for rate in (played.rate, played.sound_rate)
            )
            listening.push_sound(played.sounds[sound])
            listening.push_eeg(played.eeg[eeg])
            heard = listening.attention()
            for window in heard.windows if heard is not None else ():
                choices.setdefault(window.window_s, []).append(window.chosen == 0)
        for window_s, each in choices.items():
            right.setdefault(f"{window_s:g}", {})[subject] = float(np.mean(each))
    return {"minutes": seconds / 60, "right": right}


def live_line(figures: Figures) -> str:
    """What the README says of it."""
    right = figures["right"]
    assert isinstance(right, dict)
    spans = [
        f"of {length} s in {100 * min(each.values()):.0f} to {100 * max(each.values()):.0f} %"
        for length, each in sorted(right.items(), key=lambda item: -float(item[0]))
    ]
    return (
        f"On the sample's three people, whom the decoder never met, windows {', '.join(spans)} of cases choose the right talker live\n"
        f"(against the same envelope shifted by half; {figures['minutes']:g} minutes each; by chance 50 %).\n"
    )


def _mean(first: Sequence[Decoded], second: Sequence[Decoded]) -> list[Decoded]:
    """What both decode, averaged as an ensemble of them would."""
    return [
        Decoded(a.subject, a.stimulus, averaged([a.decoded, b.decoded]), a.envelope)
        for a, b in zip(first, second, strict=True)
    ]


def _marked(stretches: Sequence[Decoded], left_out: Sequence[str]) -> list[Decoded]:
    """Stretches whose stimulus says whether their subject was learned from."""
    return [
        Decoded(item.subject, "unseen" if item.subject in left_out else "within", item.decoded, item.envelope)
        for item in stretches
    ]


def _figures(
    by_seed: Sequence[list[Decoded]], sample_rate: int, envelopes: dict[str, list[np.ndarray]]
) -> Figures:
    """r of each seed within subjects and on unseen ones, chance, and match–mismatch on unseen subjects."""
    result: Figures = {}
    for kind in ("within", "unseen"):
        evaluations = [
            scores.evaluate([item for item in stretches if item.stimulus == kind], sample_rate)
            for stretches in by_seed
        ]
        r = [evaluation.r for evaluation in evaluations]
        result[kind] = {
            "r": r,
            "mean": float(np.mean(r)),
            "sd": float(np.std(r, ddof=1)),
            "chance": float(np.mean([evaluation.chance for evaluation in evaluations])),
            "subjects": {
                name: float(np.mean([s.r for e in evaluations for s in e.subjects if s.subject == name]))
                for name in dict.fromkeys(s.subject for s in evaluations[0].subjects)
            },
        }
    matched = [
        match([item for item in stretches if item.stimulus == "unseen"], sample_rate, envelopes)
        for stretches in by_seed
    ]
    measured = [matching for matching in matched if matching is not None]
    result["match_mismatch"] = {
        "accuracy": float(np.mean([matching.accuracy for matching in measured])),
        "windows": measured[0].windows,
        "chance_interval": [measured[0].chance_low, measured[0].chance_high],
    }
    return result


def table(figures: Figures) -> str:
    """The figures as Markdown, with what they are of."""
    decoders = figures["decoders"]
    assert isinstance(decoders, dict)
    first = decoders[RIDGE]["match_mismatch"]
    low, high = (100 * value for value in first["chance_interval"])
    apart = figures["folds"] == figures["subjects"]
    left_out = "each left out once" if apart else f"left out in {figures['folds']} groups"
    lines = [
        f"Made {figures['made']} on {figures['data']}: {figures['subjects']} subjects, {left_out};"
        f" {figures['minutes']:.1f} minutes to learn from; {figures['seeds']} seeds; the Conformer has"
        f" {figures['parameters']:,} weights and {figures['epochs']} epochs. It took {figures['seconds']} s. r: mean over subjects ± standard"
        f" deviation over seeds; guessing one of five comes to {low:.0f} to {high:.0f} % with {first['windows']} windows.",
        "",
        "| decoder | unseen time, subject met | unseen time, unseen subject | by chance | one of five, unseen subject |",
        "|---|---|---|---|---|",
    ]
    for name, row in decoders.items():
        within, unseen = row["within"], row["unseen"]
        lines.append(
            f"| {name} | {within['mean']:.3f} ± {within['sd']:.3f} | {unseen['mean']:.3f} ± {unseen['sd']:.3f} |"
            f" {unseen['chance']:.3f} | {100 * row['match_mismatch']['accuracy']:.0f} % |".replace("-", "−")
        )
    lines += ["", "By subject, unseen subject and time:", "", "| subject | " + " | ".join(decoders) + " |"]
    lines.append("|---|" + "---|" * len(decoders))
    for name in decoders[RIDGE]["unseen"]["subjects"]:
        each = (f"{row['unseen']['subjects'][name]:.3f}".replace("-", "−") for row in decoders.values())
        lines.append(f"| {name} | {' | '.join(each)} |")
    return "\n".join(lines) + "\n"
