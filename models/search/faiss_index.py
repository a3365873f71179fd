"""Nearest codes by Hamming distance, with FAISS (Douze et al., 2024). Exact unless asked otherwise, or beyond ten million."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import faiss
import numpy as np

EXACT_UP_TO = (
    10_000_000  # codes: up to here, at high recall, graphs and hashes hardly beat comparing with all
)
KINDS = ("auto", "exact", "multi-index", "inverted")
_PIECE_BITS = 16  # of a code, by which multi-index hashing looks up (Norouzi et al., CVPR 2012)
_FLIPS = 2  # bits of a piece that may differ


class CodeIndex:
    """Codes uint8 [n, bits / 8] in rows 0 … n − 1. kind: one of `KINDS`; ``auto`` chooses by how many there are."""

    def __init__(self, codes: np.ndarray, bits: int, kind: str = "auto") -> None:
        if kind not in KINDS:
            raise ValueError(f"kind {kind!r} is not one of {', '.join(KINDS)}")
        self.bits, self._asked = bits, kind
        codes = np.ascontiguousarray(codes, np.uint8)
        self.kind = self._chosen(len(codes))
        with one_thread():
            self._index = self._built(codes)

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def add(self, codes: np.ndarray) -> None:
        """Further rows. Past the size at which ``auto`` changes its mind, a later load does."""
        with one_thread():
            self._index.add(np.ascontiguousarray(codes, np.uint8))

    def search(self, code: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """(distances int32 [m], rows int64 [m]), m ≤ k, ordered by (distance, row). code: uint8 [bits / 8]."""
        k = min(k, len(self))
        if k <= 0:
            return np.zeros(0, np.int32), np.zeros(0, np.int64)
        with one_thread():
            asked = np.ascontiguousarray(code, np.uint8)[None]
            distances, rows = self._index.search(asked, k)
            if self.kind == "multi-index" and (rows < 0).any():
                # Fewer than k lie within the bits that are flipped: then all are compared, which is what k asks for.
                distances, rows = self._index.storage.search(asked, k)
        result = rows[0] >= 0
        distances, rows = distances[0][result], rows[0][result]
        order = np.lexsort((rows, distances))
        return distances[order], rows[order]

    def _chosen(self, count: int) -> str:
        if self._asked == "auto":
            return "exact" if count <= EXACT_UP_TO else "inverted"
        if self._asked == "multi-index" and self.bits < 2 * _PIECE_BITS:
            return "exact"  # one piece would be the whole code
        if self._asked == "inverted" and count < 64:
            return "exact"  # too few to part
        return self._asked

    def _built(self, codes: np.ndarray) -> Any:
        index: Any  # FAISS's classes come from C++ and share no typed base
        if self.kind == "multi-index":
            index = faiss.IndexBinaryMultiHash(self.bits, self.bits // _PIECE_BITS, _PIECE_BITS)
            index.nflip = _FLIPS
        elif self.kind == "inverted":
            lists = int(np.clip(4 * np.sqrt(len(codes)), 1, 65_536))
            lists = min(lists, max(1, len(codes) // 39))  # FAISS wants 39 codes to learn a list from
            self._quantizer = faiss.IndexBinaryFlat(self.bits)  # kept: FAISS does not own it
            index = faiss.IndexBinaryIVF(self._quantizer, self.bits, lists)
            index.nprobe = max(1, lists // 16)
            index.train(codes[:: max(1, len(codes) // (lists * 64))])
        else:
            index = faiss.IndexBinaryFlat(self.bits)
        if len(codes):
            index.add(codes)
        return index


class NamedCodes:
    """The codes of pictures, or of captions, under their ids. A slot is the row in the index's files."""

    def __init__(self, bits: int, kind: str) -> None:
        self._bits, self._kind = bits, kind
        self.load(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((0, bits // 8), np.uint8))

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def last_slot(self) -> int:
        return int(self._slots[-1]) if len(self._slots) else -1

    def load(self, ids: np.ndarray, slots: np.ndarray, held: np.ndarray) -> None:
        """Hold these and no others. ids: int64 [n]. slots: int64 [n], their rows in `held`, uint8 [rows, bits / 8]."""
        self.ids, self._slots = ids, slots
        self._order: np.ndarray | None = None
        self._index = CodeIndex(held[slots], self._bits, self._kind)

    def add(self, ids: np.ndarray, slots: np.ndarray, codes: np.ndarray) -> None:
        """Hold these as well: ids and slots int64 [n], codes uint8 [n, bits / 8]."""
        self._index.add(codes)
        self.ids, self._slots = np.concatenate([self.ids, ids]), np.concatenate([self._slots, slots])
        self._order = None

    def slots(self, ids: Sequence[int] | np.ndarray) -> np.ndarray:
        """int64 [n]. Raises KeyError for an id that is not there."""
        asked = np.asarray(ids, np.int64).reshape(-1)
        if not len(asked):
            return np.zeros(0, np.int64)
        if self._order is None:
            self._order = np.argsort(self.ids, kind="stable")
        places = np.searchsorted(self.ids, asked, sorter=self._order)
        rows = self._order[np.minimum(places, len(self.ids) - 1)] if len(self.ids) else np.zeros(0, np.int64)
        if not len(rows) or not np.array_equal(self.ids[rows], asked):
            raise KeyError("an id is not there")
        return self._slots[rows]

    def search(self, code: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """(Hamming distances [m], ids int64 [m]) of the at most `k` nearest to a code, uint8 [bits / 8]; the nearest first."""
        distances, rows = self._index.search(code, k)
        return distances, self.ids[rows]


@contextmanager
def one_thread() -> Iterator[None]:
    """Within, FAISS computes in this thread alone: for one query its waiting threads cost more than they bring.

    torch computes with the same threads, so their number is put back.
    """
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)
