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
from dataclasses import dataclass, replace
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
from models.search import answers, codes, likeness, pictures, prompts
from models.search.answers import Compared
from models.search.building import BuildReport, index_folder, open_index
from models.search.chances import Chances, Recipe
from models.search.encoded import Encoded
from models.search.encoder import DualEncoder
from models.search.explaining import HeatMap, heat_map
from models.search.hashing import Hasher, Projection, TrainedHasher
from models.search.index import Index
from models.search.index_settings import IndexSettings
from models.search.index_table import Identity
from models.search.pictures import View
from models.search.queries import LESS, Picture, Query, Results, SearchOptions
from models.search.samples import bundled_index

REMEMBERED = 512  # texts whose codes are kept, since people type letter by letter and go back


@dataclass
class _Asked:
    """A composed query: values [bits], embedding [dim]. recipe: (``words`` or ``picture``, weight) of its parts. said: its
    words."""

    values: np.ndarray
    embedding: np.ndarray
    unknown: tuple[str, ...]
    recipe: Recipe
    text: str


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
        self._chances = Chances(self.encode_phrases, hasher.bits, hasher.dim)

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
        made_with = made_with_encoder(info)
        if not made_with.get("identity"):
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
        candidates, ranked, written = self._ranked(index, query, options, asked, own)
        chance = self._chances.of(index, asked.recipe, asked.text, options.side, options.rerank)
        percentiles = chance.percentiles(candidates.likeness, candidates.vectors)
        if asked.unknown and len(asked.unknown) == len(query.looked_up.split()) == len(query.text.split()):
            percentiles = np.zeros(len(candidates))  # not one word means anything to it
        in_words = np.isin(candidates.ids, written)
        kept = (in_words | (percentiles >= options.least_percentile)) & (
            candidates.likeness >= options.least_score
        )
        if options.method == "words" and query.looked_up:
            kept &= in_words
        fits = bool((in_words | (percentiles >= likeness.FITS)).any())
        ranked = ranked[kept[ranked]]
        groups = [[int(place)] for place in ranked]
        if options.fold:
            groups = answers.folded(candidates, ranked, self.bits)
        groups = groups[: options.top]
        why = self._why(index, query, candidates, groups, in_words, percentiles)
        return Results(
            hits=tuple(answers.described(index, options.side, candidates, groups, percentiles, why)),
            code=codes.unpack(code),
            bits=self.bits,
            searched=len(index) if options.side == "pictures" else index.caption_count,
            unknown=asked.unknown,
            fits=fits,
            encode_s=encoded - started,
            search_s=time.perf_counter() - encoded,
        )

    def heat_map(
        self, index: Index, query: Query, picture: Picture, progress: Progress | None = None
    ) -> HeatMap:
        """Where in a picture that was found the answer lies. Raises UserError as `search`, Cancelled."""
        asked = self._composed(index, query)
        opened = _opened(picture)
        real = bool(np.any(asked.embedding))

        def alike(pixels: np.ndarray) -> np.ndarray:
            encoded = self.encode_pixels(pixels)
            return encoded.embeddings @ asked.embedding if real else encoded.values @ asked.values

        return heat_map(self.view.pixels(opened), self.view.region(opened.size), alike, progress)

    def _ranked(
        self, index: Index, query: Query, options: SearchOptions, asked: _Asked, own: set[int]
    ) -> tuple[Compared, np.ndarray, list[int]]:
        """(what was compared, its places in order, the ids that words found, the best first)."""
        code = codes.pack(asked.values[None])[0]
        among = index.chosen(options.filters, options.side)
        depth = max(options.top, options.rerank) + len(own)
        distances, ids = index.search(code, depth, options.side, among)
        kept = ~np.isin(ids, list(own))
        distances, ids = distances[kept], ids[kept]
        near = len(ids)
        written: list[int] = []
        if options.method != "likeness" and options.side == "pictures" and query.looked_up:
            allowed = None if among is None else set(among.tolist())
            there = index.found_by_words(query.looked_up, options.top + len(own))
            written = [
                number for number in there if number not in own and (allowed is None or number in allowed)
            ]
            others = np.array([number for number in written if number not in set(ids.tolist())], np.int64)
            if len(others):
                further, others = index.search(code, len(others), options.side, others)
                distances, ids = np.concatenate([distances, further]), np.concatenate([ids, others])
        candidates = answers.compared(
            index, options.side, ids, distances, self.bits, asked.embedding, options.rerank > 0
        )
        ranked = answers.by_likeness(
            candidates, min(near, options.rerank) if options.rerank < near else len(ids)
        )
        if written:
            place_of = {int(number): place for place, number in enumerate(ids)}
            by_words = np.array([place_of[number] for number in written])
            ranked = answers.fused([ranked, by_words], len(candidates))
        return candidates, ranked, written

    def _why(
        self,
        index: Index,
        query: Query,
        candidates: Compared,
        groups: list[list[int]],
        in_words: np.ndarray,
        percentiles: np.ndarray,
    ) -> dict[int, tuple[str, ...]]:
        """place → what found it."""
        places = [place for group in groups for place in group if in_words[place]]
        fields = index.fields_found(query.looked_up, candidates.ids[places].tolist())
        result = {}
        for place in places:
            alike = ("likeness",) if percentiles[place] >= likeness.FITS else ()
            result[place] = (*alike, *fields.get(int(candidates.ids[place]), ())) or ("likeness",)
        return result

    def _composed(self, index: Index, query: Query) -> _Asked:
        """The parts of a query added up, each of length 1, with their weights."""
        if query.empty:
            raise UserError(
                "There is nothing to search for.",
                "",
                "Type a few words, drop a picture, or choose *more like this* on a result.",
            )
        parts: list[tuple[str, float, np.ndarray, np.ndarray]] = []
        unknown: list[str] = []
        for text, weight in ((query.text, query.text_weight), *query.terms):
            if text.strip() and weight:
                encoded = self._text(text)
                unknown += self.encoder.unknown(text)
                parts.append(("words", weight, encoded.values[0], encoded.embeddings[0]))
        if query.picture is not None:
            encoded = self.encode_pictures([query.picture])
            parts.append(("picture", query.picture_weight, encoded.values[0], encoded.embeddings[0]))
        weights = dict(query.weights)
        for ids, usual in ((query.more, 1.0), (query.less, -LESS)):
            for number in ids:
                parts.append(("picture", weights.get(number, usual), *self._known(index, number)))
        values, embedding = np.zeros(self.bits), np.zeros(self.hasher.dim, np.float32)
        for _, weight, own_values, own_embedding in parts:
            values += weight * own_values
            embedding += weight * own_embedding
        recipe = tuple((kind, weight) for kind, weight, _, _ in parts)
        asked = answers.unit(embedding[None].astype(np.float32))[0]
        return _Asked(values, asked, tuple(dict.fromkeys(unknown)), recipe, query.looked_up)

    def encode_phrases(self, texts: Sequence[str]) -> Encoded:
        """Texts as people search by them: the mean over the sentences an encoder was taught them in, of one that knows
        words alone as they stand."""
        sentences = [prompts.phrased(text) if self.encoder.sentences else (text,) for text in texts]
        own = self.encoder.texts([self.encoder.spelled(item) for variants in sentences for item in variants])
        ends = np.cumsum([len(variants) for variants in sentences])
        means = [rows.mean(axis=0) if len(rows) > 1 else rows[0] for rows in np.split(own, ends[:-1])]
        embeddings = answers.unit(np.stack(means)) if own.shape[0] > len(texts) else own
        return replace(self.hasher.texts(embeddings), embeddings=embeddings)

    def _text(self, text: str) -> Encoded:
        key = " ".join(text.split())
        if key not in self._texts:
            self._texts[key] = self.encode_phrases([key])
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
                "There is no picture {number} in this index.",
                "It never was, or it was removed while the folder was indexed.",
                "Search by another one; each result says its number.",
                number=number,
            ) from None
        values = (2.0 * codes.unpack(code) - 1) / np.sqrt(self.bits)
        kept = index.embeddings([number])
        return values, np.zeros(self.hasher.dim) if kept is None else answers.unit(kept)[0]


def made_with_encoder(info: CheckpointInfo) -> dict[str, Any]:
    """What a checkpoint says of the encoder that it was trained on: name, title, identity; empty where there was none.

    Raises UserError where that is no description."""
    made_with = info.preprocessing.get("encoder") or {}
    if not isinstance(made_with, dict):
        raise not_described(info.title, ValueError("it does not say on which encoder it was trained"))
    return made_with


def _encoder_of(info: CheckpointInfo) -> str:
    made_with = made_with_encoder(info)
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
