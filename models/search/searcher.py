"""How the search is used: words, pictures, and what was found before, to the nearest pictures or captions of an index.

searcher = Searcher.load("bundled")           (the queries and answers are in `queries.py`)
index = searcher.open_index("bundled")
results = searcher.search(index, Query(text="smiling cat"))
results.hits[0].path
"""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from models import devices
from models.checkpoint import CheckpointInfo
from models.devices import AUTO, Device
from models.errors import UserError
from models.loading import BUNDLED, Choice, hub_model, not_described, open_model
from models.progress import Progress
from models.remarks import Remark
from models.search import codes, pictures
from models.search.building import BuildReport, index_folder, open_index
from models.search.encoded import Encoded
from models.search.encoder import DualEncoder
from models.search.hashing import Hasher, Projection, TrainedHasher
from models.search.index import Index
from models.search.index_settings import IndexSettings
from models.search.index_table import Identity
from models.search.pictures import View
from models.search.queries import Hit, Picture, Query, Results, SearchOptions
from models.search.samples import bundled_index

REMEMBERED = 512  # texts whose codes are kept, since people type letter by letter and go back
LESS = 0.5  # how strongly "less like this" counts against what is asked for
ALIKE_COSINE, ALIKE_SHARE = (
    0.985,
    1 / 32,
)  # from which two pictures are near-duplicates: of embeddings, of differing bits


@dataclass
class _Asked:
    """A composed query: values [bits], embedding [dim]."""

    values: np.ndarray
    embedding: np.ndarray
    unknown: tuple[str, ...] = field(default_factory=tuple)


class Searcher:
    """An encoder with a hash model, ready for use. One thread may index while another searches, not more."""

    def __init__(
        self,
        encoder: DualEncoder,
        hasher: Hasher,
        info: CheckpointInfo,
        device: Device,
        remarks: tuple[Remark, ...] = (),
    ) -> None:
        self.encoder, self.hasher = encoder, hasher
        self.info, self.device, self.remarks = info, device, remarks
        self._texts: OrderedDict[str, Encoded] = OrderedDict()

    @classmethod
    def load(
        cls,
        choice: Choice = BUNDLED,
        device: str = AUTO,
        progress: Progress | None = None,
    ) -> Searcher:
        """`choice`: whatever `loading` opens, or a dual encoder of Hugging Face, whose codes are then random projections.

        Raises UserError for whatever is wrong with it, Cancelled.
        """
        resolved = devices.resolve(device)
        name = hub_model(choice)
        if name is not None:
            encoder = DualEncoder.load(name, resolved.torch, progress)
            info = CheckpointInfo(system="search", title=encoder.title)
            return cls(encoder, Projection(encoder.dim), info, resolved)
        opened = open_model(choice, "search", progress=progress)
        info = opened.info
        encoder = DualEncoder.load(_encoder_of(info), resolved.torch, progress)
        made_with = info.preprocessing.get("encoder")
        if not isinstance(made_with, dict) or not made_with.get("identity"):
            raise not_described(info.title, ValueError("it does not say on which encoder it was trained"))
        hasher = TrainedHasher(opened.weights, info, resolved.torch)
        if made_with["identity"] != encoder.identity or hasher.dim != encoder.dim:
            raise UserError(
                "The hash model {title} was trained on another encoder.",
                "It was trained on embeddings of {found}, which is not what is found under this name now.",
                "Put the encoder it was trained with back in its place, or train the hash model again.",
                title=info.title,
                found=made_with.get("title") or made_with["name"],
            )
        return cls(encoder, hasher, info, resolved, opened.remarks)

    # What it is

    @property
    def bits(self) -> int:
        return self.hasher.bits

    @property
    def view(self) -> View:
        return self.encoder.view

    @property
    def identity(self) -> Identity:
        """What an index must have been made with."""
        return Identity(
            self.encoder.identity,
            self.hasher.identity,
            self.bits,
            self.hasher.dim,
            self.encoder.title,
            self.hasher.title,
        )

    # Encoding

    def encode_texts(self, texts: Sequence[str]) -> Encoded:
        """Texts, each by itself. The embeddings are the encoder's own: they are what answers are re-ordered by."""
        own = self.encoder.texts([self.encoder.spelled(text) for text in texts])
        return replace(self.hasher.texts(own), embeddings=own)

    def encode_pixels(self, pixels: np.ndarray) -> Encoded:
        """Pictures as `view` makes them, uint8 [n, height, width, 3]; embeddings as of `encode_texts`."""
        own = self.encoder.pixels(pixels)
        return replace(self.hasher.images(own), embeddings=own)

    def encode_pictures(self, chosen: Sequence[Picture]) -> Encoded:
        """Files, Pillow pictures, or uint8 arrays [height, width, 3]. Raises UserError for one that cannot be read."""
        if not len(chosen):
            return self.encode_pixels(np.zeros((0, 1, 1, 3), np.uint8))
        return self.encode_pixels(np.stack([self.view.pixels(_opened(item)) for item in chosen]))

    # Indexes

    def open_index(self, place: str | os.PathLike[str] = "bundled") -> Index:
        """An index that this model made; ``bundled`` names the one that ships. Raises UserError if another made it."""
        folder = bundled_index() if os.fspath(place) == "bundled" else Path(place).expanduser()
        return Index.open(folder, self.identity)

    def index_folder(
        self,
        folder: str | os.PathLike[str],
        place: str | os.PathLike[str],
        progress: Progress | None = None,
        settings: IndexSettings | None = None,
    ) -> BuildReport:
        """Index a folder into `place` (made if there is none), or bring it up to date. See `building.index_folder`."""
        index = open_index(Path(place).expanduser(), self.identity, settings)
        try:
            return index_folder(self, index, folder, progress, settings)
        finally:
            index.close()

    # Searching

    def search(self, index: Index, query: Query, options: SearchOptions | None = None) -> Results:
        """The nearest items of `index`. Raises UserError for an empty query, a broken picture, another model's index."""
        options = options or SearchOptions()
        index.check(self.identity)
        started = time.perf_counter()
        asked = self._composed(index, query)
        encoded = time.perf_counter()
        code = codes.pack(asked.values[None])[0]
        own = set(query.more) | set(query.less) if options.side == "pictures" else set()
        depth = max(options.top, options.rerank) + len(own)
        distances, ids = index.search(code, depth, options.side)
        kept = np.array([int(i) not in own for i in ids], bool)
        distances, ids = distances[kept], ids[kept]
        rows = index.codes(ids, options.side)
        embeddings = index.embeddings(ids, options.side) if options.rerank else None
        scores = 1 - 2 * distances / self.bits
        if embeddings is not None and len(ids):
            scores = _unit(embeddings) @ asked.embedding
            # Behind the first `rerank` the order of the codes stays.
            finer = np.where(np.arange(len(ids)) < options.rerank, -scores, np.inf)
            order = np.lexsort((np.arange(len(ids)), finer))
            distances, ids, rows, scores = distances[order], ids[order], rows[order], scores[order]
            embeddings = embeddings[order]
        chosen = np.flatnonzero(scores >= options.least_score)
        folded = [[i] for i in range(len(chosen))]
        if options.fold:
            folded = _folded(rows[chosen], None if embeddings is None else embeddings[chosen], self.bits)
        groups = [[int(chosen[i]) for i in group] for group in folded[: options.top]]
        hits = self._hits(index, options.side, groups, ids, distances, scores, rows)
        return Results(
            hits=tuple(hits),
            code=codes.unpack(code),
            bits=self.bits,
            searched=len(index) if options.side == "pictures" else index.caption_count,
            unknown=asked.unknown,
            encode_s=encoded - started,
            search_s=time.perf_counter() - encoded,
        )

    def _composed(self, index: Index, query: Query) -> _Asked:
        """The parts of a query added up, each of length 1, with their weights."""
        if query.empty:
            raise UserError(
                "There is nothing to search for.",
                "",
                "Type a few words, drop a picture, or choose *more like this* on a result.",
            )
        values, embedding = np.zeros(self.bits), np.zeros(self.hasher.dim, np.float32)
        unknown: tuple[str, ...] = ()
        parts: list[tuple[float, np.ndarray, np.ndarray]] = []
        if query.text.strip():
            one = self._text(query.text)
            unknown = self.encoder.unknown(query.text)
            parts.append((query.text_weight, one.values[0], one.embeddings[0]))
        if query.picture is not None:
            one = self.encode_pictures([query.picture])
            parts.append((query.picture_weight, one.values[0], one.embeddings[0]))
        for ids, weight in ((query.more, 1.0), (query.less, -LESS)):
            for number in ids:
                parts.append((weight, *self._known(index, number)))
        for weight, own_values, own_embedding in parts:
            values += weight * own_values
            embedding += weight * own_embedding
        return _Asked(values, _unit(embedding[None].astype(np.float32))[0], unknown)

    def _text(self, text: str) -> Encoded:
        key = " ".join(text.split())
        if key not in self._texts:
            self._texts[key] = self.encode_texts([key])
            if len(self._texts) > REMEMBERED:
                self._texts.popitem(last=False)
        self._texts.move_to_end(key)
        return self._texts[key]

    def _known(self, index: Index, number: int) -> tuple[np.ndarray, np.ndarray]:
        """(values, embedding) of a picture of the index, from what is kept of it; the picture is not read again."""
        try:
            code = index.codes([number])[0]
        except KeyError:
            raise UserError(
                "A picture that was searched by is no longer in the index.",
                "It was removed while the folder was indexed.",
                "Search again.",
            ) from None
        values = (2.0 * codes.unpack(code) - 1) / np.sqrt(self.bits)
        kept = index.embeddings([number])
        return values, np.zeros(self.hasher.dim) if kept is None else _unit(kept)[0]

    def _hits(
        self,
        index: Index,
        side: str,
        groups: list[list[int]],
        ids: np.ndarray,
        distances: np.ndarray,
        scores: np.ndarray,
        rows: np.ndarray,
    ) -> list[Hit]:
        places = [place for group in groups for place in group]
        numbers = ids[places] if places else np.zeros(0, np.int64)
        result = {}
        pictures_of = {int(number): int(number) for number in numbers}
        if side == "captions":
            result = {number: text for number, text, _ in index.captions(numbers)}
            pictures_of = {number: item for number, _, item in index.captions(numbers)}
        items = {item.id: item for item in index.items(list(dict.fromkeys(pictures_of.values())))}
        found: dict[int, Hit] = {}
        for place in places:
            number = int(ids[place])
            item = items.get(pictures_of.get(number, -1))
            if item is None:
                continue  # removed by another process between the search and now
            first = item.captions[0] if item.captions else ""
            found[place] = Hit(
                id=item.id,
                path=item.path,
                caption=result.get(number, first),
                captions=item.captions,
                attribution=item.attribution,
                distance=int(distances[place]),
                score=float(scores[place]),
                code=codes.unpack(rows[place]),
            )
        hits = []
        for group in groups:
            there = [found[place] for place in group if place in found]
            if there:
                hits.append(replace(there[0], folded=tuple(there[1:])))
        return hits


def _folded(rows: np.ndarray, embeddings: np.ndarray | None, bits: int) -> list[list[int]]:
    """Places in order, near-duplicates grouped behind the first of them."""
    if embeddings is not None:
        unit = _unit(embeddings)
        same = unit @ unit.T >= ALIKE_COSINE
    else:
        same = codes.distances(rows, rows) <= max(0, int(bits * ALIKE_SHARE))
    groups: list[list[int]] = []
    taken = np.zeros(len(rows), bool)
    for place in range(len(rows)):
        if taken[place]:
            continue
        members = np.flatnonzero(same[place] & ~taken)
        members = members[members > place]
        taken[members] = True
        groups.append([place, *members.tolist()])
    return groups


def _encoder_of(info: CheckpointInfo) -> str:
    made_with: dict[str, Any] = info.preprocessing.get("encoder") or {}
    if info.preprocessing.get("stage") == "encoder":
        raise UserError(
            "{name} is an image-text encoder without a hash model.",
            "It was trained in the stage `encoder`.",
            "Choose the folder `encoder` of its run, or train a hash model on it.",
            name=info.title,
        )
    if not made_with.get("name"):
        raise UserError(
            "{name} cannot look at pictures.",
            "It was trained on features of others, and does not know the encoder that made them.",
            "It can be evaluated. To search, train on pictures with captions.",
            name=info.title,
        )
    return str(made_with["name"])


def _opened(chosen: Picture) -> Image.Image:
    if isinstance(chosen, Image.Image):
        return pictures.upright(chosen)
    if isinstance(chosen, np.ndarray):
        return pictures.upright(Image.fromarray(chosen))
    return pictures.read(chosen)


def _unit(values: np.ndarray) -> np.ndarray:
    return values / np.maximum(1e-12, np.linalg.norm(values, axis=-1, keepdims=True))
