"""Whether a third person speaks, of which tracks for two say nothing: the model of three that ships listens to a stretch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from models import audio
from models.progress import Progress
from models.separation.activity import FRAME_S, Activity, Levels
from models.separation.assessment import Assessment
from models.separation.config import THREE
from models.separation.counting import count_voices
from models.separation.results import SeparationOptions
from models.separation.separator import Separator
from models.voices import RunningEmbedding

LISTENED_S = 30.0


def listened(assessment: Assessment, recording: Path, progress: Progress | None = None) -> Assessment:
    """The assessment, and where two voices fill two tracks how likely a third one is. Raises UserError where the recording
    cannot be read."""
    if not assessment.voices == len(assessment.levels_db) == 2:
        return assessment
    (progress or Progress()).update(0, 1, "Listening for a third voice")
    three = Separator.load(THREE, "cpu")
    start = busiest(assessment.activity, LISTENED_S)
    sound = audio.read_part(recording, start, start + LISTENED_S, three.sample_rate)
    return replace(assessment, third=third_voice(three, sound))


def third_voice(three: Separator, sound: np.ndarray) -> float:
    """How likely a third person speaks in float32 [samples] at the model's rate, 0 to 1."""
    tracks = three.separate(sound, three.sample_rate, SeparationOptions(test_time_augmentation=1))
    levels = Levels(len(tracks), three.sample_rate)
    levels.hear(tracks)
    embeddings = [RunningEmbedding(three.sample_rate) for _ in tracks]
    for embedding, track in zip(embeddings, tracks, strict=True):
        embedding.add(track)
    count, certainty = count_voices(levels.finish()[0], [embedding.embedding() for embedding in embeddings])
    return certainty if count >= 3 else 1 - certainty


def busiest(activity: Activity, seconds: float) -> float:
    """Where the stretch of that length begins in which most is said, several at once counting for each, in seconds."""
    frames = round(seconds / FRAME_S)
    said = np.concatenate([[0], np.cumsum(activity.counts)])
    if len(said) <= frames + 1:
        return 0.0
    return float(np.argmax(said[frames:] - said[:-frames])) * FRAME_S
