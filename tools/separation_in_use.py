"""What is done with the tracks of the bundled separation model, measured on voices that it never met: how many voices there are,
which tracks are doubted, who stays in which lane, and which track is that of a voice. `tools.figures_separation` keeps it.

Of each speaker there is one clip, so a voice is always heard in one microphone. Counts and doubts are what a person reads:
recordings of at most 8 s are separated from disk to disk, and their tracks are judged without references.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import torch
from scipy.stats import spearmanr

from models import audio
from models.separation import target
from models.separation.assessment import Assessment, assess
from models.separation.corpora import Clip
from models.separation.identity import Reordered, VoiceTrail
from models.separation.losses import permutation_free
from models.separation.metrics import si_sdr
from models.separation.mixing import Mixed, mix
from models.separation.results import SeparationOptions
from models.separation.separator import Separator
from models.separation.third import listened
from tools.separation_conversations import conversation, lane_errors

VOICES = (1, 2, 3)
LONGEST_S = 8.0
LEVEL_DB, LOUDNESS_DB = 3.0, -25.0
LOW_DB = 3.0  # SI-SDR under which tracks should be doubted
PAIRS = ("ff", "mm", "fm")  # sexes of those who converse
CONVERSATION_S = 240.0
SAMPLE_S, BESIDE_S = 5.0, 4.0  # of the voice that is looked for, and at least of the mixture
PARTNERS = 3  # of each sex, for every voice that is looked for


@dataclass(frozen=True)
class Counted:
    """Recordings of `voices` people each. said: in how many of them so many are heard, by number."""

    voices: int
    recordings: int
    said: dict[str, int]


@dataclass(frozen=True)
class Doubts:
    """Of recordings of two that are told to be of two. The correlations are of ranks, with the mean SI-SDR of the tracks."""

    pairs: int
    low: int
    doubted: int
    doubted_low: int
    likeness: float
    leak: float
    unexplained: float


@dataclass(frozen=True)
class Lanes:
    """A conversation of two `sexes`: segments in which anybody speaks, and how many of them are in the other lane than on the
    whole, where windows are joined by what they share alone, and where voices keep their lanes by what they sound like."""

    sexes: str
    segments: int
    by_overlap: int
    by_voice: int


@dataclass(frozen=True)
class Found:
    """Mixtures in which a voice was looked for. right: in how many its own track was chosen; trusted: in how many the
    choice was said to be sure, and right among these. si_sdr: mean of the chosen track against the voice, dB, and by how
    much that is better than the mixture."""

    mixtures: int
    right: int
    trusted: int
    trusted_right: int
    si_sdr: float
    improved: float


def sounds_of(clips: Sequence[Clip], speakers: Sequence[str], rate: int) -> dict[str, np.ndarray]:
    """The first clip of each speaker, float32 [samples]."""
    first = {clip.speaker: clip for clip in reversed(clips)}
    return {
        name: audio.read_part(first[name].path, first[name].start_s, first[name].end_s, rate)
        for name in sorted(speakers)
    }


def together(voices: Sequence[np.ndarray], random: np.random.Generator) -> Mixed:
    """Voices at once, as long as the shortest, levels within ±3 dB."""
    shortest = min(map(len, voices))
    levels = [0.0, *random.uniform(-LEVEL_DB, LEVEL_DB, len(voices) - 1).tolist()]
    return mix([voice[:shortest] for voice in voices], levels, LOUDNESS_DB)


def counted(separator: Separator, sounds: Mapping[str, np.ndarray]) -> tuple[list[Counted], Doubts]:
    """Every speaker alone, and as many recordings of two and of three."""
    rows, judged = [], []
    names, rate = list(sounds), separator.sample_rate
    for voices in VOICES:
        random = np.random.default_rng([2019, voices])
        said = {str(count): 0 for count in VOICES}
        for name in names:
            chosen = [name] if voices == 1 else random.choice(names, voices, replace=False).tolist()
            mixed = together([sounds[speaker][: round(LONGEST_S * rate)] for speaker in chosen], random)
            assessment, tracks = heard(separator, mixed)
            said[str(assessment.people)] = said.get(str(assessment.people), 0) + 1
            if voices == assessment.people == separator.speakers == 2:
                judged.append((assessment, _quality(tracks, mixed)))
        rows.append(Counted(voices, len(names), said))
    return rows, doubts(judged)


def heard(separator: Separator, mixed: Mixed) -> tuple[Assessment, np.ndarray]:
    """(what a person is told of the tracks, the tracks [speakers, samples]) of a recording on the disk."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "recording.wav"
        soundfile.write(path, mixed.mixture, separator.sample_rate, subtype="FLOAT")
        separated = separator.separate_file(path, Path(place))
        assessment = listened(assess(path, separated.tracks), path)
        return assessment, np.stack([soundfile.read(track, dtype="float32")[0] for track in separated.tracks])


def _quality(tracks: np.ndarray, mixed: Mixed) -> float:
    """Mean SI-SDR of the tracks, each against its own voice, dB."""
    scores, _ = permutation_free(torch.from_numpy(tracks)[None], torch.from_numpy(mixed.sources)[None])
    return float(scores.mean())


def doubts(judged: Sequence[tuple[Assessment, float]]) -> Doubts:
    """Whether what is said of tracks goes with how good they are."""
    quality = np.array([value for _, value in judged])
    doubted = np.array([assessment.doubtful for assessment, _ in judged], dtype=bool)
    low = quality < LOW_DB

    def goes_with(values: Sequence[float]) -> float:
        return round(float(spearmanr(values, quality).statistic), 3) if len(values) > 1 else 0.0

    return Doubts(
        len(judged),
        int(low.sum()),
        int(doubted.sum()),
        int((doubted & low).sum()),
        goes_with([assessment.alike for assessment, _ in judged]),
        goes_with([assessment.leak for assessment, _ in judged]),
        goes_with([assessment.unexplained_db for assessment, _ in judged]),
    )


def lanes(separator: Separator, sounds: Mapping[str, np.ndarray], sexes: Mapping[str, str]) -> list[Lanes]:
    """One conversation of two women, of two men, and of both; their clips in thirds are what they say."""
    rows, rate = [], separator.sample_rate
    for number, pair in enumerate(PAIRS):
        random = np.random.default_rng([2019, number])
        chosen: list[str] = []
        for sex in pair:
            free = [name for name in sounds if sexes[name] == sex and name not in chosen]
            chosen.append(free[int(random.integers(len(free)))])
        said = [np.array_split(sounds[name], 3) for name in chosen]
        talk = conversation(said, CONVERSATION_S, rate, seed=number)
        tracks = separator.separate(talk.mixture, rate, SeparationOptions(keep_voices=False))
        trail = VoiceTrail(separator.speakers, rate)
        trail.hear(tracks)
        kept = Reordered(trail.identity().orders, rate).push(tracks)
        before, segments = lane_errors(tracks, talk.voices, rate)
        after, _ = lane_errors(kept, talk.voices, rate)
        rows.append(Lanes(pair, segments, before, after))
    return rows


def looked_for(
    separator: Separator, sounds: Mapping[str, np.ndarray], sexes: Mapping[str, str]
) -> dict[str, Found]:
    """The first five seconds of a clip are the sample, and what follows is said while somebody else talks."""
    rate = separator.sample_rate
    sample, least = round(SAMPLE_S * rate), round((SAMPLE_S + BESIDE_S) * rate)
    long = [name for name in sounds if len(sounds[name]) >= least]
    rows: dict[str, list[tuple[bool, bool, float, float]]] = {"same sex": [], "mixed sex": []}
    random = np.random.default_rng(2019)
    for name in long:
        wanted = target.of_sound(sounds[name][:sample], rate, name)
        assert wanted is not None, name
        for kind, those in rows.items():
            alike = kind == "same sex"
            others = [
                speaker for speaker in long if speaker != name and (sexes[speaker] == sexes[name]) == alike
            ]
            for other in random.permutation(others)[:PARTNERS].tolist():
                mixed = together([sounds[name][sample:], sounds[other][sample:]], random)
                those.append(_chosen(separator, wanted, mixed))
    return {kind: _summed(those) for kind, those in rows.items()}


def _chosen(separator: Separator, wanted: target.Enrolled, mixed: Mixed) -> tuple[bool, bool, float, float]:
    """(right, trusted, SI-SDR of the chosen track, of the mixture) where the voice is the mixture's first."""
    tracks = separator.separate(mixed.mixture, separator.sample_rate, one_pass=True)
    chosen = target.find_in(wanted, tracks, separator.sample_rate)
    assert chosen is not None
    _, order = permutation_free(torch.from_numpy(tracks)[None], torch.from_numpy(mixed.sources)[None])
    before, after = (si_sdr(sound, mixed.sources[0]) for sound in (mixed.mixture, tracks[chosen.track]))
    assert before is not None
    assert after is not None
    return chosen.track == int(order[0, 0]), chosen.trusted, after, before


def _summed(those: Sequence[tuple[bool, bool, float, float]]) -> Found:
    right, trusted, after, before = (np.array(column) for column in zip(*those, strict=True))
    return Found(
        len(those),
        int(right.sum()),
        int(trusted.sum()),
        int((right & trusted).sum()),
        round(float(after.mean()), 2),
        round(float((after - before).mean()), 2),
    )
