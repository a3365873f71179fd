"""What ``python -m models VERB emotion`` does and prints."""

from __future__ import annotations

import os
from collections.abc import Sequence
from copy import copy
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from models import audio, given, voice_profiles
from models.contract import Paths, Result
from models.describing import describe_layers, layers_of
from models.emotion import groups, labels, network
from models.emotion.config import EmotionConfig
from models.emotion.doubt import TRUSTED_SNR_DB, UNSURE, threshold
from models.emotion.evaluation import compared_with, evaluate_with
from models.emotion.export import write_quantised
from models.emotion.file_prediction import FilePrediction
from models.emotion.network_wanted import network_config
from models.emotion.options import ALONE, USUAL, EmotionOptions, JudgingOptions
from models.emotion.person import Person
from models.emotion.recognizer import Recognizer
from models.emotion.samples import sample_list
from models.emotion.tables import write_evaluation
from models.errors import UserError
from models.file_names import shown
from models.loading import Choice, read_info
from models.loading import network_config as described_config
from models.progress import Progress
from models.remarks import Remark, Skipped, with_remarks


def use(
    choice: Choice,
    inputs: Paths,
    out: str | Path,
    options: EmotionOptions = USUAL,
    device: str = "auto",
    progress: Progress | None = None,
) -> Result:
    """Recognise files and folders and write the table: ``path, start_s, end_s, label``, a probability a class and a value a
    dimension; or Audacity's labels, RTTM or ELAN's annotations, as the ending of `out` says.

    A file that cannot be read is left out of the table and told under ``skipped``; if none can, that is an error.
    """
    progress = progress or Progress()
    given.check_result_file(out)
    paths, named = _inputs(inputs, options)
    recognizer = Recognizer.load(choice, device, progress)
    known = _known(recognizer, options)
    predictions, skipped = _recognised(recognizer, paths, known, options, progress)
    people = [""] * len(predictions)
    if options.people != "file":
        people, predictions = groups.grouped(recognizer, predictions, options.people, named)
    changed = sum(prediction.label != prediction.label_alone for prediction in predictions)
    labels.write(Path(out), predictions, recognizer.labels, options.by, recognizer.dimensions)
    print(f"{given.counted(len(predictions), 'file')}, {len(skipped)} skipped: {out}")
    if known is not None or options.people != "file":
        print(f"Of {len(predictions)} words {changed} would be others without knowing the voice.")
    unsure = sum(prediction.label == UNSURE for prediction in predictions)
    if unsure:
        print(f"Of {len(predictions)} words {unsure} are too uncertain to be told.")
    result = {
        "out": str(out),
        "files": len(predictions),
        "skipped": [item.as_dict() for item in skipped],
        "labels": list(recognizer.labels),
        "recognised": {shown(prediction.path): prediction.label for prediction in predictions},
        "unsure": unsure,
        "unsure_below": threshold(options.unsure_below, recognizer.unsure_below),
        "snr_db": {
            shown(prediction.path): round(prediction.snr_db, 1)
            for prediction in predictions
            if np.isfinite(prediction.snr_db)
        },
    }
    if recognizer.dimensions:
        result["dimensions"] = {
            shown(item.path): dict(
                zip(recognizer.dimensions, item.mean_dimensions.round(4).tolist(), strict=True)
            )
            for item in predictions
            if item.spoken
        }
    if known is not None:
        result |= {"changed_by_voice": changed, "voice_s": round(known.speech_s, 3)}
    if options.people != "file":
        result |= {"changed_by_voice": changed, "people_by": options.people}
        result["people"] = {shown(item.path): name for item, name in zip(predictions, people, strict=True)}
    of_files = audio.named_remarks([prediction.path for prediction in predictions])
    return with_remarks(result, (*recognizer.remarks, *_noisy(predictions), *of_files))


def _recognised(
    recognizer: Recognizer,
    paths: list[Path],
    known: Person | None,
    options: EmotionOptions,
    progress: Progress,
) -> tuple[list[FilePrediction], list[Skipped]]:
    """What the files come to, and those that cannot be read. Raises UserError where none can."""
    predictions: list[FilePrediction] = []
    skipped: list[Skipped] = []
    for number, path in enumerate(paths):
        part = progress.part(number / len(paths), (number + 1) / len(paths))
        try:
            person = known if options.running or known is None else copy(known)
            predictions.append(recognizer.recognize(path, part, options.hop_s, person, options.unsure_below))
        except UserError as error:
            skipped.append(Skipped.by(path, error))
            given.say_skipped(skipped[-1], len(paths))
    if not predictions:
        raise given.none_usable(skipped)
    return predictions, skipped


def _noisy(predictions: list[FilePrediction]) -> tuple[Remark, ...]:
    """What to know of files with too much noise in them."""
    names = [prediction.path.name for prediction in predictions if prediction.noisy]
    if not names:
        return ()
    return (
        Remark(
            "Speech is less than {least} dB above the noise in {name} ({count} such files in all): do not trust the words.",
            count=len(names),
            name=names[0],
            least=f"{TRUSTED_SNR_DB:g}",
        ),
    )


def _inputs(inputs: Paths, options: EmotionOptions) -> tuple[list[Path], dict[Path, str]]:
    """The sound files; and who speaks in them, where tables were given that say so (`--people column`)."""
    sample = sample_list()
    if options.people != "column":
        return audio.find_audio(given.with_sample(inputs, [sample.parent])), {}
    tables = given.with_sample(inputs, [sample])
    named = {path: name for table in tables for path, name in groups.listed(Path(table)).items()}
    return list(named), named


def _known(recognizer: Recognizer, options: EmotionOptions) -> Person | None:
    """The person whom the files are heard against; None where the options name none. Raises UserError."""
    if not options.running and not options.voice and options.people == "file":
        return None
    if not recognizer.knows_people:
        raise UserError(
            "The model {title} does not get to know people.",
            "It hears everybody alike, so that neither --running nor --voice nor --people changes anything.",
            "Choose the model that ships (bundled), or train one with the front end voice.",
            title=recognizer.info.title,
        )
    if options.people != "file":
        if options.running or options.voice:
            raise UserError(
                "Files cannot be heard against two things at once.",
                "--people groups the files by who speaks; --running and --voice say that one person does.",
                "Leave one of them out.",
            )
        return None
    return _person_of(recognizer, options.voice) if options.voice else Person()


def _person_of(recognizer: Recognizer, words: Sequence[str]) -> Person:
    """Who is meant by the name of a kept voice, by clips of them, or by both. Raises UserError."""
    clips = [word for word in words if os.path.exists(word)]
    names = [word for word in words if word not in clips]
    if len(names) > 1:
        raise UserError(
            "The files are heard against one person.",
            "There is no sound file with one of these names, and no two kept voices are one person: {names}.",
            "Name one voice, and correct the paths of clips.",
            names=", ".join(map(shown, names)),
        )
    person = _kept_person(recognizer, names[0]) if names else Person()
    return recognizer.learn_voice(audio.find_audio(clips), person=person)


def _kept_person(recognizer: Recognizer, name: str) -> Person:
    """The person whose voice is kept under a name, as far as this model knows them. Raises UserError."""
    profile = voice_profiles.named(name)
    if profile is None:
        raise UserError(
            "There is no voice {name}.",
            "It is neither a sound file nor the name of a voice that is kept; kept are: {kept}.",
            "Choose one of these, or clips of the person.",
            name=shown(name),
            kept=", ".join(profile.name for profile in voice_profiles.profiles()) or "–",
        )
    mean = profile.features.get(recognizer.features_identity)
    if mean is None:
        raise UserError(
            "The voice of {name} is new to the model {title}.",
            "It was kept in Separation, or for a model that hears other features.",
            "Keep it once more in Emotion's Live with this model, or give clips of the person.",
            name=profile.name,
            title=recognizer.info.title,
        )
    return Person.known_by(mean)


def evaluate(
    choice: Choice,
    data: str | Path,
    out: str | Path | None = None,
    options: JudgingOptions = ALONE,
    device: str = "auto",
    progress: Progress | None = None,
) -> Result:
    """The metrics of a model on labelled data; with `out`, also as ``figures.json``, ``speakers.csv``, ``items.csv``."""
    progress = progress or Progress()
    recognizer = Recognizer.load(choice, device, progress)
    whole = progress.part(0, 0.5) if options.against else progress
    evaluation, items = evaluate_with(recognizer, data, whole)
    if out is not None:
        write_evaluation(Path(out), evaluation, items)
    print(
        f"unweighted average recall {evaluation.uar:.3f}, accuracy {evaluation.accuracy:.3f}, {len(items)} utterances"
    )
    for item in evaluation.by_speaker:
        print(f"  speaker {item.speaker}: recall {item.uar:.3f}, accuracy {item.accuracy:.3f}, n = {item.n}")
    for agreed in evaluation.degrees:
        print(f"{agreed.name}: CCC {agreed.ccc:.3f}, {agreed.n} utterances")
        for speaker, ccc in agreed.by_speaker.items():
            print(f"  speaker {speaker}: CCC {ccc:.3f}")
    result = evaluation.as_dict()
    if options.against:
        comparison = compared_with(evaluation, options.against, data, device, progress.part(0.5, 1))
        result["compared"] = asdict(comparison) | {"against": options.against}
        print(
            f"{options.against} minus this model: recall {comparison.difference:+.3f} over {comparison.speakers} speakers,"
            f" p = {comparison.permutation_p:.3f} by permutation over speakers; right alone: {comparison.only_second} against"
            f" {comparison.only_first} of {comparison.n} utterances, p = {comparison.mcnemar_p:.3f} by McNemar"
        )
    return with_remarks(result, (*recognizer.remarks, *evaluation.remarks))


def export(choice: Choice, out: Path) -> Result:
    """Write the model with 8-bit weights, and say what that costs. Raises UserError for models that cannot have them."""
    result, words = write_quantised(choice, out)
    print(f"{out}: {result['megabytes_int8']:.2f} MB instead of {result['megabytes']:.2f} MB")
    print(words)
    return result


def describe(choice: Choice | None = None, out: str | Path | None = None) -> dict[str, Any]:
    """The network's layers with their parameters; of the default preset where no model is named."""
    if choice is None:
        config = network_config(EmotionConfig(), feature_dim=80, classes=4, speakers=6)
    else:
        info = read_info(choice, "emotion")
        config = described_config(network.NetworkConfig, info.network, info.title)
    return describe_layers(layers_of(network.build(config)), out)
