"""Judge the recipe of the bundled emotion model on people it never heard, in places it never was: ``make figures EMODB=…``.

python tools/evaluate_emotion.py --data EMODB --work FOLDER [--seeds 1 2 3]

Every speaker is left out once and everything is learned from the others. What is held out is judged under several
conditions, three ways: alone; in a session, against the running mean of what the person said so far; and known, against
the mean of all they say. The figures go to ``docs/figures/emotion.json``, from which the table of ``docs/emotion.md`` is
written. The temperature is fitted on the held-out speakers; how certain and how right they are is told with a temperature
fitted on the others.
"""

from __future__ import annotations

import argparse
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch

from models import audio, checkpoint
from models.emotion import data, network
from models.emotion.config import EmotionConfig
from models.emotion.degrade import NOISES, Scene
from models.emotion.doubt import fitted_threshold
from models.emotion.features import SAMPLE_RATE, Voice
from models.emotion.person import Person
from models.emotion.speakers import calibration
from models.emotion.task import EmotionTask
from models.settings import validated
from models.tables import write_json
from models.training.config import preset
from models.training.folds import train_fold

ROOT = Path(__file__).resolve().parent.parent
FIGURES, PAGE = ROOT / "docs" / "figures" / "emotion.json", ROOT / "docs" / "emotion.md"
README = ROOT / "README.md"
WINDOW_S = 3.0
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
    """Train and judge on the data set at `place`; write figures, page and row. What is computed on the way lies in `work`."""
    dataset = data.open_dataset(place)
    utterances, labels = dataset.utterances, list(dataset.labels)
    speakers = np.array([utterance.speaker for utterance in utterances])
    truth = np.array([labels.index(utterance.emotion) for utterance in utterances])
    figures = {name: heard(name, utterances, work) for name in CONDITIONS}
    logits: dict[str, dict[str, list[np.ndarray]]] = {name: {} for name in CONDITIONS}
    for seed in seeds:
        outcome: dict[str, dict[str, list[Any]]] = {
            name: {how: [] for how in ("alone", "session", "known")} for name in CONDITIONS
        }
        for speaker in sorted(set(speakers)):
            trained = fold(place, work, speaker, seed)
            mine = np.flatnonzero(speakers == speaker)
            for name in CONDITIONS:
                for how, item in judged(trained, figures[name][mine], seed).items():
                    outcome[name][how].append((mine, item))
        for name in CONDITIONS:
            for how, parts in outcome[name].items():
                whole = np.zeros((len(truth), len(labels)))
                for mine, item in parts:
                    whole[mine] = item
                logits[name].setdefault(how, []).append(whole)
    result = summed_up(logits, truth, speakers, labels)
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
        frames = torch.from_numpy(front_end.features(scene.heard(sound, random)))
        mask = torch.ones(1, len(frames), dtype=torch.bool)
        rows.append(torch.cat(network.moments(frames[None], mask), dim=-1)[0].numpy())
    result = np.stack(rows)
    work.mkdir(parents=True, exist_ok=True)
    np.save(kept, result)
    return result


def fold(place: str, work: Path, speaker: str, seed: int) -> network.LinearClassifier:
    """The recipe trained on everybody else."""
    values = preset("emotion", "bundled") | {"seed": seed}
    values["data"] = values["data"] | {"path": place, "test_speakers": [speaker]}
    run = train_fold(
        work / f"{speaker}-{seed}", "emotion", validated(EmotionConfig, values), EmotionTask, "cpu"
    )
    weights, info = checkpoint.load(run.best, "emotion")
    built = network.build(network.NetworkConfig(**info.network))
    checkpoint.fit(built, weights)
    assert isinstance(built, network.LinearClassifier)
    return built.eval()


@torch.inference_mode()
def judged(trained: network.LinearClassifier, figures: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """Logits [clips, classes] of one person's clips, each way; in a session in an order that the seed draws."""
    usual = trained.usual.numpy()

    def against(rows: np.ndarray, reference: np.ndarray) -> np.ndarray:
        result: np.ndarray = trained.judged(torch.from_numpy(rows), torch.from_numpy(reference)).numpy()
        return result

    person, said = Person(), np.zeros((len(figures), trained.emotion_classifier.out_features), np.float32)
    for index in np.random.default_rng(seed).permutation(len(figures)):
        person.hear(figures[index], WINDOW_S)
        said[index] = against(figures[index : index + 1], person.reference(usual))[0]
    return {
        "alone": against(figures, usual),
        "session": said,
        "known": against(figures, figures.mean(0)),
    }


def summed_up(logits: Any, truth: np.ndarray, speakers: np.ndarray, labels: list[str]) -> Result:
    """Recall by condition, way and speaker, over seeds; the temperature, and the calibration error with and without."""
    names = sorted(set(speakers))
    conditions: Result = {}
    for name, ways in logits.items():
        conditions[name] = {}
        for how, seeds in ways.items():
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


def recall(logits: np.ndarray, truth: np.ndarray) -> float:
    """Unweighted average recall of the classes with the largest logits [n, classes]."""
    said = logits.argmax(1)
    return float(np.mean([(said[truth == label] == label).mean() for label in np.unique(truth)]))


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
    for name, ways in result["conditions"].items():
        means = " | ".join(f"{ways[how]['mean']:.2f}" for how in ("alone", "session", "known"))
        lines.append(f"| {name} | {means} | {ways['session']['worst']:.2f} |")
    return "\n".join(lines)


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
    PAGE.write_text(f"{before}<!-- figures -->\n{table(result)}\n\n{doubt(result)}\n{mark}{after}", "utf-8")


if __name__ == "__main__":
    main()
