"""What runs in the workers' threads. torch is imported here, when it is first needed, and not before."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from app.audio.copying import copy_sound
from app.audio.outline import Outline, outline_of
from models import audio, resources
from models.errors import UserError
from models.progress import Progress
from models.separation.results import Separated, SeparationOptions, TrackScores

if TYPE_CHECKING:
    from models.separation.assessment import Assessment
    from models.separation.separator import Separator
    from models.separation.target import Target
    from models.voice_profiles import Recognised, VoiceProfile

    Judged = tuple[Assessment, list[Recognised | None]]

READER = "separation sound"  # the worker that reads and writes files: they must not wait for a separation
MOST_SCORED_S = 600.0  # of a long recording its first ten minutes: the scores settle long before


def separate(
    separator: Separator,
    source: Path,
    folder: Path,
    options: SeparationOptions,
    on_stretch: Callable[[np.ndarray], None] | None = None,
    *,
    progress: Progress,
) -> Separated:
    """on_stretch: gets every stretch that was written; see `Separator.separate_file`."""
    return separator.separate_file(source, folder, options, progress=progress, on_stretch=on_stretch)


def outlines(paths: Sequence[Path], progress: Progress) -> list[Outline]:
    """Of several files, one after another."""
    count = max(1, len(paths))
    return [
        outline_of(path, progress.part(number / count, (number + 1) / count))
        for number, path in enumerate(paths)
    ]


def scores(
    mixture: Path, references: Sequence[Path], tracks: Sequence[Path], progress: Progress
) -> tuple[TrackScores, ...]:
    """How near the tracks come to the references, in the references' order; at most of the first ten minutes."""
    from models.separation.metrics import score_tracks

    header = audio.info(mixture)
    sounds = []
    every = [mixture, *references, *tracks]
    for number, path in enumerate(every):
        progress.update(number, len(every) + 1, "Reading {name}", name=path.name)
        length_s = audio.info(path).duration_s
        if abs(length_s - header.duration_s) > 0.1 + 0.001 * header.duration_s:
            raise UserError(
                "{name} is not as long as the recording.",
                "It lasts {length:.1f} s, and the recording {whole:.1f} s.",
                "Choose the tracks that this very recording was mixed from.",
                name=path.name,
                length=length_s,
                whole=header.duration_s,
            )
        sounds.append(audio.read_part(path, 0.0, min(MOST_SCORED_S, length_s), header.sample_rate))
    shortest = min(len(sound) for sound in sounds)
    sounds = [sound[:shortest] for sound in sounds]
    progress.update(len(every), len(every) + 1, "Comparing tracks with references")
    first = 1 + len(references)
    return tuple(score_tracks(sounds[0], sounds[1:first], sounds[first:], header.sample_rate))


def judged(mixture: Path, tracks: Sequence[Path], progress: Progress) -> Judged:
    """What can be said of tracks without references, and whose voices are known."""
    from models import voice_profiles
    from models.separation.assessment import assess
    from models.separation.third import listened

    assessment = listened(assess(mixture, tracks, progress), mixture, progress)
    return assessment, voice_profiles.recognised(
        assessment.lane_voices, assessment.heard_s, voice_profiles.profiles()
    )


def kept_voices() -> list[VoiceProfile]:
    """All that a person keeps, by name."""
    from models import voice_profiles

    return voice_profiles.profiles()


def keep_voice(name: str, voice: np.ndarray, heard_s: float) -> list[VoiceProfile]:
    """Keep one more; all that are kept then."""
    from models import voice_profiles

    voice_profiles.keep(name, voice_profiles.VoiceMean(voice, heard_s))
    return kept_voices()


def delete_voice(profile: VoiceProfile) -> list[VoiceProfile]:
    """Delete one; all that are still kept."""
    from models import voice_profiles

    voice_profiles.delete(profile)
    return kept_voices()


def find_voice(
    wanted: Path | VoiceProfile, voices: Sequence[np.ndarray | None], heard_s: Sequence[float]
) -> Target | None:
    """Which of the lanes' voices is that of a sample, or of a kept voice. Raises UserError where nobody speaks in the sample."""
    from models.separation import target

    enrolled = target.of_sample(wanted) if isinstance(wanted, Path) else target.of_profile(wanted)
    return target.find(enrolled, voices, heard_s)


def export_lanes(
    sources: Sequence[Path], targets: Sequence[Path], stretch: tuple[float, float] | None, progress: Progress
) -> int:
    """Copy stretches (None: all) of files; how many samples had to be cut at full scale."""
    first_s, last_s = stretch or (0.0, None)
    cut, count = 0, max(1, len(sources))
    for number, (source, target) in enumerate(zip(sources, targets, strict=True)):
        part = progress.part(number / count, (number + 1) / count)
        cut += copy_sound(source, target, first_s, last_s, part)
    return cut


def folder_of(recording: Path) -> Path:
    """Where the tracks of a recording lie: always the same place for the same file."""
    try:
        status = recording.stat()
        mark = f"{recording.resolve()} {status.st_size} {status.st_mtime_ns}"
    except OSError:
        mark = str(recording)
    return (
        resources.home()
        / "separated"
        / f"{recording.stem[:60]}-{hashlib.sha256(mark.encode()).hexdigest()[:8]}"
    )


def safe_name(words: str) -> str:
    """A name a person gave a speaker, as part of a file's name."""
    kept = "".join(letter if letter.isalnum() or letter in " -_.()" else "_" for letter in words).strip(" .")
    return kept[:60] or "speaker"
