"""The files of one voice and of the rest, made of the files of a recording's tracks."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile

from models.file_names import folder_name
from models.separation.results import Separated
from models.separation.tally import Tally
from models.separation.track_files import BLOCK, as_user_error


def put_apart(separated: Separated, track: int) -> Separated:
    """One track (0 is the first) as ``NAME_voice``, the sum of all others as ``NAME_rest``, in place of the tracks.

    Raises UserError where they cannot be written.
    """
    own, name = separated.tracks[track], folder_name(separated.mixture)
    others = [path for path in separated.tracks if path != own]
    voice, rest = (own.with_name(f"{name}_{part}{own.suffix}") for part in ("voice", "rest"))
    try:
        level_db = _summed(others, rest)
        os.replace(own, voice)
        for path in others:
            path.unlink()
    except (OSError, soundfile.LibsndfileError) as error:
        raise as_user_error(own.parent, error) from error
    return replace(separated, tracks=(voice, rest), levels_db=(separated.levels_db[track], level_db))


def _summed(paths: Sequence[Path], place: Path) -> float:
    """Write the sum of sound files of one kind and length; its level, dBFS."""
    aside, tally = place.with_name(f".{place.name}"), Tally(1)
    with contextlib.ExitStack() as stack:
        stack.callback(aside.unlink, missing_ok=True)
        files = [stack.enter_context(soundfile.SoundFile(path)) for path in paths]
        kind = {"format": files[0].format, "subtype": files[0].subtype}
        with soundfile.SoundFile(aside, "w", files[0].samplerate, files[0].channels, **kind) as made:
            for _ in range(0, files[0].frames, BLOCK):
                blocks = [file.read(BLOCK, dtype="float32", always_2d=True) for file in files]
                total = np.sum(blocks, axis=0)
                made.write(total)
                tally.see(total, total[None])
        os.replace(aside, place)
    return tally.levels_db[0]
