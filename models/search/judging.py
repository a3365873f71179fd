"""The metrics of hash models on a data set: on its test part where it has one, else on all of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from models import checkpoint
from models.checkpoint import CheckpointInfo
from models.errors import UserError
from models.loading import Choice, checkpoint_folder, hub_model, read_info
from models.overlap import TrainingOverlap
from models.progress import Progress
from models.resources import cache_folder
from models.search import data, retrieval
from models.search.contents import contents_of_pairs
from models.search.features import FeatureCache, Features, Pairs, extract, is_features, read_features
from models.search.hashing import Hasher, TrainedHasher
from models.search.retrieval import Judged
from models.search.samples import located
from models.search.searcher import Searcher, made_with_encoder


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
    overlap: TrainingOverlap

    def as_dict(self) -> dict[str, Any]:
        """The same as plain values, for JSON; the model is named by whoever holds it."""
        return {
            "data": self.data,
            "queries": self.queries,
            "items": self.items,
            "skipped": self.skipped,
            "judged": [item.as_dict() for item in self.judged],
            "learned": self.overlap.as_dict(),
        }


def judge(
    choices: Sequence[str | Path], path: str | Path, device: str = "auto", progress: Progress | None = None
) -> list[Judgement]:
    """The figures of several models on one data set, its test part where it has one, else all of it."""
    progress, place = progress or Progress(), located(path)
    held: dict[str, Features] = {}  # by the encoder that made them
    result = []
    for number, choice in enumerate(choices):
        part = progress.part(number / len(choices), (number + 1) / len(choices))
        hasher, features = _loaded(choice, place, device, part.part(0, 0.7), held)
        query, answers = _test_parts(features)
        query, overlap = without_trained_items(_info_of(choice), query, answers)
        judged = retrieval.evaluate(hasher, query, answers, progress=part.part(0.7, 1))
        items = len(answers if answers is not None else query)
        result.append(
            Judgement(
                hasher.title,
                hasher.bits,
                features.name,
                len(query),
                items,
                len(features.skipped),
                tuple(judged),
                overlap,
            )
        )
    return result


def _loaded(
    choice: str | Path, path: Path, device: str, progress: Progress, held: dict[str, Features]
) -> tuple[Hasher, Features]:
    """The hash model and the embeddings it is judged by; `held` keeps them for models of the same encoder."""
    if path.exists() and is_features(path):
        folder = checkpoint_folder(choice, "search")
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
        return TrainedHasher(*checkpoint.load(checkpoint_folder(choice, "search"), "search")), held[made_with]
    searcher = Searcher.load(choice, device, progress.part(0, 0.3))
    captions = data.open_captions(path)
    cache = FeatureCache(cache_folder() / "search")
    try:
        features = extract(captions, searcher.encoder, cache, progress.part(0.3, 1))
    finally:
        cache.close()
    held[searcher.encoder.identity] = features
    return searcher.hasher, features


def without_trained_items(
    info: CheckpointInfo, query: Pairs, answers: Pairs | None
) -> tuple[Pairs, TrainingOverlap]:
    """(queries that the model was not trained on, what it has met of them); all of them where it has met them all, or
    where they are set against a part of their own, as published data sets have it."""
    overlap = TrainingOverlap.of(info, contents_of_pairs(query))
    fresh = np.flatnonzero(overlap.fresh)
    if answers is not None or len(fresh) in (0, 1, len(query)):
        return query, overlap
    kept = replace(overlap, items=overlap.items[fresh], validation=overlap.validation[fresh])
    return query.chosen(fresh), replace(kept, left_out=len(query) - len(fresh))


def _info_of(choice: Choice) -> CheckpointInfo:
    """The description of a hash model; of a bare encoder, whose training nobody tells, an empty one."""
    return CheckpointInfo(system="search") if hub_model(choice) else read_info(choice, "search")


def _encoder_of(choice: str | Path) -> str:
    """The identity of the encoder that a checkpoint was trained on; "" for what is no checkpoint of ours."""
    folder = checkpoint_folder(choice, "search")
    if not (folder / "checkpoint.json").is_file():
        return ""
    return str(made_with_encoder(checkpoint.read_info(folder, "search")).get("identity", ""))


def _test_parts(features: Features) -> tuple[Pairs, Pairs | None]:
    """(queries, what is searched): the test part among itself, or queries against the retrieval part."""
    if "query" in features.parts:
        return features.parts["query"], features.parts.get("retrieval")
    return next(iter(features.parts.values())), None
