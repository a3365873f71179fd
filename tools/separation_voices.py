"""Make the corpus of preset `many-voices` of the separation: one clip each of LibriSpeech's and Common Voice's speakers,
without the silence before and after, at 8 kHz, or at 16 kHz for preset `bundled-wide`.

python tools/separation_voices.py LIBRISPEECH COMMONVOICE FOLDER [--rate 16000]
python -m models train separation --preset many-voices --set data.path=FOLDER

FOLDER then has the clips and ``metadata.csv`` (path, speaker, sex, start_s, end_s). What is made:

* Speech begins and ends where Silero's detector hears it, with a tenth of a second around. Clips with less than
  1 s of it are left out.
* Of Common Voice only clips whose loud moments are at least 42 dB over their quiet ones (``snr_db``): noise in a voice
  that is to be learned teaches noise.
* A long clip becomes stretches of 4.5 s which overlap, so that who spoke longer is heard oftener.
* Files are Ogg Vorbis, at 8 kHz of about 27 kbit/s, some 22 dB over what the coding adds, so that the whole is small enough to carry about.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import soundfile

from models import audio
from models.datafiles import read_table
from models.emotion.voice import CHUNK_S, VoiceDetector
from models.separation.corpora import Clip, open_corpus
from models.tables import write_csv

RATES = (8_000, 16_000)
LEAST_SNR_DB = 42.0
SHORTEST_S = 1.0
AROUND_S = 0.1
STRETCH_S, HOP_S = 4.5, 2.5
SPEAKS = 0.5  # probability
COMPRESSION = 0.65  # of Vorbis, as libsndfile counts it: 0 is the best and largest, 1 the smallest
AT_ONCE = 64  # clips through the detector side by side


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("librispeech", type=Path)
    parser.add_argument("commonvoice", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rate", type=int, choices=RATES, default=RATES[0], help="sample rate, Hz")
    options = parser.parse_args()
    clips = [*open_corpus(options.librispeech).clips, *clear_clips(options.commonvoice)]
    rows = []
    for clip, sound in trimmed(clips, options.rate):
        rows += written(clip, sound, options.rate, options.folder)
    write_csv(options.folder / "metadata.csv", [["path", "speaker", "sex", "start_s", "end_s"], *rows])
    seconds = sum(soundfile.info(options.folder / path).duration for path in {str(row[0]) for row in rows})
    print(f"{len({row[1] for row in rows})} speakers, {seconds / 3600:.2f} h, {len(rows)} stretches")


def clear_clips(folder: Path) -> list[Clip]:
    """Common Voice's clips that are clear enough."""
    table = read_table(folder / "metadata.csv", ("path", "speaker", "snr_db"))
    clear = {row["speaker"] for row in table.rows if float(row["snr_db"]) >= LEAST_SNR_DB}
    return [clip for clip in open_corpus(folder).clips if clip.speaker in clear]


def trimmed(clips: Sequence[Clip], rate: int) -> Iterator[tuple[Clip, np.ndarray]]:
    """Each clip with its speech at `rate` Hz, from the first word to the last; too short ones are left out."""
    detector = VoiceDetector()
    for first in range(0, len(clips), AT_ONCE):
        part = clips[first : first + AT_ONCE]
        sounds = [audio.read(clip.path, 16_000) for clip in part]
        for clip, sound, speaks in zip(part, sounds, detector.probabilities_of(sounds), strict=True):
            chunks = np.flatnonzero(speaks >= SPEAKS)
            if not len(chunks):
                continue
            start = max(0.0, chunks[0] * CHUNK_S - AROUND_S)
            end = (chunks[-1] + 1) * CHUNK_S + AROUND_S
            speech = audio.resample(sound[round(start * 16_000) : round(end * 16_000)], 16_000, rate)
            if len(speech) >= SHORTEST_S * rate:
                yield clip, speech
        print(f"{first + len(part)} of {len(clips)}", file=sys.stderr)


def written(clip: Clip, sound: np.ndarray, rate: int, folder: Path) -> list[list[object]]:
    """Write a voice; returns the rows of its stretches."""
    path = folder / "audio" / f"{clip.speaker}.ogg"
    path.parent.mkdir(parents=True, exist_ok=True)
    peak = float(np.abs(sound).max())
    sound = sound * (0.5 / peak) if peak else sound  # levels are drawn anew in every mixture
    soundfile.write(path, sound, rate, format="OGG", subtype="VORBIS", compression_level=COMPRESSION)
    seconds = len(sound) / rate
    count = max(1, 1 + round((seconds - STRETCH_S) / HOP_S))
    place = f"audio/{path.name}"
    if count == 1:
        return [[place, clip.speaker, clip.sex, 0, ""]]
    starts = np.linspace(0, seconds - STRETCH_S, count).round(2).tolist()
    return [[place, clip.speaker, clip.sex, start, round(start + STRETCH_S, 2)] for start in starts]


if __name__ == "__main__":
    main()
