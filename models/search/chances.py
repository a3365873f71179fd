"""Random questions, made as a person's is made, and what they find in an index; kept, since they are asked once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from models.search import answers, codes, likeness
from models.search.encoded import Encoded
from models.search.index import Index
from models.search.likeness import Chance

REMEMBERED = 32
Recipe: TypeAlias = (
    "tuple[tuple[str, float], ...]"  # (``words`` or ``picture``, weight) of each part of a question
)


class Chances:
    """encode: texts as they are searched by. bits, dim: of codes and embeddings."""

    def __init__(self, encode: Callable[[Sequence[str]], Encoded], bits: int, dim: int) -> None:
        self._encode, self._bits, self._dim = encode, bits, dim
        self._words: dict[tuple[str, ...], Encoded] = {}
        self._kept: OrderedDict[tuple[object, ...], Chance] = OrderedDict()

    def of(self, index: Index, recipe: Recipe, text: str, side: str, rerank: int) -> Chance:
        """What questions of a recipe find. text: the words of the person's question, whose script those drawn have, too."""
        real = index.keeps_embeddings and rerank > 0
        kinds = tuple((kind, round(weight, 2)) for kind, weight in recipe)
        size = len(index).bit_length()  # asked anew when the index has doubled
        words = likeness.random_words(text)
        key = (str(index.folder), size, side, real, kinds, words)
        if key not in self._kept:
            while len(self._kept) >= REMEMBERED:
                self._kept.popitem(last=False)
            self._kept[key] = self._asked(index, recipe, words, side, rerank, real)
        self._kept.move_to_end(key)
        return self._kept[key]

    def _asked(
        self, index: Index, recipe: Recipe, words: tuple[str, ...], side: str, rerank: int, real: bool
    ) -> Chance:
        values, embeddings = self._questions(index, recipe, words)

        def ask(number: int) -> tuple[np.ndarray, np.ndarray]:
            code = codes.pack(values[number][None])[0]
            distances, ids = index.search(code, rerank or 1, side)
            candidates = answers.compared(index, side, ids, distances, self._bits, embeddings[number], real)
            return candidates.likeness, candidates.vectors

        signs = np.where(values > 0, 1.0, -1.0) / np.sqrt(self._bits)
        return likeness.chance(embeddings if real else signs, ask)

    def _questions(
        self, index: Index, recipe: Recipe, words: tuple[str, ...]
    ) -> tuple[np.ndarray, np.ndarray]:
        """(values [n, bits], embeddings [n, dim]) of questions whose words and pictures are drawn by chance."""
        random = np.random.default_rng(likeness.SEED)
        count = likeness.FEWER if len(index) >= likeness.FEWER_FROM else len(words)
        values, embeddings = np.zeros((count, self._bits)), np.zeros((count, self._dim), np.float32)
        ids = index.ids()
        for kind, weight in recipe:
            if kind == "words":
                if words not in self._words:
                    self._words[words] = self._encode(words)
                drawn = random.permutation(len(words))[:count]
                own_values, own = self._words[words].values[drawn], self._words[words].embeddings[drawn]
            elif len(ids):
                numbers = random.choice(ids, count)
                own_values = (2.0 * codes.unpack(index.codes(numbers)) - 1) / np.sqrt(self._bits)
                held = index.embeddings(numbers)
                own = np.zeros_like(embeddings) if held is None else answers.unit(held)
            else:
                continue
            values += weight * own_values
            embeddings += weight * own
        return values, answers.unit(embeddings)
