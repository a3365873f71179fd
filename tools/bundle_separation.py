"""Put a trained checkpoint into ``resources/checkpoints/separation`` with a card that says what it can do, and, where
asked, the sample mixtures into ``resources/samples/separation``.

python -m models train separation --preset bundled --set data.path=LIBRISPEECH --run RUN
python tools/bundle_separation.py RUN/best LIBRISPEECH [--samples]
python -m tools.figures separation --voices LIBRISPEECH COMMONVOICE   # which adds to the card what its use comes to
"""

from __future__ import annotations

import argparse
import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch

from models import audio, checkpoint
from models.checkpoint import CheckpointInfo
from models.progress import Progress
from models.resources import resource
from models.separation import mixing
from models.separation.commands import say
from models.separation.corpora import open_corpus
from models.separation.evaluation import evaluate_with
from models.separation.results import SeparationOptions
from models.separation.separator import Separator

CARD = """\
# Two speakers, {rate:g} kHz

Separates two people who talk at once, in English read aloud without noise or reverberation. It learned from one clip of at
most 9.5 s of each of {train} readers of LibriSpeech (Panayotov, Chen, Povey, Khudanpur, ICASSP 2015; CC BY 4.0), mixed anew at every
step; {validation} others chose the weights. {test} more took no part, and the sample mixtures are theirs.

**On unheard speakers** ({mixtures} fixed mixtures of 4 s of those {test}, levels within ±3 dB): SI-SDR improves by **{all:.1f} dB** (SDR by
{sdri:.1f} dB; STOI {stoi:.2f}): {mixed:.1f} dB where a woman and a man talk, {same:.1f} dB where both are of one sex. That is heard twice, as is usual here; heard
once it is {once:.1f} dB, eight times {eight:.1f} dB.

**What it is not**: large, or trained on much speech. Published networks of this kind learned from hundreds of times as much and improve by 13 to 15 dB;
bring one in with *import*. Two voices of one sex are sometimes exchanged half-way. It learned nothing of noise, rooms and music.
Above {half:g} kHz its tracks hold nothing of their own.

Conv-TasNet, {parameters:,} parameters; {steps:,} steps of training, {hours:.0f} hours of mixtures.
"""
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
    place = resource("checkpoints", "separation")
    checkpoint.save(place, halves, info)
    separator = Separator.load(place)  # judged as it will be used: from half-precision weights
    figures, _ = evaluate_with(separator, options.data, Progress())
    others = [
        evaluate_with(separator, options.data, Progress(), SeparationOptions(test_time_augmentation=count))[
            0
        ]["si_sdri"]
        for count in (1, 8)
    ]
    describe(info, figures, others, separator)
    summary = (
        f"English read aloud; {figures['si_sdri']:.1f} dB better than the mixture for speakers never heard."
    )
    checkpoint.save(place, halves, info.model_copy(update={"summary": summary}))
    print(info.card)
    say(figures)


def describe(
    info: CheckpointInfo, figures: dict[str, Any], others: list[float], separator: Separator
) -> None:
    """The card and the figures of the checkpoint, in place; `others`: the improvement heard once and eight times."""
    config = info.training["config"]
    data = config["data"]
    per_step = config["batch_size"] * config["accumulation"] * data["segment_s"]
    held = len(data["validation_speakers"]), len(data["test_speakers"])
    stated = {f"test/{name}": round(figures[name], 3) for name in ("si_sdri", "si_sdr", "sdri", "stoi")}
    for pairs in ("same sex", "mixed sex"):
        stated[f"test/si_sdri {pairs}"] = round(figures[pairs]["si_sdri"], 3)
    info.metrics = stated
    info.title = f"{separator.speakers} speakers, {separator.sample_rate / 1000:g} kHz"
    info.card = CARD.format(
        rate=separator.sample_rate / 1000,
        half=separator.sample_rate / 2000,
        train=251 - sum(held),
        validation=held[0],
        test=held[1],
        mixtures=figures["mixtures"],
        all=stated["test/si_sdri"],
        sdri=stated["test/sdri"],
        stoi=stated["test/stoi"],
        mixed=stated["test/si_sdri mixed sex"],
        same=stated["test/si_sdri same sex"],
        once=others[0],
        eight=others[1],
        parameters=separator.parameters,
        steps=info.training["step"],
        hours=info.training["step"] * per_step / 3600,
    )


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
