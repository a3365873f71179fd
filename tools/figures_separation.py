"""How well the bundled separation model does on voices that it never met; `tools.figures` keeps and writes what this measures.

Sets are of the readers of LibriSpeech whom the model's card names as held back, and of the speakers of Common Voice whom
preset `many-voices` holds back (neither model has met those). Reverberant: each voice in a room of its own, whose tail
decays by 60 dB within 0.2 to 0.6 s, 3 dB below the direct sound; the reverberant voice is what is wanted. Noisy: noise
with the mixture's own spectrum 10 dB below it. Mixtures last 4 s and are heard twice, as is usual in use.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from models import audio
from models.emotion.degrade import noise_for
from models.progress import Progress
from models.resources import cache_folder
from models.separation import evaluation, mixing
from models.separation.config import SeparationConfig
from models.separation.corpora import open_corpus
from models.separation.losses import permutation_free, si_sdr
from models.separation.mixing import Mixed
from models.separation.results import SeparationOptions
from models.separation.separator import Separator
from models.training import config as configs

CLEAN, CHANGED = 200, 100  # mixtures as they are, and of those under other conditions
NOISE_DB = 10.0
ROOM_S, DIRECT_DB = (0.2, 0.6), 3.0
FAINT_DB = (20, 30)

Change = Callable[[Mixed, np.random.Generator, int], Mixed]


def measured(separator: Separator, librispeech: Path, commonvoice: Path) -> dict[str, Any]:
    """All figures, as they are kept."""
    readers = evaluation.judged_set(separator.info, librispeech, CLEAN)
    speakers = held_speakers(separator, commonvoice)
    sets = {
        "LibriSpeech": improvements(separator, readers.mixtures, readers.sample_rate),
        "Common Voice": improvements(separator, speakers.mixtures, speakers.sample_rate),
    }
    sets["LibriSpeech"]["heard once"] = improvements(
        separator, readers.mixtures, readers.sample_rate, times=1
    )["mean"]
    for name, change in (("LibriSpeech, reverberant", in_rooms), ("LibriSpeech, noisy", in_noise)):
        sets[name] = improvements(separator, readers.mixtures[:CHANGED], readers.sample_rate, change)
    alone = {
        "LibriSpeech": one_voice(separator, librispeech, readers),
        "Common Voice": one_voice(separator, commonvoice, speakers),
    }
    return {"title": separator.info.title, "parameters": separator.parameters, "sets": sets, "alone": alone}


def held_speakers(separator: Separator, commonvoice: Path) -> evaluation.FixedSet:
    """Mixtures of the speakers of Common Voice that preset `many-voices` holds back."""
    corpus, config = open_corpus(commonvoice), SeparationConfig()
    held = set(configs.preset("separation", "many-voices")["data"]["test_speakers"]) & set(corpus.speakers)
    config.data.sample_rate, config.data.fixed_mixtures = separator.sample_rate, CLEAN
    return evaluation.mixtures_of(corpus, held, config, "test", cache_folder() / "voices", Progress())


def improvements(
    separator: Separator,
    mixtures: tuple[evaluation.FixedMixture, ...],
    rate: int,
    change: Change | None = None,
    times: Literal[1, 2, 4, 8] | None = None,
) -> dict[str, Any]:
    """The improvement of SI-SDR in dB: of all mixtures, by the speakers' sexes, and of the worst tenth. times: how often each
    is heard; None: as often as is usual in use."""
    options = SeparationOptions(test_time_augmentation=times)
    gains, alike = [], []
    for number, mixture in enumerate(mixtures):
        mixed = (
            mixture.mixed if change is None else change(mixture.mixed, np.random.default_rng(number), rate)
        )
        tracks = torch.from_numpy(separator.separate(mixed.mixture, rate, options, one_pass=True))
        sources = torch.from_numpy(mixed.sources)
        scores, _ = permutation_free(tracks[None], sources[None])
        before = si_sdr(torch.from_numpy(mixed.mixture), sources)
        gains.append(float((scores[0] - before).mean()))
        alike.append(mixture.alike)
    gained, same = np.array(gains), np.array([item is True for item in alike])
    worst = np.sort(gained)[: max(1, len(gained) // 10)]
    parts = {"mean": gained, "same sex": gained[same], "mixed sex": gained[~same], "worst tenth": worst}
    return {"mixtures": len(gained), **{name: round(float(part.mean()), 3) for name, part in parts.items()}}


def in_rooms(mixed: Mixed, random: np.random.Generator, rate: int) -> Mixed:
    """Each voice in a room of its own."""
    scores = []
    for voice in mixed.sources:
        length = round(float(random.uniform(*ROOM_S)) * rate)
        tail = random.standard_normal(length) * 10 ** (-3 * np.arange(length) / length)
        tail *= mixing.amplitude(-DIRECT_DB) / np.sqrt(np.square(tail).sum())
        scores.append(mixing.in_room(voice, np.concatenate([[1.0], tail])))
    sources = np.stack(scores).astype(np.float32)
    return Mixed(sources.sum(0), sources)


def in_noise(mixed: Mixed, random: np.random.Generator, rate: int) -> Mixed:
    """The mixture in noise that sounds like speech."""
    noise = noise_for(mixed.mixture, "speech-shaped", NOISE_DB, random)
    return replace(mixed, mixture=(mixed.mixture + noise).astype(np.float32))


def one_voice(separator: Separator, folder: Path, held: evaluation.FixedSet) -> dict[str, Any]:
    """By how much the second track is under the first where one of the set's speakers talks alone: the median, and of
    how many it is so many dB."""
    names = {name for mixture in held.mixtures for name in mixture.speakers}
    apart = []
    for clip in open_corpus(folder).clips:
        if clip.speaker in names:
            sound = audio.read_part(clip.path, clip.start_s, clip.end_s, separator.sample_rate)
            levels = sorted(map(mixing.rms, separator.separate(sound, separator.sample_rate)))
            apart.append(20 * np.log10(levels[-1] / max(levels[-2], mixing.FLOOR)))
    shares = {f"{least} dB": int(np.sum(np.array(apart) >= least)) for least in FAINT_DB}
    return {"speakers": len(apart), "median_db": round(float(np.median(apart)), 1), **shares}


def table(measured: dict[str, Any]) -> str:
    """The figures as Markdown."""
    lines = [
        "| two voices | mixtures | mean | one sex | woman and man | worst tenth |",
        "|---|---|---|---|---|---|",
    ]
    for name, item in measured["sets"].items():
        cells = [f"{item[part]:.1f} dB" for part in ("mean", "same sex", "mixed sex", "worst tenth")]
        lines.append(f"| {name} | {item['mixtures']} | {' | '.join(cells)} |")
    lines += [
        "",
        "| one voice alone | speakers | second track, median | at least 20 dB down | at least 30 dB down |",
        "|---|---|---|---|---|",
    ]
    for name, item in measured["alone"].items():
        lines.append(
            f"| {name} | {item['speakers']} | {item['median_db']:.0f} dB down | {item['20 dB']} | {item['30 dB']} |"
        )
    return "\n".join(lines) + "\n"
