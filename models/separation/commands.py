"""What ``python -m models VERB separation`` does and prints."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from models import audio, file_names, given
from models.contract import Paths, Result
from models.describing import describe_layers, layers_of
from models.errors import UserError
from models.loading import Choice, write_state_dict
from models.progress import Progress
from models.remarks import Skipped, with_remarks
from models.separation import evaluation, judging, network, published, target
from models.separation.config import SeparationConfig
from models.separation.metrics import score_tracks
from models.separation.options import UseOptions
from models.separation.results import DEFAULTS, Separated, SeparationOptions
from models.separation.samples import sample_mixtures
from models.separation.separator import Separator
from models.separation.tables import write_evaluation, write_scores, write_tracks
from models.separation.task import network_config


def use(
    choice: Choice,
    inputs: Paths,
    out: str | Path,
    options: SeparationOptions = DEFAULTS,
    device: str = "auto",
    progress: Progress | None = None,
) -> Result:
    """Separate files and folders into the folder `out`: a folder of tracks for each, and ``tracks.csv``.

    A recording that cannot be read is left out and told under ``skipped``; if none can, that is an error. With
    references (of one recording), their scores are told and written as ``scores.csv``. With a `voice`, a recording becomes
    that voice and the rest.
    """
    progress = progress or Progress()
    asked = options if isinstance(options, UseOptions) else UseOptions(**options.model_dump())
    given.check_result_folder(out)
    paths = audio.find_audio(given.with_sample(inputs, [item.mixture for item in sample_mixtures()]))
    if asked.references and len(paths) != 1:
        raise UserError(
            "References belong to one recording.",
            "{count} were given.",
            "Separate one recording with its references.",
            count=len(paths),
        )
    wanted = target.of_words(asked.voice) if asked.voice else None
    separator = Separator.load(choice, device, progress.part(0, 0.02))
    done: list[Separated] = []
    rows: list[Result] = []
    skipped: list[Skipped] = []
    for number, (path, name) in enumerate(zip(paths, _names(paths), strict=True)):
        part = progress.part(0.02 + 0.98 * number / len(paths), 0.02 + 0.98 * (number + 1) / len(paths))
        try:
            separated = separator.separate_file(path, Path(out) / name, asked, progress=part.part(0, 0.9))
            separated, row = judging.judged(separated, asked, wanted, part.part(0.9, 1))
        except UserError as error:
            skipped.append(Skipped.by(path, error))
            given.say_skipped(skipped[-1], len(paths))
            continue
        done.append(separated)
        rows.append(row)
        judging.say(separated, row)
    if not done:
        raise given.none_usable(skipped)
    write_tracks(Path(out) / "tracks.csv", done)
    if asked.references:
        rows[0]["scores"] = _scored(done[0], asked.references, Path(out))
    return {"out": str(out), "files": rows, "skipped": [item.as_dict() for item in skipped]}


def _scored(separated: Separated, references: Sequence[str], out: Path) -> list[dict[str, Any]]:
    """How near the tracks come to the references; written as ``scores.csv``, and printed."""
    rate = separated.sample_rate
    mixture, *sounds = (
        audio.read_part(path, 0, None, rate)
        for path in (separated.mixture, *map(Path, references), *separated.tracks)
    )
    true, tracks = sounds[: len(references)], sounds[len(references) :]
    frames = min(len(mixture), *map(len, sounds))
    scores = score_tracks(
        mixture[:frames], [part[:frames] for part in true], [part[:frames] for part in tracks], rate
    )
    write_scores(out / "scores.csv", scores, [Path(reference) for reference in references])
    for reference, score in zip(references, scores, strict=True):
        gained = "not defined" if score.si_sdri is None else f"{score.si_sdri:+.1f} dB"
        print(f"  {Path(reference).name}: track {score.track + 1}, SI-SDR improved by {gained}")
    return [{"reference": str(path), **vars(score)} for path, score in zip(references, scores, strict=True)]


def _names(paths: Sequence[Path]) -> list[str]:
    """One folder name a recording, numbered where two have the same."""
    names: list[str] = []
    for path in paths:
        stem = file_names.folder_name(path)
        name, number = stem, 2
        while name in names:
            name, number = f"{stem} ({number})", number + 1
        names.append(name)
    return names


def evaluate(
    choice: Choice,
    data: str | Path,
    out: str | Path | None = None,
    options: SeparationOptions = DEFAULTS,
    device: str = "auto",
    progress: Progress | None = None,
) -> Result:
    """The metrics of a model on 200 fixed mixtures of speakers it never met, or on ready-made test mixtures.

    With `out`, also as ``figures.json`` and ``items.csv``.
    """
    separator = Separator.load(choice, device, progress)
    metrics, rows = evaluation.evaluate_with(separator, data, progress or Progress(), options)
    if out is not None:
        write_evaluation(Path(out), metrics, rows)
    say(metrics)
    return with_remarks(metrics, separator.remarks)


def say(metrics: dict[str, Any]) -> None:
    """Print the figures of an evaluation."""
    print(f"SI-SDRi {metrics['si_sdri']:.2f} dB over {metrics['mixtures']} mixtures of {metrics['of']}")
    for name, value in metrics.items():
        if isinstance(value, dict):
            print(f"  {name}: {value['si_sdri']:.2f} dB, {value['mixtures']} mixtures")
    names = [name for name in ("si_sdr", "sdr", "sdri", "stoi", "pesq") if name in metrics]
    rest = [f"{name.upper().replace('_', '-')} {metrics[name]:.2f}" for name in names]
    print("  " + ", ".join(rest))


def export(choice: Choice, out: Path) -> Result:
    """Write the weights as a state dict of `torchaudio.models.ConvTasNet` (``.pt`` or ``.safetensors``).

    Returns its class's arguments, too. Raises UserError for networks that torchaudio's class cannot compute.
    """
    separator = Separator.load(choice, "cpu")
    arguments, weights = published.for_torchaudio(separator.network.config, separator.network.state_dict())
    write_state_dict(out, weights)
    print(
        f"{out}: torchaudio.models.ConvTasNet(" + ", ".join(f"{k}={v!r}" for k, v in arguments.items()) + ")"
    )
    return {"file": str(out), "arguments": arguments, "sample_rate": separator.sample_rate}


def describe(choice: Choice | None = None, out: str | Path | None = None) -> Result:
    """The network's layers with their parameters; of the default preset where no model is named."""
    if choice is None:
        config = network_config(SeparationConfig())
    else:
        config = Separator.load(choice, "cpu").network.config
    built = network.build(config)
    encoder, _separator, decoder = layers_of(built)
    layers = [encoder, *layers_of(built.mask_generator), decoder]
    field = f"Receptive field: {config.receptive_field} frames of {config.stride} samples."
    return {**describe_layers(layers, out, [field]), "receptive_field": config.receptive_field}


def mixtures(
    data: str | Path,
    out: str | Path,
    choice: Choice = "bundled",
    count: int = 200,
    progress: Progress | None = None,
) -> Result:
    """Write the fixed mixtures that a model would be judged on, in LibriMix's layout: folders of sounds and a CSV."""
    info = Separator.load(choice, "cpu").info
    fixed = evaluation.judged_set(info, data, count, progress)
    table = evaluation.write_librimix(Path(out), fixed)
    print(f"{len(fixed.mixtures)} mixtures of {fixed.whose}: {table}")
    return {"out": str(out), "mixtures": len(fixed.mixtures), "table": str(table)}
