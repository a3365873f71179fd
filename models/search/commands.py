"""What ``python -m models VERB search`` does, and ``index`` and ``search``. The window calls the same functions."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models import checkpoint
from models.datafiles import write_whole
from models.errors import UserError
from models.progress import Progress
from models.resources import cache_folder, resource
from models.search import data, pictures, retrieval
from models.search.config import SearchConfig
from models.search.features import FeatureCache, Features, Pairs, extract, is_features, read_features
from models.search.hashing import Hasher, TrainedHasher
from models.search.queries import Query, SearchOptions
from models.search.reading import decoded
from models.search.retrieval import Judged
from models.search.samples import located
from models.search.searcher import Searcher


def index(
    folder: str | Path,
    out: str | Path,
    choice: str | Path = "bundled",
    device: str = "auto",
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Index a folder of pictures, or bring its index up to date."""
    searcher = Searcher.load(choice, device, progress)
    report = searcher.index_folder(folder, out, progress)
    for path, why in report.problems:
        print(f"Skipped: {path}: {why}")
    print(
        f"{report.added} added, {report.changed} changed, {report.removed} removed, {report.unchanged} unchanged,"
        f" {len(report.problems)} skipped in {report.seconds:.1f} s: {out}"
    )
    return {"out": str(out), **asdict(report)}


def search(
    place: str | Path,
    words: str = "",
    image: str | Path | None = None,
    top: int = 10,
    choice: str | Path = "bundled",
    device: str = "auto",
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Search an index with words, a picture, or both; prints one line a result."""
    searcher = Searcher.load(choice, device, progress)
    opened = searcher.open_index(place)
    try:
        results = searcher.search(opened, Query(text=words, picture=image), SearchOptions(top=top))
    finally:
        opened.close()
    if results.unknown:
        print(f"The encoder does not know: {', '.join(results.unknown)}")
    for hit in results.hits:
        print(f"{hit.score:6.3f}  {hit.distance:3d}/{results.bits}  {hit.path}  {hit.caption}")
    return {
        "hits": [
            {"path": str(hit.path), "caption": hit.caption, "score": round(hit.score, 6), "distance": hit.distance,
             "attribution": hit.attribution}
            for hit in results.hits
        ],
        "bits": results.bits,
        "searched": results.searched,
        "unknown": list(results.unknown),
    }  # fmt: skip


def use(
    choice: str | Path,
    inputs: Sequence[str | Path],
    out: str | Path,
    device: str = "auto",
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Codes and embeddings of pictures as NPZ: ``paths`` [n], ``codes`` uint8 [n, bits / 8], ``embeddings`` [n, dim]."""
    progress = progress or Progress()
    paths: list[Path] = []
    for one in map(Path, inputs):
        paths += pictures.find(one)[0] if one.is_dir() else [one]
    if not paths:
        raise UserError(
            "There are no pictures in {place}.", "", "Choose pictures, or a folder that holds some.",
            place=", ".join(map(str, inputs)),
        )  # fmt: skip
    searcher = Searcher.load(choice, device, progress)
    kept: list[Path] = []
    parts, skipped = [], []
    for batch in decoded(paths, searcher.view):
        if batch.numbers:
            kept += [paths[number] for number in batch.numbers]
            parts.append(searcher.encode_pixels(batch.pixels))
        skipped += [
            {"path": str(paths[i]), "reason": " ".join(filter(None, words))} for i, words in batch.problems
        ]
        progress.update(len(kept) + len(skipped), len(paths), "Looking at pictures")
    for left_out in skipped:
        print(f"Skipped: {left_out['reason']}")
    if not kept:
        raise UserError(
            "None of the {count} pictures could be read.",
            "{reason}",
            "Choose other files.",
            count=len(paths),
            reason=skipped[0]["reason"],
        )
    buffer = io.BytesIO()
    np.savez(
        buffer,
        paths=np.array([str(path) for path in kept]),
        codes=np.concatenate([part.codes for part in parts]),
        embeddings=np.concatenate([part.embeddings for part in parts]),
    )
    write_whole(Path(out), buffer.getvalue())
    print(f"{len(kept)} pictures, {len(skipped)} skipped: {out}")
    return {"out": str(out), "pictures": len(kept), "skipped": skipped, "bits": searcher.bits}


def evaluate(
    choice: str | Path,
    path: str | Path,
    out: str | Path | None = None,
    device: str = "auto",
    progress: Progress | None = None,
) -> dict[str, Any]:
    """The figures of a checkpoint on pictures with captions, or on features; with `out`, also as ``figures.json``.

    The test part is judged where the data has one, else all of it.
    """
    judgement = judge([choice], path, device, progress)[0]
    judged = judgement.judged
    result = judgement.as_dict()
    if out is not None:
        folder = Path(out)
        write_whole(folder / "figures.json", (json.dumps(result, indent=2) + "\n").encode())
    for one in judged:
        bits = f"{one.bits} bits" if one.bits else "real"
        line = f"{one.way}  {one.method:8} {bits:8}"
        if one.figures:
            found = one.figures
            line += f"  MAP@50 {found.mean_average_precision:.3f} ({found.worst_map:.3f} to {found.best_map:.3f} by ties; chance {found.chance:.3f})"
        if one.own:
            line += f"  recall@10 {one.own.recall_at_10:.3f} ({one.own.worst:.3f} to {one.own.best:.3f}; chance {one.own.chance:.3f})"
        print(line)
    return result


def crossval(config: SearchConfig, path: str | Path | None = None, **_: Any) -> dict[str, Any]:
    """Search has no groups to be left out."""
    raise UserError(
        "Search is not cross-validated.",
        "Its data has no speakers or subjects; a part of the pictures is held out instead.",
        "Use train, then evaluate: the test part takes no part in training.",
    )


def import_file(path: Path, out: Path) -> dict[str, Any]:
    """Bring in published features (``.pkl``, read without running code) as ``.npz`` by part."""
    if not path.exists():
        raise UserError("{path} was not found.", "", "Choose the file again.", path=path)
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


def describe(choice: str | Path | None) -> dict[str, Any]:
    """Print the network's layers with their parameters; of the default preset where no checkpoint is named."""
    from models.search import small_encoder
    from models.search.hash_task import network_config
    from models.search.network import FusionHashing, NetworkConfig

    info = checkpoint.read_info(choice, "search") if choice is not None else None
    if info is not None and small_encoder.is_encoder(info):
        built: Any = small_encoder.build(info.network)
    elif info is not None:
        built = FusionHashing(NetworkConfig(**info.network))
    else:
        built = FusionHashing(network_config(SearchConfig(), 512))
    total = sum(parameter.numel() for parameter in built.parameters())
    for name, child in built.named_children():
        print(f"{name:24} {type(child).__name__:24} {sum(p.numel() for p in child.parameters()):>12,}")
    print(f"{'together':49} {total:>12,}")
    return {"parameters": total}


@dataclass(frozen=True)
class Judgement:
    """What `judge` says of one model. data: the data set's name. queries, items, skipped: how many."""

    model: str
    bits: int
    data: str
    queries: int
    items: int
    skipped: int
    judged: tuple[Judged, ...]

    def as_dict(self) -> dict[str, Any]:
        return {
            "data": self.data,
            "queries": self.queries,
            "items": self.items,
            "skipped": self.skipped,
            "judged": [one.as_dict() for one in self.judged],
        }


def judge(
    choices: Sequence[str | Path], path: str | Path, device: str = "auto", progress: Progress | None = None
) -> list[Judgement]:
    """The figures of several models on one data set, its test part where it has one, else all of it."""
    progress, place = progress or Progress(), located(path)
    held: dict[str, Features] = {}  # by the encoder that made them
    found = []
    for number, choice in enumerate(choices):
        part = progress.part(number / len(choices), (number + 1) / len(choices))
        hasher, features = _loaded(choice, place, device, part.part(0, 0.7), held)
        query, answers = _test_parts(features)
        judged = retrieval.evaluate(hasher, query, answers, progress=part.part(0.7, 1))
        items = len(answers if answers is not None else query)
        found.append(
            Judgement(
                hasher.title,
                hasher.bits,
                features.name,
                len(query),
                items,
                len(features.skipped),
                tuple(judged),
            )
        )
    return found


def _loaded(
    choice: str | Path, path: Path, device: str, progress: Progress, held: dict[str, Features]
) -> tuple[Hasher, Features]:
    """The hash model and the embeddings it is judged by; `held` keeps them for models of the same encoder."""
    if path.exists() and is_features(path):
        folder = _bundled(choice)
        weights, info = checkpoint.load(folder, "search")
        features = held["file"] if "file" in held else held.setdefault("file", read_features(path))
        dim = next(iter(features.parts.values())).images.shape[1]
        if info.network.get("dim") != dim:
            raise UserError(
                "These features do not fit the model.",
                "They have {found} numbers, the model was trained on {wanted}.",
                "Choose the features of the encoder it was trained with.",
                found=dim,
                wanted=info.network.get("dim"),
            )
        return TrainedHasher(weights, info), features
    made_with = _encoder_of(choice)
    if made_with in held:
        return TrainedHasher(*checkpoint.load(_bundled(choice), "search")), held[made_with]
    searcher = Searcher.load(choice, device, progress.part(0, 0.3))
    captions = data.open_captions(path)
    cache = FeatureCache(cache_folder() / "search")
    try:
        features = extract(captions, searcher.encoder, cache, progress.part(0.3, 1))
    finally:
        cache.close()
    held[searcher.encoder.identity] = features
    return searcher.hasher, features


def _encoder_of(choice: str | Path) -> str:
    """The identity of the encoder that a checkpoint was trained on; "" for what is no checkpoint of ours."""
    folder = _bundled(choice)
    if not (folder / "checkpoint.json").is_file():
        return ""
    made_with = checkpoint.read_info(folder, "search").preprocessing.get("encoder") or {}
    return str(made_with.get("identity", ""))


def _test_parts(features: Features) -> tuple[Pairs, Pairs | None]:
    """(queries, what is searched): the test part among itself, or queries against the retrieval part."""
    if "query" in features.parts:
        return features.parts["query"], features.parts.get("retrieval")
    return next(iter(features.parts.values())), None


def _bundled(choice: str | Path) -> Path:
    return resource("checkpoints", "search") if str(choice) == "bundled" else Path(choice)
