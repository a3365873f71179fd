"""Who speaks when, told from the separated tracks of one conversation: a track is silent where its speaker is."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from models import audio
from models.progress import Progress

FRAME_S = 0.1
RATE = 16_000
LOUD_SHARE = 0.95  # the level that a speaker has when speaking: exceeded in the other 5 % of the frames
BELOW_DB = 30.0  # that much softer than when speaking is silence …
LEAK_DB = 12.0  # … and so is that much softer than another track: what did not go away of the other speaker
FLOOR_DB = -65.0  # dB of full scale: nobody speaks so softly
SHARE = 0.15  # of a stretch; a person who speaks so little of it, or less, is silent in it


def levels_db(path: str | os.PathLike[str], progress: Progress | None = None) -> np.ndarray:
    """Level of every 0.1 s of a sound file, dB of full scale (float32 [frames]; −120 is silence), in bounded memory.

    Raises UserError for a file that cannot be read, Cancelled if asked to stop.
    """
    progress = progress or Progress()
    size = round(FRAME_S * RATE)
    rest = np.zeros(0, np.float32)
    powers: list[np.ndarray] = []
    duration_s = audio.info(path).duration_s
    done = 0
    for block in audio.blocks(path, RATE):
        sound = np.concatenate([rest, block])
        whole = len(sound) // size * size
        powers.append(np.square(sound[:whole].reshape(-1, size)).mean(axis=1))
        rest = sound[whole:]
        done += len(block)
        progress.update(
            done / RATE, max(duration_s, 1e-9), "Listening to {name}", name=os.path.basename(path)
        )
    if len(rest):
        powers.append(np.square(rest).mean(keepdims=True))
    power = np.concatenate(powers) if powers else np.zeros(1)
    level: np.ndarray = 10 * np.log10(power + 1e-12)
    return level.astype(np.float32)


def speaking(levels: Sequence[np.ndarray]) -> np.ndarray:
    """bool [tracks, frames]: in which frames the speaker of each track speaks, from the `levels_db` of all of them.

    Several may speak at once. Tracks that are shorter count as silent after their end.
    """
    frames = max(len(level) for level in levels)
    table = np.stack([np.pad(level, (0, frames - len(level)), constant_values=-120.0) for level in levels])
    own = np.quantile(table, LOUD_SHARE, axis=1, keepdims=True)
    result: np.ndarray = (table > own - BELOW_DB) & (table > FLOOR_DB) & (table > table.max(axis=0) - LEAK_DB)
    return result


def spoken(speaks: np.ndarray, starts_s: np.ndarray, ends_s: np.ndarray) -> np.ndarray:
    """bool [n]: whether enough of each stretch is speech. speaks: bool [frames] of one track, as `speaking` gives it."""
    counts = np.concatenate([[0], np.cumsum(speaks)])
    first = np.clip(np.round(starts_s / FRAME_S).astype(np.int64), 0, len(speaks))
    last = np.clip(np.maximum(np.round(ends_s / FRAME_S).astype(np.int64), first + 1), 0, len(speaks))
    share = (counts[last] - counts[first]) / np.maximum(1, last - first)
    enough: np.ndarray = share > SHARE
    return enough
