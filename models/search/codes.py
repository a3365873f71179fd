"""Codes as bytes: packing signs, Hamming distances. NumPy alone."""

from __future__ import annotations

import numpy as np


def pack(values: np.ndarray) -> np.ndarray:
    """uint8 [n, bits / 8] of real values [n, bits]: a bit is 1 where the value is above 0; the first is the highest."""
    return np.packbits(np.asarray(values) > 0, axis=-1)


def unpack(codes: np.ndarray) -> np.ndarray:
    """bool [..., bits] of packed codes [..., bits / 8]."""
    return np.unpackbits(codes, axis=-1).astype(bool)


def words(codes: np.ndarray) -> np.ndarray:
    """Packed codes as the widest unsigned integers that divide them: [n, words]."""
    codes = np.ascontiguousarray(codes)
    width = next(size for size in (8, 4, 2, 1) if codes.shape[1] % size == 0)
    return codes.view(f"u{width}")


def distances(queries: np.ndarray, database: np.ndarray) -> np.ndarray:
    """Hamming distances int16 [queries, database] of packed codes uint8 [n, bytes]."""
    ours, theirs = words(queries), words(database)
    total = np.zeros((len(ours), len(theirs)), np.int16)
    for word in range(ours.shape[1]):
        total += np.bitwise_count(ours[:, word, None] ^ theirs[None, :, word])
    return total
