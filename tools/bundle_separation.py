"""Put a trained checkpoint among those that ship, with a card that says what it can do, and, where asked, the sample
mixtures into ``resources/samples/separation``. A causal model, one of three voices and one of 16 kHz go beside the one of two.

python tools/separation_voices.py LIBRISPEECH COMMONVOICE VOICES
python -m models train separation --preset bundled --set data.path=VOICES --run RUN
python -m tools.bundle_separation RUN/best LIBRISPEECH [--samples]
python -m tools.figures separation --voices LIBRISPEECH COMMONVOICE   # which adds to the card what its use comes to
python -m models train separation --preset bundled-three --set data.path=VOICES --run THREE
python -m models train separation --preset bundled-three-pairs --set data.path=VOICES start_from=THREE/best --run PAIRS
python -m tools.bundle_separation PAIRS/best LIBRISPEECH
python -m models train separation --preset bundled-causal --set data.path=VOICES --run CAUSAL
python -m tools.bundle_separation CAUSAL/best LIBRISPEECH
python tools/separation_voices.py LIBRISPEECH COMMONVOICE WIDE_VOICES --rate 16000
python -m models train separation --preset bundled-wide --set data.path=WIDE_VOICES --run WIDE
python -m tools.bundle_separation WIDE/best LIBRISPEECH
"""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import soundfile
import torch

from models import audio, checkpoint, fingerprint
from models.checkpoint import CheckpointInfo
from models.progress import Progress
from models.resources import resource
from models.separation import mixing
from models.separation.commands import say
from models.separation.corpora import open_corpus
from models.separation.evaluation import evaluate_with, judged_set
from models.separation.results import SeparationOptions
from models.separation.separator import Separator
from tools.figures_separation import CLEAN, improvements

LEARNED = """\
It learned from one clip of at most 9.5 s of each of {train} readers of LibriSpeech
(Panayotov, Chen, Povey, Khudanpur, ICASSP 2015; CC BY 4.0) and one of each of {common:,} speakers of Common Voice (Mozilla; CC0), mixed
anew at every step; {validation} readers chose the weights."""
MADE = """\
Conv-TasNet, {parameters:,} parameters; {steps:,} steps of training in all, {hours:.0f} hours of mixtures.
"""
CARD = f"""\
# Two speakers, {{rate:g}} kHz

Separates two people who talk at once. {LEARNED} {{test}} more took no part, and the sample mixtures are theirs.

**On unheard speakers** ({{mixtures}} fixed mixtures of 4 s of those {{test}}, levels within ±3 dB): SI-SDR improves by **{{all:.1f}} dB** (SDR by
{{sdri:.1f}} dB; STOI {{stoi:.2f}}): {{mixed:.1f}} dB where a woman and a man talk, {{same:.1f}} dB where both are of one sex. That is heard twice, as is usual here; heard
once it is {{once:.1f}} dB, eight times {{eight:.1f}} dB.

**What it is not**: large, or trained on much speech. Published networks of this kind learned from hundreds of times as much and improve by 13 to 15 dB;
bring one in with *import*. Two voices of one sex are sometimes exchanged half-way. It learned nothing of rooms and music, and of noise what
Common Voice's microphones bring. Above {{half:g}} kHz its tracks hold nothing of their own.

{MADE}"""
THREE_CARD = f"""\
# Three speakers, {{rate:g}} kHz

Separates three people who talk at once; where fewer do, tracks are silent. It began with the weights of a model of two. {LEARNED}

**On unheard speakers** ({{mixtures}} fixed mixtures of 4 s of three of 25 readers of LibriSpeech who took no part, levels within ±3 dB): SI-SDR improves by **{{all:.1f}} dB**
(SDR by {{sdri:.1f}} dB; STOI {{stoi:.2f}}), heard twice, as is usual here; heard once it is {{once:.1f}} dB, eight times {{eight:.1f}} dB.

**What it is not**: a model for two, whom the other one separates better, though it mostly hears that they are two; sure of who is who: of three
voices two are often confused. It learned nothing of rooms and music. Above {{half:g}} kHz its tracks hold nothing of their own.

{MADE}"""
CAUSAL_CARD = f"""\
# Two speakers, live, {{rate:g}} kHz

Separates two people who talk at once while they talk: it looks back only, and its tracks are {{latency:.0f}} ms behind, but for what
computing takes. It began with the weights of the model that ships beside it. {LEARNED}

**On unheard speakers** ({{mixtures}} fixed mixtures of 4 s of 25 readers of LibriSpeech who took no part, levels within ±3 dB): SI-SDR improves by
**{{all:.1f}} dB** (SDR by {{sdri:.1f}} dB; STOI {{stoi:.2f}}): {{mixed:.1f}} dB where a woman and a man talk, {{same:.1f}} dB where both are of one
sex. On the same mixtures the other model, which listens to what follows, improves by {{beside:.1f}} dB: for recordings choose that one.

**What it is not**: sure in its first second, when it has heard little, or good in rooms and music, of which it learned nothing. Two voices
of one sex are sometimes exchanged. Above {{half:g}} kHz its tracks hold nothing of their own.

Causal, with cumulative norms. {MADE}"""
WIDE_CARD = f"""\
# Two speakers, {{rate:g}} kHz

Separates two people who talk at once, in twice the band of the model that ships beside it, with whose weights it began. {LEARNED}

**On unheard speakers** ({{mixtures}} fixed mixtures of 4 s of 25 readers of LibriSpeech who took no part, levels within ±3 dB): SI-SDR improves by
**{{all:.1f}} dB** (SDR by {{sdri:.1f}} dB; STOI {{stoi:.2f}}): {{mixed:.1f}} dB where a woman and a man talk, {{same:.1f}} dB where both are of one
sex. That is heard twice, as is usual here; heard once it is {{once:.1f}} dB, eight times {{eight:.1f}} dB. On the same mixtures of {{rate:g}} kHz the model of
8 kHz, whose tracks hold nothing above 4 kHz, improves by {{beside:.1f}} dB, heard twice.

**What it is not**: tried in rooms and noise, of which it learned nothing, nor of music; the way in which voices are counted was fitted to the other
one's tracks. Two voices of one sex are sometimes exchanged half-way.

{MADE}"""
SAMPLES = {"fm": "woman-and-man", "ff": "two-women", "mm": "two-men"}
SAMPLE_S = 8.0
VOICES, VOICE_S = 16, 7.0  # of each sex


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint")
    parser.add_argument("data")
    parser.add_argument("--samples", action="store_true", help="also cut the sample mixtures")
    options = parser.parse_args()
    weights, info = checkpoint.load(options.checkpoint, "separation")
    if options.samples:
        cut_samples(info, Path(options.data))
    halves = {name: weight.to(torch.float16) for name, weight in weights.items()}
    kind = kind_of(info)
    place = resource("checkpoints", f"separation{kind}")
    checkpoint.save(place, halves, info)
    separator = Separator.load(place)  # judged as it will be used: from half-precision weights
    figures = judged(separator, options.data, 1 if kind == "-causal" else None)  # live sound is heard once
    info.metrics = stated(figures)
    held = judged_set(info, options.data, CLEAN)
    beside = {"once": improvements(separator, held.mixtures, held.sample_rate, times=1)["mean"]}
    if kind == "-causal":
        other = Separator.load("bundled")
        beside["beside"] = improvements(other, held.mixtures, held.sample_rate, times=1)["mean"]
    else:
        if kind == "-wide":
            beside["beside"] = improvements(Separator.load("bundled"), held.mixtures, held.sample_rate)[
                "mean"
            ]
        beside["eight"] = improvements(separator, held.mixtures, held.sample_rate, times=8)["mean"]
    info.title, info.card = described(kind, info, figures, beside, separator)
    gained = f"{figures['si_sdri']:.1f} dB better than the mixture for speakers never heard."
    summary = {
        "-causal": f"Milliseconds behind the sound; {gained}",
        "-three": f"Three voices at once; {gained}",
        "-wide": f"Two voices at once, up to 8 kHz; {gained}",
    }
    summary[""] = f"Two voices at once; {gained}"
    checkpoint.save(place, halves, info.model_copy(update={"summary": summary[kind]}))
    print(info.card)
    say(figures)


def kind_of(info: CheckpointInfo) -> str:
    """What is added to the name of the system where a model goes beside the one of two voices."""
    if info.network.get("causal"):
        return "-causal"
    if info.network["speakers"] == 3:
        return "-three"
    return "-wide" if info.preprocessing["sample_rate"] == 16_000 else ""


def judged(separator: Separator, data: str, heard: Literal[1] | None) -> dict[str, Any]:
    """Its figures on the fixed mixtures of its test speakers, heard so many times; None: as often as is usual."""
    options = SeparationOptions() if heard is None else SeparationOptions(test_time_augmentation=heard)
    return evaluate_with(separator, data, Progress(), options)[0]


def described(
    kind: str,
    info: CheckpointInfo,
    figures: Mapping[str, Any],
    beside: Mapping[str, float],
    separator: Separator,
) -> tuple[str, str]:
    """Title and card. beside: the improvement heard otherwise, and of the other model."""
    trained = fingerprint.legs(info.training)
    learned = fingerprint.Learned.of(info.training)
    assert learned is not None
    common = {name for name in learned.groups["train"] if name.startswith("cv_")}
    metrics = info.metrics
    words = {
        "rate": separator.sample_rate / 1000,
        "half": separator.sample_rate / 2000,
        "train": len(learned.groups["train"] - common),
        "common": len(common),
        "validation": len(learned.groups["validation"]),
        "test": sum(not name.startswith("cv_") for name in learned.groups["test"]),
        "mixtures": figures["mixtures"],
        "all": metrics["test/si_sdri"],
        "sdri": metrics["test/sdri"],
        "stoi": metrics["test/stoi"],
        "mixed": metrics.get("test/si_sdri mixed sex"),
        "same": metrics.get("test/si_sdri same sex"),
        "latency": 1000 * separator.network.config.filter_length / separator.sample_rate,
        "parameters": separator.parameters,
        "steps": sum(leg["step"] for leg in trained),
        "hours": sum(map(hours_of, trained)),
    }
    live = "live, " if kind == "-causal" else ""
    title = f"{separator.speakers} speakers, {live}{separator.sample_rate / 1000:g} kHz"
    card = {"": CARD, "-three": THREE_CARD, "-causal": CAUSAL_CARD, "-wide": WIDE_CARD}[kind]
    return title, card.format(**words, **beside)


def hours_of(leg: Mapping[str, Any]) -> float:
    """Hours of mixtures that a training heard."""
    config = leg["config"]
    return float(
        leg["step"] * config["batch_size"] * config["accumulation"] * config["data"]["segment_s"] / 3600
    )


def stated(figures: Mapping[str, Any]) -> dict[str, float]:
    """The figures that a checkpoint carries."""
    result = {f"test/{name}": round(figures[name], 3) for name in ("si_sdri", "si_sdr", "sdri", "stoi")}
    for pairs in ("same sex", "mixed sex"):
        if pairs not in figures:
            continue
        result[f"test/si_sdri {pairs}"] = round(figures[pairs]["si_sdri"], 3)
    return result


def cut_samples(info: CheckpointInfo, data: Path) -> None:
    """Three mixtures of test speakers at 16 kHz, each with its two voices alone, which add up to it."""
    folder = resource("samples", "separation")
    folder.mkdir(parents=True, exist_ok=True)
    held = set(info.training["config"]["data"]["test_speakers"])
    clips = [clip for clip in open_corpus(data).clips if clip.speaker in held]
    long = [clip for clip in clips if audio.info(clip.path).duration_s >= SAMPLE_S]
    free = {sex: [clip for clip in long if clip.sex == sex] for sex in "fm"}
    mixtures, voices = [], []
    for sexes, name in SAMPLES.items():
        pair = [free[sex].pop(0) for sex in sexes]
        sounds = [audio.read(clip.path, 16_000)[: round(SAMPLE_S * 16_000)] for clip in pair]
        mixed = mixing.mix(sounds, [0.0, -1.5], -25.0)
        sources = [np.round(source * 32768) / 32768 for source in mixed.sources]
        files = {f"{name}.flac": sum(sources)}
        files |= {f"{name}-{clip.speaker}.flac": source for clip, source in zip(pair, sources, strict=True)}
        for file, sound in files.items():
            soundfile.write(folder / file, sound, 16_000, subtype="PCM_16")
        mixtures.append([name, *files, sexes])
        voices += [[file, clip.speaker, clip.sex] for file, clip in zip(list(files)[1:], pair, strict=True)]
    _write(folder / "samples.csv", ["name", "mixture_path", "s1_path", "s2_path", "sexes"], mixtures)
    voices += cut_voices(info, data, folder)
    _write(folder / "metadata.csv", ["path", "speaker", "sex"], voices)


def cut_voices(info: CheckpointInfo, data: Path, folder: Path) -> list[list[str]]:
    """Some of the voices that the model learned from, at its own rate, to see a training on what ships; as rows."""
    settings = info.training["config"]["data"]
    held = {*settings["test_speakers"], *settings["validation_speakers"]}
    (folder / "voices").mkdir(exist_ok=True)
    rows = []
    for sex in "fm":
        clips = [clip for clip in open_corpus(data).clips if clip.sex == sex and clip.speaker not in held]
        long = [clip for clip in clips if audio.info(clip.path).duration_s >= VOICE_S]
        for clip in long[:VOICES]:
            rate = settings["sample_rate"]
            sound = audio.read(clip.path, rate)[: round(VOICE_S * rate)]
            file = f"voices/{clip.speaker}.flac"
            soundfile.write(folder / file, sound, rate, subtype="PCM_16")
            rows.append([file, clip.speaker, clip.sex])
    return rows


def _write(path: Path, head: list[str], rows: list[list[str]]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([head, *rows])
    path.write_text(text.getvalue(), "utf-8")


if __name__ == "__main__":
    main()
