"""What ``python -m models VERB eeg`` does and prints."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from models import checkpoint, given
from models.checkpoint import CheckpointInfo
from models.contract import Paths, Result
from models.datafiles import write_whole
from models.describing import describe_layers, layers_of
from models.eeg import bids, ensembles, members, network
from models.eeg.alignment import align
from models.eeg.annotations import write_annotations
from models.eeg.cleaning import Cleaning
from models.eeg.correlation import pearson
from models.eeg.decoder import Decoder, Decoding
from models.eeg.evaluation import evaluate_with
from models.eeg.history import History
from models.eeg.mne_code import script
from models.eeg.network import NetworkConfig
from models.eeg.options import USUAL, DecodingOptions
from models.eeg.printing import say
from models.eeg.recordings import Recording, open_recording
from models.eeg.samples import sample_file
from models.eeg.stimulus import read_stimulus
from models.eeg.tables import decoded_bytes, write_evaluation
from models.file_names import own_names
from models.loading import UNBUILDABLE, Choice, not_described, open_model, read_info
from models.progress import Progress
from models.remarks import Remark, distinct, with_remarks
from models.settings import NO_OPTIONS, Options

ALSO = {"annotations": ".csv", "history": ".json", "script": ".py"}


def use(
    choice: Choice,
    inputs: Paths,
    out: str | Path,
    options: DecodingOptions = USUAL,
    device: str = "auto",
    progress: Progress | None = None,
) -> Result:
    """Decode recordings into NPZ: ``envelope`` [time] or [n, time], ``fs``, and how the EEG was preprocessed as JSON text.

    One input is written to `out`, several into the folder `out` under their names; a BIDS folder is its recordings. With a stimulus or candidates, what
    the decoded envelope is compared with is told in each row.
    """
    progress = progress or Progress()
    paths = _recordings(inputs, options)
    (given.check_result_file if len(paths) == 1 else given.check_result_folder)(out)
    decoder = Decoder.load(choice, device, progress)
    history = History.load(Path(options.history)) if options.history else None
    cleaning = cleaning_of(options)
    written = []
    names = own_names(paths)
    for number, path in enumerate(paths):
        portion = progress.part(number / len(paths), (number + 1) / len(paths))
        opened = open_recording(path)
        trials = opened.trials or (opened,)
        portions = [portion.part(n / len(trials), (n + 1) / len(trials)) for n in range(len(trials))]
        parts = [
            decoder.decode_recording(trial, options.subject or None, cleaning, history, step)
            for trial, step in zip(trials, portions, strict=True)
        ]
        place = Path(out) if len(paths) == 1 else Path(out) / f"{names[number]}.npz"
        envelopes = [part.envelope for part in parts]
        write_whole(place, decoded_bytes(np.stack(envelopes) if opened.trials else envelopes[0], parts[0]))
        row: Result = {
            "input": str(path),
            "out": str(place),
            "seconds": opened.duration_s,
            "trials": len(parts),
        }
        r, cut = _r_where_known(decoder, opened, parts)
        if r is not None:
            row["r"] = r
        row["also"] = _written_beside(place, opened, parts, options.also)
        compared, remarks = _compared(decoder, parts[0], options)
        row |= compared
        remarks = [*decoder.remarks, *(remark for part in parts for remark in part.remarks), *cut, *remarks]
        row["remarks"] = [str(remark) for remark in distinct(remarks)]
        written.append(row)
        for text in row["remarks"]:
            print(f"{path.name}: {text}")
        print(f"{path.name}: {place}" + (f", r {r:.3f} with its envelope" if r is not None else ""))
    return {"out": str(out), "files": written, "checkpoint": decoder.info.title}


def _recordings(inputs: Paths, options: DecodingOptions) -> list[Path]:
    """The recordings that are meant, those of BIDS as the options choose them."""
    chosen = given.with_sample(inputs, [sample_file()])
    entities = (options.participant, options.session, options.task, options.run)
    return bids.expanded(chosen, **dict(zip(("sub", "ses", "task", "run"), entities, strict=True)))


def cleaning_of(options: DecodingOptions) -> Cleaning:
    """What the options ask for beyond the decoder's settings."""
    return Cleaning(
        reference=options.reference or None,
        notch_hz=options.notch_hz or None,
        ica=True if options.ica else None,
        bad=options.bad_channels,
        find_bad=options.find_bad,
    )


def _written_beside(
    place: Path, opened: Recording, parts: Sequence[Decoding], wanted: Sequence[str]
) -> dict[str, str]:
    """What else is written of a recording: kind → path. Of several trials, history and script are the first one's."""
    history, first = parts[0].history, opened.trials[0] if opened.trials else opened
    written = {}
    for kind in wanted:
        path = place.with_name(f"{place.stem}.{kind}{ALSO[kind]}")
        if kind == "annotations":
            write_annotations(path, opened.annotations)
        elif kind == "history":
            history.save(path)
        else:
            write_whole(path, script(first, history).encode())
        written[kind] = str(path)
    return written


def _r_where_known(
    decoder: Decoder, opened: Recording, parts: Sequence[Decoding]
) -> tuple[float | None, list[Remark]]:
    """(mean r of the trials with the envelopes that the recording holds, or None where it holds none; what was cut for it)."""
    known = [trial.envelope for trial in opened.trials or (opened,)]
    if opened.sample_rate != decoder.sample_rate or any(item is None for item in known):
        return None, []
    result, remarks = [], []
    for part, true in zip(parts, known, strict=True):
        assert true is not None
        both = align(part.envelope[:, None], true, decoder.sample_rate)
        result.append(float(pearson(both.eeg[:, 0], decoder.target(both.envelope))))
        remarks += [both.remark] if both.remark else []
    return float(np.mean(result)), remarks


def _compared(decoder: Decoder, decoding: Decoding, options: DecodingOptions) -> tuple[Result, list[Remark]]:
    """What the options ask to compare a decoded envelope with: r with the stimulus, and which candidate was attended."""
    result: Result = {}
    remarks: list[Remark] = []
    rate = decoder.sample_rate
    if options.stimulus:
        aligned_stimulus = align(decoding.envelope[:, None], read_stimulus(options.stimulus, rate), rate)
        comparison = decoder.compare(aligned_stimulus.eeg[:, 0], aligned_stimulus.envelope)
        result["stimulus"] = {"r": comparison.r, "p": comparison.p, "chance": float(np.mean(comparison.null))}
        remarks += [aligned_stimulus.remark] if aligned_stimulus.remark else []
        print(f"  r {comparison.r:.3f} with {Path(options.stimulus).name}, p {comparison.p:.3f}")
    if options.candidates:
        tracks = [read_stimulus(path, rate) for path in options.candidates]
        aligned = [align(decoding.envelope[:, None], track, rate) for track in tracks]
        remarks += [item.remark for item in aligned if item.remark]
        time = min(len(item.envelope) for item in aligned)
        choice = decoder.attended(decoding.envelope[:time], [track[:time] for track in tracks])
        names = [Path(path).name for path in options.candidates]
        result["attended"] = {
            "chosen": names[choice.chosen],
            "r": dict(zip(names, map(float, choice.whole_r), strict=True)),
        }
        print(f"  listened to: {names[choice.chosen]}")
    return result, remarks


def evaluate(
    choice: Choice,
    data: str | Path,
    out: str | Path | None = None,
    options: Options = NO_OPTIONS,
    device: str = "auto",
    progress: Progress | None = None,
) -> Result:
    """The metrics of a model on the test part of a data set, split as it was for its training.

    With `out`, also as ``figures.json`` and ``subjects.csv``.
    """
    decoder = Decoder.load(choice, device, progress)
    evaluation = evaluate_with(decoder, data, progress or Progress())
    if out is not None:
        write_evaluation(Path(out), evaluation)
    say(evaluation)
    return with_remarks(evaluation.as_dict(), (*decoder.remarks, *evaluation.remarks))


def ensemble(choices: Sequence[Choice], out: Path) -> Result:
    """Write a decoder of several, whose outputs are averaged, as one checkpoint. Raises UserError."""
    ensembles.check_choices(choices)
    given.check_checkpoint_folder(out)
    opened = [open_model(choice, "eeg") for choice in choices]
    for item in opened:
        Decoder.of(item, "cpu")  # refuses what could not be used by itself
    weights, info = ensembles.joined(choices, [(item.weights, item.info) for item in opened])
    checkpoint.save(out, weights, info)
    print(f"{info.title}: {out}")
    return {"checkpoint": str(out), "title": info.title, "members": len(choices)}


def describe(choice: Choice | None = None, out: str | Path | None = None) -> Result:
    """A decoder's layers with their parameters; of both versions at full size where no model is named."""
    if choice is not None:
        return _describe_checkpoint(read_info(choice, "eeg"), out)
    result: dict[str, Any] = {}
    for version in ("v1", "v2"):
        print(f"{version}: Conformer")
        built = network.build(NetworkConfig(version=version))
        result[version] = describe_layers(layers_of(built), None if out is None else Path(out) / version)
    print(
        "Published are 46.8 M for v1 and 0.3 to 0.6 M more for v2; the layers they list do not add up to that."
    )
    files = [*result["v1"]["files"], *result["v2"]["files"]]
    totals = {version: item["parameters"] for version, item in result.items()}
    return {**result["v2"], **totals, "files": files}


def _describe_checkpoint(info: CheckpointInfo, out: str | Path | None) -> Result:
    """The layers of a checkpoint's networks; of an ensemble each with its member's number, and who that is under them."""
    try:
        networks, titles = members.fresh(info), [member.title for member in ensembles.members_of(info)]
    except UNBUILDABLE as error:
        raise not_described(info.title, error) from error
    if not ensembles.is_ensemble(info):
        return describe_layers(layers_of(networks[0]), out)
    layers = [
        (f"{number}.{name}", kind, count)
        for number, built in enumerate(networks)
        for name, kind, count in layers_of(built)
    ]
    return describe_layers(layers, out, (f"{number}: {title}" for number, title in enumerate(titles)))
