"""Where the windows of a long sound begin."""

from __future__ import annotations


def starts(length: int, window: int, hop: int | None = None) -> list[int]:
    """First samples (or frames) of the windows that cover `length`; the last one ends with it, a short one is alone.

    hop: from window to window; a third of the window unless told.
    """
    if length <= window:
        return [0]
    result = list(range(0, length - window + 1, hop or max(1, window // 3)))
    if result[-1] != length - window:
        result.append(length - window)
    return result
