"""What ``python -m models VERB separation`` does. The window calls the same functions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from models import audio, checkpoint
from models.errors import UserError
from models.progress import Progress
from models.remarks import told
from models.resources import resource
from models.separation import evaluation, published
from models.separation.results import DEFAULTS, Separated, SeparationOptions
from models.separation.separator import Separator
from models.separation.tables import write_evaluation, write_tracks


def use(
    choice: str | Path,
    inputs: Sequence[str | Path],
    out: str | Path,
    device: str = "auto",
    progress: Progress | None = None,
    options: SeparationOptions = DEFAULTS,
) -> dict[str, Any]:
    """Separate files and folders into the folder `out`: a folder of tracks for each, and ``tracks.csv``.

    A recording that cannot be read is left out and told under ``skipped``; if none can, that is an error.
    """
    progress = progress or Progress()
    paths = audio.find_audio(inputs)
    if not paths:
        raise UserError(
            "There are no sound files in {place}.",
            "Looked for {suffixes}.",
            "Choose files, or a folder that holds some.",
            place=", ".join(map(str, inputs)),
            suffixes=", ".join(sorted(audio.AUDIO_SUFFIXES)),
        )
    separator = Separator.load(choice, device, progress=progress.part(0, 0.02))
    done: list[Separated] = []
    skipped: list[dict[str, str]] = []
    for number, (path, name) in enumerate(zip(paths, _names(paths), strict=True)):
        part = progress.part(0.02 + 0.98 * number / len(paths), 0.02 + 0.98 * (number + 1) / len(paths))
        try:
            one = separator.separate_file(path, Path(out) / name, options, progress=part)
        except UserError as error:
            skipped.append({"path": str(path), "reason": str(error)})
            print(f"Skipped: {error}")
            continue
        done.append(one)
        print(f"{path.name}: {', '.join(track.name for track in one.tracks)} ({one.seconds:.1f} s)")
        for remark in one.remarks:
            print(f"  {remark}")
    if not done:
        raise UserError(
            "None of the {count} files could be separated.",
            "{reason}",
            "Choose other files.",
            count=len(paths),
            reason=skipped[0]["reason"],
        )
    write_tracks(Path(out) / "tracks.csv", done)
    rows = [{"mixture": str(one.mixture), "tracks": [str(track) for track in one.tracks]} for one in done]
    return {"out": str(out), "files": rows, "skipped": skipped}


def _names(paths: Sequence[Path]) -> list[str]:
    """One folder name a recording, numbered where two have the same."""
    names: list[str] = []
    for path in paths:
        name, number = path.stem, 2
        while name in names:
            name, number = f"{path.stem} ({number})", number + 1
        names.append(name)
    return names


def evaluate(
    choice: str | Path,
    path: str | Path,
    out: str | Path | None = None,
    device: str = "auto",
    progress: Progress | None = None,
) -> dict[str, Any]:
    """The figures of a checkpoint on 200 fixed mixtures of speakers it never met, or on ready-made test mixtures; each is
    heard as often as is usual.

    With `out`, also as ``figures.json`` and ``items.csv``.
    """
    separator = Separator.load(choice, device)
    figures, rows = evaluate_with(separator, path, progress or Progress())
    if out is not None:
        write_evaluation(Path(out), figures, rows)
    say(figures)
    return figures


def evaluate_with(
    separator: Separator,
    path: str | Path,
    progress: Progress,
    options: SeparationOptions = DEFAULTS,
    count: int = 200,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """(figures, one row a mixture) of a loaded separator."""
    fixed = evaluation.judged_set(separator.info, path, count, progress.part(0, 0.1))
    rows = list(
        evaluation.judged(
            lambda wave, rate: separator.separate(wave, rate, options, one_pass=True), fixed, progress.part(0.1, 1.0)
        )
    )  # fmt: skip
    return {"of": fixed.whose, **evaluation.summed_up(rows)}, rows


def say(figures: dict[str, Any]) -> None:
    """Print the figures of an evaluation."""
    print(f"SI-SDRi {figures['si_sdri']:.2f} dB over {figures['mixtures']} mixtures of {figures['of']}")
    for name, value in figures.items():
        if isinstance(value, dict):
            print(f"  {name}: {value['si_sdri']:.2f} dB, {value['mixtures']} mixtures")
    rest = [f"{name.upper().replace('_', '-')} {figures[name]:.2f}" for name in ("si_sdr", "sdr", "sdri", "stoi", "pesq") if name in figures]  # fmt: skip
    print("  " + ", ".join(rest))


def import_file(path: Path, out: Path) -> dict[str, Any]:
    """Bring in a state dict of torchaudio's ConvTasNet or a checkpoint file of Asteroid, by its names."""
    found = published.imported(checkpoint.load_foreign(path), path.stem)
    checkpoint.save(out, found.weights, found.info)
    print(f"Imported into {out}")
    return told({"checkpoint": str(out)}, found.remarks)


def export_file(choice: str | Path, out: Path) -> dict[str, Any]:
    """Write the weights as a state dict of `torchaudio.models.ConvTasNet` (``.pt`` or ``.safetensors``).

    Returns its class's arguments, too. Raises UserError for networks that torchaudio's class cannot compute.
    """
    import io

    import torch
    from safetensors.torch import save

    from models.datafiles import write_whole

    separator = Separator.load(choice)
    arguments, weights = published.for_torchaudio(separator.network.config, separator.network.state_dict())
    weights = {name: weight.cpu().contiguous() for name, weight in weights.items()}
    if out.suffix == ".safetensors":
        write_whole(out, save(weights))
    else:
        buffer = io.BytesIO()
        torch.save(weights, buffer)
        write_whole(out, buffer.getvalue())
    print(
        f"{out}: torchaudio.models.ConvTasNet(" + ", ".join(f"{k}={v!r}" for k, v in arguments.items()) + ")"
    )
    return {"file": str(out), "arguments": arguments, "sample_rate": separator.sample_rate}


def describe(choice: str | Path | None, out: str | Path | None = None) -> dict[str, Any]:
    """Print the network's layers with their parameters; of the default preset where no checkpoint is named."""
    from models.separation import network
    from models.separation.config import SeparationConfig
    from models.separation.task import network_config

    if choice is None:
        config = network_config(SeparationConfig())
    else:
        config = Separator.load(choice).network.config
    built = network.build(config)
    total = sum(parameter.numel() for parameter in built.parameters())
    layers = [("encoder", built.encoder), *built.mask_generator.named_children(), ("decoder", built.decoder)]
    for name, child in layers:
        print(f"{name:24} {type(child).__name__:24} {sum(p.numel() for p in child.parameters()):>12,}")
    print(f"{'together':49} {total:>12,}")
    print(f"An output frame is made from {config.receptive_field} frames of {config.stride} samples.")
    return {"parameters": total, "receptive_field": config.receptive_field}


def bundled() -> Path:
    """The checkpoint folder that ships."""
    return resource("checkpoints", "separation")
