"""Put the sample and the trained decoders into ``resources``, with cards that say what they are.

python -m tools.bundle_eeg sample dtu_12_subjects.npz
python -m models train eeg --preset bundled --set data.path=DTU data.test_subjects="['2','3','8']" --run RIDGE
python -m models train eeg --preset bundled-conformer --set data.path=DTU data.test_subjects="['2','3','8']" --run CONFORMER
python -m models crossval eeg --preset ridge --data DTU --by subject --run UNSEEN        (and --by k --run WITHIN)
python -m tools.figures eeg --dtu DTU                    (the learning curve)
python -m tools.bundle_eeg decoders RIDGE CONFORMER UNSEEN WITHIN DTU
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from models import checkpoint
from models.eeg import commands
from models.eeg.samples import sample_file
from models.resources import resource
from tools.figures import curve_line

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

{verdict}

{curve} More minutes of this data set are more people, not more speech.
"""


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
        "eeg": (Path(ridge) / checkpoint_of(ridge), "ridge"),
        "eeg-conformer": (Path(conformer) / "best", "Conformer v2"),
    }
    figures = {name: held_out(place, data) for name, (place, _) in places.items()}
    for name, (place, title) in places.items():
        weights, info = checkpoint.load(place, "eeg")
        own, other = figures[name], figures["eeg-conformer" if name == "eeg" else "eeg"]
        better = figures["eeg"]["held_out"] >= figures["eeg-conformer"]["held_out"]
        verdict = (
            "The Conformer does not pass the linear decoder on this little data, so the linear decoder is the default."
            if better
            else "The Conformer passes the linear decoder on these three subjects; the linear decoder stays the default because it is the simpler one."
        )
        info.title = f"{title}, 9 subjects"
        info.card = CARD.format(
            title=info.title,
            minutes=info.card.split("Trained on ")[1].split()[0],
            learned=40 if name == "eeg" else 30,
            own=own["held_out"],
            chance=own["chance"],
            other=f"The {'Conformer' if name == 'eeg' else 'linear decoder'} reaches {other['held_out']:.3f} there.",
            unseen=linear[0],
            within=linear[1],
            verdict=verdict,
            curve=curve_line(),
        )
        info.metrics = {
            "test/held_out_r": round(own["held_out"], 4),
            "test/within_r": round(own["within"], 4),
            "test/score": round(own["score"], 4),
        }
        summary = f"Single stimulus, split by time; r {own['held_out']:.3f} on subjects never met."
        checkpoint.save(resource("checkpoints", name), weights, info.model_copy(update={"summary": summary}))
        print(info.card)


def checkpoint_of(run: str) -> str:
    """``best`` of a run that chose its weights by validation, else ``last``."""
    return "best" if (Path(run) / "best").is_dir() else "last"


def held_out(place: Path, data: str) -> dict[str, Any]:
    """The metrics of a checkpoint on the held-out part of a data set."""
    return commands.evaluate(place, data, device="cpu")


if __name__ == "__main__":
    steps: dict[str, Callable[..., None]] = {"sample": sample, "decoders": decoders}
    steps[sys.argv[1]](*sys.argv[2:])
