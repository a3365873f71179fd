"""Fixed mixtures of speakers whom a network never heard: making them, judging tracks on them, writing them out."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from models.checkpoint import CheckpointInfo
from models.datafiles import write_whole
from models.errors import UserError
from models.fingerprint import Learned
from models.overlap import TrainingOverlap
from models.progress import Progress
from models.separation import data, decoded, mixing, splits
from models.separation.config import SeparationConfig
from models.separation.contents import contents_of_clips
from models.separation.corpora import Corpus, open_corpus
from models.separation.mixing import Mixed
from models.separation.results import DEFAULTS, SeparationOptions
from models.separation.separator import Separator
from models.tables import write_csv

PAIRS = {True: "same sex", False: "mixed sex", None: "unknown"}


@dataclass(frozen=True)
class FixedMixture:
    """One mixture of a fixed set; `alike` says whether all its speakers are of one sex, None where that is not known."""

    name: str
    mixed: Mixed
    speakers: tuple[str, ...]
    alike: bool | None
    starts_s: tuple[float, ...] = ()


@dataclass(frozen=True)
class FixedSet:
    """Mixtures that are the same every time. `whose`: which speakers they are of, for people."""

    sample_rate: int
    mixtures: tuple[FixedMixture, ...]
    whose: str


def fixed_set(
    config: SeparationConfig, part: str = "test", cache: Path | None = None, progress: Progress | None = None
) -> FixedSet:
    """The fixed mixtures of a part of the config's data, parted as in training.

    Speakers that the config names are left out of what it does not name, so a part never holds those of another.
    """
    from models.resources import cache_folder

    progress, cache = progress or Progress(), cache or cache_folder() / "voices"
    corpus = open_corpus(config.data.path)
    settings, rate = config.data, config.data.sample_rate
    if corpus.mixtures:
        parts = splits.split_mixtures(corpus, settings, config.network.speakers)
        chosen = parts[part] or parts["validation"]
        ready = data.ReadyMade(chosen, rate, cache, progress)
        made = [
            FixedMixture(item.name, ready.mixed(i, _seconds(ready, i), config.mixing), item.speakers, None)
            for i, item in enumerate(chosen)
        ]
        return FixedSet(rate, tuple(made), f"{part} mixtures of {corpus.name}")
    speakers = splits.split_speakers(corpus, settings)[part]
    return mixtures_of(corpus, set(speakers), config, part, cache, progress)


def judged_set(
    info: CheckpointInfo, path: str | Path, count: int = 200, progress: Progress | None = None
) -> FixedSet:
    """What a checkpoint is judged on: mixtures of its test speakers, or of all speakers of data that it never met."""
    from models.resources import cache_folder

    recorded = info.training.get("config", {})
    asked = recorded.get("data", {}) if isinstance(recorded, dict) else {}
    config = SeparationConfig()
    config.data.path, config.data.sample_rate = str(path), int(info.preprocessing["sample_rate"])
    config.data.fixed_mixtures = count
    config.network.speakers = int(info.network.get("speakers", 2))
    corpus = open_corpus(path)
    if corpus.mixtures:
        return fixed_set(config, "test", progress=progress)
    clips = contents_of_clips(corpus.clips)
    overlap = TrainingOverlap.of(info, clips)
    met = {clip.speaker for clip, fresh in zip(corpus.clips, overlap.fresh, strict=True) if not fresh}
    # Copies in another format have another content, and are known by their speakers' names: of most, they are no chance.
    names = set(corpus.speakers)
    known = Learned.of(info.training) or Learned()
    groups = {part: set(of) & names for part, of in known.groups.items()}
    named = set().union(*groups.values())
    learned = groups.get("train", set()) | groups.get("validation", set())
    held = {str(name) for name in asked.get("test_speakers", [])} & names
    same_data = bool(met) or len(named) > len(names) / 2 or not overlap.known
    wanted = (held or names - learned) - met if same_data else names - met
    if len(wanted) < config.network.speakers:
        raise UserError(
            "No speakers of {path} were held back.",
            "The model has met them in its training.",
            "Judge it on other speech.",
            path=path,
        )
    return mixtures_of(corpus, wanted, config, "test", cache_folder() / "voices", progress or Progress())


def mixtures_of(
    corpus: Corpus, wanted: set[str], config: SeparationConfig, part: str, cache: Path, progress: Progress
) -> FixedSet:
    """The fixed mixtures of some of a corpus's speakers; those of another `part` are other ones."""
    settings, rate = config.data, config.data.sample_rate
    voices = decoded.Voices([item for item in corpus.clips if item.speaker in wanted], rate, cache, progress)
    recipes = data.draw_recipes(voices, settings, config.mixing, config.network.speakers, part)
    made = []
    for recipe in recipes:
        clips = [voices.clips[index] for index in recipe.clips]
        sexes = {clip.sex for clip in clips}
        made.append(
            FixedMixture(
                recipe.name,
                data.fixed_mixture(voices, recipe, settings.fixed_s, mixing.heard_db(config.mixing)),
                tuple(clip.speaker for clip in clips),
                None if "" in sexes else len(sexes) == 1,
                recipe.starts_s,
            )
        )
    return FixedSet(rate, tuple(made), f"{len(wanted)} speakers of {corpus.name}")


def _seconds(ready: data.ReadyMade, index: int) -> float:
    return ready.samples(index) / ready.sample_rate


def write_librimix(folder: Path, fixed: FixedSet, part: str = "test") -> Path:
    """The set as LibriMix has it: ``PART/mix_clean``, ``PART/s1`` …, and the CSV of it, whose path is returned.

    Samples are 32-bit floats, so that what is read back is what was written.
    """
    rows: list[Sequence[object]] = []
    for mixture in fixed.mixtures:
        name = f"{mixture.name}_{'_'.join(mixture.speakers)}" if mixture.speakers else mixture.name
        sounds = {"mix_clean": mixture.mixed.mixture} | {
            f"s{n + 1}": source for n, source in enumerate(mixture.mixed.sources)
        }
        for kind, sound in sounds.items():
            write_whole(folder / part / kind / f"{name}.wav", _wav(sound, fixed.sample_rate))
        paths = [f"../{part}/{kind}/{name}.wav" for kind in sounds]
        rows.append([name, *paths, len(mixture.mixed.mixture), *mixture.speakers])
    count = len(fixed.mixtures[0].mixed.sources)
    head = ["mixture_ID", "mixture_path", *(f"source_{n + 1}_path" for n in range(count)), "length"]
    if fixed.mixtures[0].speakers:
        head += [f"s{n + 1}_speaker" for n in range(count)]
    table = folder / "metadata" / f"mixture_{part}_mix_clean.csv"
    write_csv(table, [head, *rows])
    return table


def _wav(sound: np.ndarray, rate: int) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, sound, rate, format="WAV", subtype="FLOAT")
    return buffer.getvalue()


def summed_up(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Means over mixtures: of all, and of pairs of one sex and of both apart."""
    result: dict[str, Any] = {"mixtures": len(rows), **_means(rows)}
    for pairs in PAIRS.values():
        part = [row for row in rows if row["pairs"] == pairs]
        if part and len(part) < len(rows):
            result[pairs] = {"mixtures": len(part), **_means(part)}
    return result


def evaluate_with(
    separator: Separator,
    path: str | Path,
    progress: Progress,
    options: SeparationOptions = DEFAULTS,
    count: int = 200,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """(figures, one row a mixture) of a loaded separator."""
    fixed = judged_set(separator.info, path, count, progress.part(0, 0.1))

    def separate(wave: Any, rate: int) -> Any:
        return separator.separate(wave, rate, options, one_pass=True)

    rows = list(judged(separate, fixed, progress.part(0.1, 1.0)))
    return {"of": fixed.whose, **summed_up(rows)}, rows


def _means(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    return {
        name: float(np.mean(values))
        for name in ("si_sdr", "si_sdri", "sdr", "sdri", "stoi", "pesq")
        if (values := [row[name] for row in rows if row[name] is not None])
    }


def judged(separate: Any, fixed: FixedSet, progress: Progress) -> Iterator[dict[str, Any]]:
    """One row a mixture: means over its speakers. `separate`: (mixture, rate) → [speakers, samples]."""
    from models.separation.metrics import score_tracks

    for number, mixture in enumerate(fixed.mixtures):
        progress.update(number, len(fixed.mixtures), "Separating {name}", name=mixture.name)
        tracks = separate(mixture.mixed.mixture, fixed.sample_rate)
        scores = score_tracks(
            mixture.mixed.mixture, list(mixture.mixed.sources), list(tracks), fixed.sample_rate
        )
        row: dict[str, Any] = {
            "name": mixture.name,
            "speakers": "+".join(mixture.speakers),
            "pairs": PAIRS[mixture.alike],
        }
        for figure in ("si_sdr", "si_sdri", "sdr", "sdri", "stoi", "pesq"):
            values = [value for score in scores if (value := getattr(score, figure)) is not None]
            row[figure] = float(np.mean(values)) if values else None
        yield row
