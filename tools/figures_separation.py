"""How well the bundled separation model does on voices that it never met; `tools.figures` keeps and writes what this measures.

Sets are of the readers of LibriSpeech whom the model's card names as held back, and of the speakers of Common Voice whom
preset `many-voices` holds back (neither model has met those). Reverberant: each voice in a room of its own, whose tail
decays by 60 dB within 0.2 to 0.6 s, 3 dB below the direct sound; the reverberant voice is what is wanted. Noisy: noise
with the mixture's own spectrum 10 dB below it. Mixtures last 4 s and are heard twice, as is usual in use.
What is done with the tracks in use is measured by `tools.separation_in_use`, on the same speakers.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from models.emotion.degrade import noise_for
from models.loading import bundled_names, read_info
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
from tools import separation_in_use

CLEAN, CHANGED = 200, 100  # mixtures as they are, and of those under other conditions
NOISE_DB = 10.0
ROOM_S, DIRECT_DB = (0.2, 0.6), 3.0
FAINT_DB = (20, 30)
IMPROVED = ("mean", "same sex", "mixed sex", "worst tenth")
SAID = ("1", "2", "3")
SEXES = {"ff": "two women", "mm": "two men", "fm": "woman and man"}

Figures = dict[str, Any]  # as JSON has them
Change = Callable[[Mixed, np.random.Generator, int], Mixed]


def measured(separator: Separator, librispeech: Path, commonvoice: Path) -> Figures:
    """All figures, as they are kept."""
    corpora = {
        "LibriSpeech": (librispeech, evaluation.judged_set(separator.info, librispeech, CLEAN)),
        "Common Voice": (commonvoice, held_speakers(separator, commonvoice)),
    }
    readers = corpora["LibriSpeech"][1]
    sets = {
        name: improvements(separator, held.mixtures, held.sample_rate) for name, (_, held) in corpora.items()
    }
    sets["LibriSpeech"]["heard once"] = improvements(
        separator, readers.mixtures, readers.sample_rate, times=1
    )["mean"]
    for name, change in (("LibriSpeech, reverberant", in_rooms), ("LibriSpeech, noisy", in_noise)):
        sets[name] = improvements(separator, readers.mixtures[:CHANGED], readers.sample_rate, change)
    result: Figures = {"title": separator.info.title, "parameters": separator.parameters, "sets": sets}
    result |= {"alone": {}, "counted": {}, "doubted": {}, "lanes": {}}
    for name, (folder, held) in corpora.items():
        corpus = open_corpus(folder)
        speakers = sorted({speaker for mixture in held.mixtures for speaker in mixture.speakers})
        sounds = separation_in_use.sounds_of(corpus.clips, speakers, separator.sample_rate)
        print(f"{name}: {len(sounds)} speakers, in use", file=sys.stderr, flush=True)
        result["alone"][name] = one_voice(separator, sounds)
        rows, doubts = separation_in_use.counted(separator, sounds)
        result["counted"][name], result["doubted"][name] = [asdict(row) for row in rows], asdict(doubts)
        talks = separation_in_use.lanes(separator, sounds, corpus.speakers)
        result["lanes"][name] = [asdict(talk) for talk in talks]
        if name == "LibriSpeech":  # whose clips are long enough for a sample, and for a mixture after it
            voices = separation_in_use.looked_for(separator, sounds, corpus.speakers)
            result["this voice"] = {kind: asdict(row) for kind, row in voices.items()}
    return result | {"counted by three": counted_by_three(separator, librispeech, commonvoice)}


def counted_by_three(separator: Separator, librispeech: Path, commonvoice: Path) -> Figures:
    """How often one, two and three of those that nobody met are told rightly by the model of three: {voices: [right, of]}."""
    three = Separator.load("bundled-three", "cpu")
    sets = {
        librispeech: evaluation.judged_set(separator.info, librispeech, CLEAN),
        commonvoice: held_speakers(separator, commonvoice),
    }
    result: Figures = {}
    for folder, held in sets.items():
        speakers = sorted({speaker for mixture in held.mixtures for speaker in mixture.speakers})
        sounds = separation_in_use.sounds_of(open_corpus(folder).clips, speakers, three.sample_rate)
        for row in separation_in_use.counted(three, sounds)[0]:
            right, of = result.get(str(row.voices), (0, 0))
            result[str(row.voices)] = (right + row.said.get(str(row.voices), 0), of + row.recordings)
    return result


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
) -> Figures:
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


def one_voice(separator: Separator, sounds: Mapping[str, np.ndarray]) -> Figures:
    """By how much the second track is under the first where one speaker talks alone: the median, and of how many it is so
    many dB."""
    apart = []
    for sound in sounds.values():
        levels = sorted(map(mixing.rms, separator.separate(sound, separator.sample_rate)))
        apart.append(20 * np.log10(levels[-1] / max(levels[-2], mixing.FLOOR)))
    shares = {f"{least} dB": int(np.sum(np.array(apart) >= least)) for least in FAINT_DB}
    return {"speakers": len(apart), "median_db": round(float(np.median(apart)), 1), **shares}


def in_use(figures: Figures) -> str:
    """The card's paragraph about other sounds, and about what is done with the tracks."""
    readers, others = (figures["counted"][name] for name in ("LibriSpeech", "Common Voice"))
    told = [
        f"of {items[0]['recordings']} {whose} alone {items[0]['said']['1']} are told to be one voice, of as many pairs"
        f" {items[1]['said']['2']} to be two, of as many threes {items[2]['said']['3']} to be three"
        for items, whose in ((readers, "readers"), (others, "speakers of Common Voice"))
    ]
    talks = [talk for items in figures["lanes"].values() for talk in items]
    segments, before, after = (
        sum(talk[part] for talk in talks) for part in ("segments", "by_overlap", "by_voice")
    )
    looked = figures["this voice"].values()
    right, mixtures = (sum(item[part] for item in looked) for part in ("right", "mixtures"))
    rooms, noise = (figures["sets"][f"LibriSpeech, {how}"]["mean"] for how in ("reverberant", "noisy"))
    return (
        f"**In use**: {rooms:.1f} dB in rooms of 0.2 to 0.6 s, {noise:.1f} dB in noise 10 dB below,"
        f" {figures['sets']['Common Voice']['mean']:.1f} dB on speakers of Common Voice. {told[0].capitalize()}; {told[1]};"
        f" a third voice is told by the model of three that ships. In conversations with long pauses {before} of {segments} segments of 2 s were in the other"
        f" lane, and {after} since voices are kept in their lanes by what they sound like. Five seconds of a voice find its"
        f" track in {right} of {mixtures} mixtures."
    )


def with_use(card: str, figures: Figures) -> str:
    """The card with that paragraph, before what the model is not."""
    told = [part for part in card.split("\n\n") if not part.startswith("**In use**")]
    place = next(number for number, part in enumerate(told) if part.startswith("**What it is not**"))
    return "\n\n".join([*told[:place], in_use(figures), *told[place:]])


def table(figures: Figures) -> str:
    """The figures as Markdown."""
    parts = (
        improvements_table,
        siblings,
        alone_table,
        counted_table,
        lanes_table,
        voice_table,
        doubted_table,
    )
    return "\n".join(part(figures) for part in parts)


def improvements_table(figures: Figures) -> str:
    """By how many dB mixtures of two became clearer."""
    rows = [
        [name, item["mixtures"], *(f"{item[part]:.1f} dB".replace("-", "−") for part in IMPROVED)]
        for name, item in figures["sets"].items()
    ]
    return markdown(["two voices", "mixtures", "mean", "one sex", "woman and man", "worst tenth"], rows)


SIBLINGS = {
    "bundled-three": "The model of three voices, on 200 mixtures of three of the same readers of LibriSpeech",
    "bundled-causal": "The causal model for live sound, heard once, on the same mixtures of LibriSpeech",
    "bundled-wide": "The model of 16 kHz, on 200 mixtures of the same readers at that rate",
}


def siblings(figures: Figures) -> str:
    """What the models that ship beside the first one come to, as their checkpoints tell it."""
    lines = []
    for name in bundled_names("separation")[1:]:
        metrics = read_info(name, "separation").metrics
        parts = [f"{metrics['test/si_sdri']:.1f} dB"]
        if "test/si_sdri same sex" in metrics:
            parts.append(f"{metrics['test/si_sdri same sex']:.1f} dB of one sex")
            parts.append(f"{metrics['test/si_sdri mixed sex']:.1f} dB of both")
        line = f"{SIBLINGS[name]}: {', '.join(parts)}."
        if name == "bundled-three":
            told = [f"{right} of {of}" for right, of in figures["counted by three"].values()]
            line += f" Recordings of one, two and three people of which it tells how many they are: {', '.join(told)}."
        lines.append(f"{line}\n")
    return "\n".join(lines)


def alone_table(figures: Figures) -> str:
    """How soft the second track of one voice is."""
    head = [
        "one voice alone",
        "speakers",
        "second track, median",
        *(f"at least {db} dB down" for db in FAINT_DB),
    ]
    rows = [
        [name, item["speakers"], f"{item['median_db']:.0f} dB down", *(item[f"{db} dB"] for db in FAINT_DB)]
        for name, item in figures["alone"].items()
    ]
    return markdown(head, rows)


def counted_table(figures: Figures) -> str:
    """The confusion matrix of how many voices there are."""
    rows = [
        [f"{name}, {item['voices']}", item["recordings"], *(item["said"][count] for count in SAID)]
        for name, items in figures["counted"].items()
        for item in items
    ]
    return markdown(["voices there are", "recordings", *(f"{count} told" for count in SAID)], rows)


def lanes_table(figures: Figures) -> str:
    """Segments of conversations that are in the other lane."""
    rows: list[list[object]] = [
        [f"{name}, {SEXES[item['sexes']]}", item["segments"], item["by_overlap"], item["by_voice"]]
        for name, items in figures["lanes"].items()
        for item in items
    ]
    rows.append(["together", *(sum(int(str(row[column])) for row in rows) for column in (1, 2, 3))])
    head = ["conversation", "segments of 2 s", "in the other lane, by overlap alone", "by voice"]
    return markdown(head, rows)


def voice_table(figures: Figures) -> str:
    """How often the track of a voice was figures, and how good it is."""
    head = ["this voice", "mixtures", "right track", "told as sure", "of them right", "SI-SDR", "better by"]
    rows = [
        [
            words,
            *(item[part] for part in ("mixtures", "right", "trusted", "trusted_right")),
            *(f"{item[part]:.1f} dB" for part in ("si_sdr", "improved")),
        ]
        for kind, words in (("same sex", "one sex"), ("mixed sex", "woman and man"))
        for item in [figures["this voice"][kind]]
    ]
    return markdown(head, rows)


def doubted_table(figures: Figures) -> str:
    """Whether doubts are to the point."""
    head = ["two voices told", "pairs", "under 3 dB", "doubted", "of them under 3 dB"]
    head += ["likeness with SI-SDR, rank correlation", "levels", "unexplained energy"]
    rows = [
        [
            name,
            *(item[part] for part in ("pairs", "low", "doubted", "doubted_low")),
            *(f"{item[part]:.2f}".replace("-", "−") for part in ("likeness", "leak", "unexplained")),
        ]
        for name, item in figures["doubted"].items()
    ]
    return markdown(head, rows)


def markdown(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)
