"""Judge the recipe of the bundled emotion model on people it never heard, in places it never was: ``make figures EMODB=…``.

python tools/evaluate_emotion.py --data EMODB --work FOLDER [--seeds 1 2 3]

A nested protocol. Every speaker is left out once; the settings (weight decay, how often training is centred on the speaker,
the prior of a session) are chosen among the others alone, each of whom is left out once within (`emotion_recipe.chosen`); then
everything is learned from the others. What is held out is judged under several conditions, three ways: alone; in a session,
against the running mean of what the person said so far; and known, against the mean of all they say. The figures go to
``docs/figures/emotion.json``, from which the table of ``docs/emotion.md`` is written. The temperature and the threshold of what
is unsure are fitted on the held-out speakers; how certain and how right they are is told with a temperature fitted on the others.
"""

from __future__ import annotations

import argparse
import sys
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from models import audio  # noqa: E402
from models.emotion import data  # noqa: E402
from models.emotion.degrade import NOISES, Scene  # noqa: E402
from models.emotion.doubt import fitted_threshold  # noqa: E402
from models.emotion.feature_cache import FeatureCache  # noqa: E402
from models.emotion.features import SAMPLE_RATE, Voice  # noqa: E402
from models.emotion.functionals import moments  # noqa: E402
from models.emotion.speakers import calibration  # noqa: E402
from models.resources import cache_folder  # noqa: E402
from models.tables import write_json  # noqa: E402
from models.training.config import preset  # noqa: E402
from tools.emotion_recipe import (  # noqa: E402
    CANDIDATES,
    Spoken,
    chosen,
    recall,
    trained,
    ways,
)

FIGURES, PAGE = ROOT / "docs" / "figures" / "emotion.json", ROOT / "docs" / "emotion.md"
README = ROOT / "README.md"
WINDOW_S = 3.0
SHIPPED_WITHOUT = ("10", "13")  # the speakers of the sample, who took no part in the model that ships
Result = dict[str, Any]
CONDITIONS: dict[str, Scene] = {
    "clean": Scene(),
    "noise, 15 dB": Scene(noise="?", snr_db=15),
    "noise, 5 dB": Scene(noise="?", snr_db=5),
    "room": Scene(room_s=0.5, direct_db=0),
    "telephone": Scene(band="telephone"),
    "laptop": Scene(band="laptop", room_s=0.3, direct_db=6, noise="fan", snr_db=25),
    "MP3": Scene(codec="mp3"),
    "level −20 dB": Scene(gain_db=-20),
    "clipped": Scene(clipped=0.25),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    options = parser.parse_args()
    measure(options.data, options.work, options.seeds)


def measure(place: str, work: Path, seeds: list[int]) -> None:
    """Choose, train and judge on the data set at `place`; write figures, page and row. What is computed on the way lies in `work`."""
    dataset = data.open_dataset(place)
    utterances, labels = dataset.utterances, list(dataset.labels)
    speakers = np.array([utterance.speaker for utterance in utterances])
    truth = np.array([labels.index(utterance.emotion) for utterance in utterances])
    conditions = {name: heard(name, utterances, work) for name in CONDITIONS}
    spoken = Spoken(in_scenes(utterances, work), truth, speakers)
    nothing = np.zeros((len(truth), len(labels)), np.float32)
    logits: dict[str, dict[str, list[np.ndarray]]] = {
        name: {how: [nothing.copy() for _ in seeds] for how in ("alone", "session", "known")}
        for name in CONDITIONS
    }
    settings: dict[str, Result] = {}
    for speaker in sorted(set(speakers)):
        others, mine = speakers != speaker, speakers == speaker
        recipe, prior_s, _ = chosen(spoken, conditions, others)
        settings[speaker] = recipe.words() | {"prior_s": prior_s}
        print(speaker, settings[speaker], flush=True)
        for number, seed in enumerate(seeds):
            model = trained(spoken, [(others, recipe)], seed)[0]
            for name, figures in conditions.items():
                for how, said in ways(model, figures[mine], prior_s, seed).items():
                    logits[name][how][number][mine] = said
    recipe, prior_s, scores = chosen(spoken, conditions, ~np.isin(speakers, SHIPPED_WITHOUT))
    settings["shipped"] = recipe.words() | {"prior_s": prior_s}
    result = summed_up(logits, truth, speakers, labels)
    result |= {"settings": settings, "scores": scores}
    result |= {"seeds": seeds, "utterances": len(utterances), "recipe": preset("emotion", "bundled")}
    write_json(FIGURES, result)
    write_page(result)
    print(table(result))


def heard(name: str, utterances: Any, work: Path) -> np.ndarray:
    """The voice front end's mean and spread of every utterance under a condition, float32 [utterances, 512]; kept."""
    kept = work / f"{name.replace(' ', '-').replace(',', '')}.npy"
    if kept.is_file():
        stored: np.ndarray = np.load(kept)
        return stored
    front_end, rows = Voice(), []
    for utterance in utterances:
        sound = audio.read_part(utterance.path, utterance.start_s, utterance.end_s)[
            : round(WINDOW_S * SAMPLE_RATE)
        ]
        scene = CONDITIONS[name]
        if scene.noise == "?":  # another kind for every speaker
            kind = NOISES[zlib.crc32(f"{name} {utterance.speaker}".encode()) % len(NOISES)]
            scene = Scene(noise=kind, snr_db=scene.snr_db)
        random = np.random.default_rng(zlib.crc32(f"{name} {Path(utterance.path).name}".encode()))
        rows.append(lying(torch.from_numpy(front_end.features(scene.heard(sound, random)))))
    result = np.stack(rows)
    work.mkdir(parents=True, exist_ok=True)
    np.save(kept, result)
    return result


def in_scenes(utterances: Any, work: Path) -> np.ndarray:
    """The front end's mean and spread of every utterance as it was recorded and in each scene of the training, float32
    [utterances, 1 + scenes, 512]; kept."""
    kept = work / "scenes.npy"
    if kept.is_file():
        stored: np.ndarray = np.load(kept)
        return stored
    cache = FeatureCache(cache_folder() / "features")
    features = cache.of(
        utterances, Voice(), None, WINDOW_S, scenes=max(recipe.scenes for recipe in CANDIDATES)
    )
    result = np.stack(
        [np.stack([lying(torch.from_numpy(frames[:])) for frames in item]) for item in features]
    )
    np.save(kept, result)
    return result


def lying(frames: torch.Tensor) -> np.ndarray:
    """Mean and spread over time of [frames, 256], float32 [512]."""
    mask = torch.ones(1, len(frames), dtype=torch.bool)
    result: np.ndarray = torch.cat(moments(frames[None], mask), dim=-1)[0].numpy()
    return result


def summed_up(logits: Any, truth: np.ndarray, speakers: np.ndarray, labels: list[str]) -> Result:
    """Recall by condition, way and speaker, over seeds; the temperature, and the calibration error with and without."""
    names = sorted(set(speakers))
    conditions: Result = {}
    for name, by_way in logits.items():
        conditions[name] = {}
        for how, seeds in by_way.items():
            by = np.array(
                [[recall(seed[speakers == s], truth[speakers == s]) for s in names] for seed in seeds]
            )
            conditions[name][how] = {
                "mean": round(float(by.mean()), 4),
                "seeds": [round(float(value), 4) for value in by.mean(1)],
                "worst": round(float(by.min()), 4),
                "speakers": {s: round(float(value), 4) for s, value in zip(names, by.mean(0), strict=True)},
            }
    every = np.concatenate(
        [way for ways in logits.values() for how in ("alone", "session") for way in ways[how]]
    )
    times = len(every) // len(truth)
    right, who = np.tile(truth, times), np.tile(speakers, times)
    certain = np.zeros_like(every)
    for s in names:
        certain[who == s] = softmax(every[who == s] / fitted(every[who != s], right[who != s]))
    certainty, correct = certain.max(1), certain.argmax(1) == right
    below = fitted_threshold(certainty, correct)
    unsure = certainty < below
    return {
        "labels": labels,
        "conditions": conditions,
        "temperature": round(fitted(every, right), 3),
        "calibration_error": {
            "without": round(calibration(softmax(every), right)[0], 4),
            "with": round(calibration(certain, right)[0], 4),
        },
        "unsure_below": below,
        "unsure": {
            "share": round(float(unsure.mean()), 4),
            "right_of_told": round(float(correct[~unsure].mean()), 4),
            "right_of_all": round(float(correct.mean()), 4),
            "right_of_unsure": round(float(correct[unsure].mean()), 4) if unsure.any() else None,
        },
    }


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities [n, classes] of logits."""
    result: np.ndarray = torch.from_numpy(np.asarray(logits, np.float64)).softmax(-1).numpy()
    return result


def fitted(logits: np.ndarray, truth: np.ndarray) -> float:
    """The temperature under which what came true was likeliest."""
    tried = np.geomspace(0.1, 10, 200)
    rows = np.arange(len(truth))
    return float(min(tried, key=lambda t: -np.log(softmax(logits / t)[rows, truth] + 1e-12).mean()))


def table(result: Result) -> str:
    """Markdown: conditions × ways, mean over speakers and seeds, and the worst speaker."""
    lines = [
        "| | alone | in a session | known | worst speaker, in a session |",
        "|---|---|---|---|---|",
    ]
    for name, by_way in result["conditions"].items():
        means = " | ".join(f"{by_way[how]['mean']:.2f}" for how in ("alone", "session", "known"))
        lines.append(f"| {name} | {means} | {by_way['session']['worst']:.2f} |")
    return "\n".join(lines)


def settings(result: Result) -> str:
    """What was chosen in the folds, in words."""
    folds = [fold for name, fold in result["settings"].items() if name != "shipped"]
    words = {"weight_decay": "weight decay", "centred": "centred", "prior_s": "prior in seconds"}
    told = []
    for name, title in words.items():
        counts = Counter(f"{fold[name]:g}" for fold in folds)
        told.append(f"{title} " + ", ".join(f"{value} ({n} ×)" for value, n in sorted(counts.items())))
    scores = list(result["scores"].values())
    return (
        f"Chosen within the {len(folds)} folds: {'; '.join(told)}. Among the speakers that the shipped model learned from, the settings"
        f" lie between {min(scores):.3f} and {max(scores):.3f}."
    )


def doubt(result: Result) -> str:
    """What is said of the words that are withheld."""
    unsure = result["unsure"]
    return (
        f"Below a certainty of {result['unsure_below']:.2f} the word is *unsure*: over all conditions {unsure['share']:.1%} of the"
        f" words, of which {unsure['right_of_unsure']:.0%} would have been right. Of the words told {unsure['right_of_told']:.1%} are"
        f" right, of all {unsure['right_of_all']:.1%}."
    )


def row(result: Result) -> str:
    """The README's."""
    clean, noise = (result["conditions"][name] for name in ("clean", "noise, 15 dB"))
    said = "; ".join(
        f"{words} {item['alone']['mean']:.3f}, in a session {item['session']['mean']:.3f}"
        for words, item in (("clean", clean), ("in noise at 15 dB", noise))
    )
    about = "linear classes on a voice encoder (1.4 million parameters)"
    measured = f"unweighted average recall, leave one speaker out: {said}"
    return f"| emotion | {about} | {measured} | chance 0.25; [conditions](docs/emotion.md) |"


def write_page(result: Result) -> None:
    """Put the table between its marks in the page, and the row into the README."""
    lines = README.read_text("utf-8").split("\n")
    written = [row(result) if line.startswith("| emotion | ") else line for line in lines]
    README.write_text("\n".join(written), "utf-8")
    text = PAGE.read_text("utf-8")
    before, _, rest = text.partition("<!-- figures -->\n")
    _, mark, after = rest.partition("<!-- end of figures -->")
    PAGE.write_text(
        f"{before}<!-- figures -->\n{table(result)}\n\n{settings(result)}\n\n{doubt(result)}\n{mark}{after}",
        "utf-8",
    )


if __name__ == "__main__":
    main()
