"""What ``python -m models VERB search`` does and prints, and ``index`` and ``search``."""

from __future__ import annotations

import io
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from models import given
from models.contract import Paths, Result
from models.datafiles import write_whole
from models.describing import describe_layers, layers_of
from models.errors import UserError
from models.loading import Choice, is_foreign_file, network_config, read_info
from models.model_folder import check_foreign
from models.progress import Progress
from models.remarks import Remark, Skipped, with_remarks
from models.search import hash_task, pictures, roots, small_encoder, upkeep
from models.search.config import SearchConfig
from models.search.features import read_features
from models.search.index import Index
from models.search.index_settings import IndexSettings
from models.search.judging import judge
from models.search.network import FusionHashing, NetworkConfig
from models.search.queries import USUAL, Query, SearchOptions
from models.search.reading import decoded
from models.search.samples import emoji_folder
from models.search.searcher import Searcher
from models.settings import NO_OPTIONS, Options
from models.tables import write_json


def index(
    folder: str | Path,
    out: str | Path,
    choice: Choice = "bundled",
    settings: IndexSettings | None = None,
    device: str = "auto",
    progress: Progress | None = None,
) -> Result:
    """Index a folder of pictures, or bring its index up to date."""
    searcher = Searcher.load(choice, device, progress)
    report = searcher.index_folder(folder, out, progress, settings)
    for path, why in report.problems:
        print(f"Skipped: {path}: {why}")
    print(
        f"{report.added} added, {report.moved} moved, {report.changed} changed, {report.removed} removed,"
        f" {report.unchanged} unchanged,"
        f" {len(report.problems)} skipped in {report.seconds:.1f} s: {out}"
    )
    remarks = searcher.remarks
    if not (report.added or report.moved or report.changed or report.unchanged or report.problems):
        remarks = (*remarks, Remark("No picture was found in {folder}.", folder=str(folder)))
    return with_remarks({"out": str(out), **asdict(report)}, remarks)


def upkeep_of(place: str | Path, action: str, folders: Paths = ()) -> Result:
    """Look after an index: ``check``, ``repair``, ``compact``, ``roots``, ``move OLD NEW``, ``drop FOLDER …``.

    Neither model nor encoder is needed. Raises UserError for what cannot be done.
    """
    wanted = {"move": 2, "drop": 1}.get(action, 0)
    if len(folders) < wanted:
        raise UserError(
            "{action} needs to be told which folder.",
            "",
            "Write: upkeep INDEX move OLD NEW, or upkeep INDEX drop FOLDER.",
            action=action,
        )
    if action in ("check", "repair"):
        findings = upkeep.check(place) if action == "check" else upkeep.repair(place)
        for finding in findings:
            print(finding.words)
        print(
            "Nothing is wrong."
            if not findings
            else f"{len(findings)} things {'found' if action == 'check' else 'put right'}."
        )
        return {"findings": [{"what": item.words, "repairable": item.repairable} for item in findings]}
    opened = Index.open(Path(place).expanduser())
    try:
        result: Result = {}
        if action == "move":
            roots.move(opened, folders[0], folders[1])
        elif action == "drop":
            result["dropped"] = sum(roots.drop(opened, folder) for folder in folders)
        elif action == "compact":
            with opened.writing():
                result["bytes"] = upkeep.compact(opened)
            print(f"{result['bytes']:,} bytes given back")
        for folder in opened.folders():
            print(folder)
        return result | {"roots": [str(folder) for folder in opened.folders()], "pictures": len(opened)}
    finally:
        opened.close()


def search(
    place: str | Path,
    query: Query,
    options: SearchOptions = USUAL,
    choice: Choice = "bundled",
    device: str = "auto",
    progress: Progress | None = None,
) -> Result:
    """Search an index with words, pictures, or both; prints one line a result."""
    searcher = Searcher.load(choice, device, progress)
    opened = searcher.open_index(place)
    try:
        results = searcher.search(opened, query, options)
    finally:
        opened.close()
    if results.unknown:
        print(f"The encoder does not know: {', '.join(results.unknown)}")
    if not results.fits:
        print(
            "Nothing here seems to fit."
            if not results.hits
            else "Nothing here seems to fit; these are the nearest."
        )
    for hit in results.hits:
        columns = f"{hit.id:6d}  {hit.score:6.3f}  {hit.percentile:3.0f}%  {hit.distance:3d}/{results.bits}"
        print(f"{columns}  {hit.path}  {hit.caption}  ({', '.join(hit.why)})")
    hits = [
        {
            "id": hit.id,
            "path": str(hit.path),
            "caption": hit.caption,
            "score": round(hit.score, 6),
            "percentile": round(hit.percentile, 1),
            "why": list(hit.why),
            "day": hit.day,
            "camera": hit.camera,
            "distance": hit.distance,
            "attribution": hit.attribution,
            "duplicates": [{"id": other.id, "path": str(other.path)} for other in hit.folded],
        }
        for hit in results.hits
    ]
    result = {
        "hits": hits,
        "bits": results.bits,
        "searched": results.searched,
        "unknown": list(results.unknown),
        "fits": results.fits,
    }
    return with_remarks(result, searcher.remarks)


def use(
    choice: Choice,
    inputs: Paths,
    out: str | Path,
    options: Options = NO_OPTIONS,
    device: str = "auto",
    progress: Progress | None = None,
) -> Result:
    """Codes and embeddings of pictures as NPZ: ``paths`` [n], ``codes`` uint8 [n, bits / 8], ``embeddings`` [n, dim]."""
    progress = progress or Progress()
    given.check_result_file(out)
    paths = pictures_of(inputs)
    searcher = Searcher.load(choice, device, progress)
    kept: list[Path] = []
    skipped: list[Skipped] = []
    parts = []
    for batch in decoded(paths, searcher.view):
        if batch.numbers:
            kept += [paths[number] for number in batch.numbers]
            parts.append(searcher.encode_pixels(batch.pixels))
        skipped += [Skipped.by(paths[i], UserError(*words)) for i, words in batch.problems]
        progress.update(len(kept) + len(skipped), len(paths), "Looking at pictures")
    for item in skipped:
        given.say_skipped(item, len(paths))
    if not kept:
        raise given.none_usable(skipped)
    buffer = io.BytesIO()
    np.savez(
        buffer,
        paths=np.array([str(path) for path in kept]),
        codes=np.concatenate([part.codes for part in parts]),
        embeddings=np.concatenate([part.embeddings for part in parts]),
    )
    write_whole(Path(out), buffer.getvalue())
    print(f"{given.counted(len(kept), 'picture')}, {len(skipped)} skipped: {out}")
    left_out = [item.as_dict() for item in skipped]
    return {"out": str(out), "pictures": len(kept), "skipped": left_out, "bits": searcher.bits}


def pictures_of(inputs: Paths) -> list[Path]:
    """The pictures among files and folders; ``sample`` names the emoji that ship. Raises UserError where there are none."""
    paths: list[Path] = []
    for place in map(Path, given.with_sample(inputs, [emoji_folder()])):
        paths += pictures.find(place)[0] if place.is_dir() else [place]
    if not paths:
        raise UserError(
            "There are no pictures in {place}.",
            "",
            "Choose pictures, or a folder that holds some.",
            place=", ".join(map(str, inputs)),
        )
    return paths


def evaluate(
    choice: Choice,
    data: str | Path,
    out: str | Path | None = None,
    options: Options = NO_OPTIONS,
    device: str = "auto",
    progress: Progress | None = None,
) -> Result:
    """The metrics of a model on pictures with captions, or on features; with `out`, also as ``figures.json``.

    The test part is judged where the data has one, else all of it.
    """
    judgement = judge([os.fspath(choice)], data, device, progress)[0]
    result = judgement.as_dict()
    if out is not None:
        write_json(Path(out) / "figures.json", result)
    for item in judgement.judged:
        line = f"{item.way}  {item.method:8} {f'{item.bits} bits' if item.bits else 'real':8}"
        if item.metrics:
            outcome = item.metrics
            line += f"  MAP@50 {outcome.mean_average_precision:.3f} ({outcome.worst_map:.3f} to {outcome.best_map:.3f} by ties; chance {outcome.chance:.3f})"
        if item.own:
            line += f"  recall@10 {item.own.recall_at_10:.3f} ({item.own.worst:.3f} to {item.own.best:.3f}; chance {item.own.chance:.3f})"
        print(line)
    return with_remarks(result, judgement.overlap.remarks)


def import_features(path: Path, out: Path) -> Result:
    """Bring in published features (``.pkl``, read without running code) as ``.npz`` by part."""
    if not path.is_dir():
        check_foreign(path)
    if is_foreign_file(path) and path.suffix.lower() != ".safetensors":
        raise UserError(
            "{name} cannot be brought in.",
            "Weights of other hash models fit none of these networks.",
            "What can be brought in are features: .npz, .safetensors, and MIRFlickr's .pkl.",
            name=path.name,
        )
    features = read_features(path)
    for part, pairs in features.parts.items():
        buffer = io.BytesIO()
        np.savez(buffer, image=pairs.images, text=pairs.texts, label=pairs.labels)
        write_whole(Path(out) / f"{part}.npz", buffer.getvalue())
        print(
            f"{part}: {len(pairs)} pairs of {pairs.images.shape[1]} numbers, {pairs.labels.shape[1]} labels"
        )
    print(f"Imported into {out}")
    return {"out": str(out), "parts": {part: len(pairs) for part, pairs in features.parts.items()}}


def describe(choice: Choice | None = None, out: str | Path | None = None) -> Result:
    """The network's layers with their parameters; of the default preset where no model is named."""
    built: Any
    if choice is None:
        built = FusionHashing(hash_task.network_config(SearchConfig(), 512))
    else:
        info = read_info(choice, "search")
        if small_encoder.is_encoder(info):
            built = small_encoder.build(info.network)
        else:
            built = FusionHashing(network_config(NetworkConfig, info.network, info.title))
    return describe_layers(layers_of(built), out)
