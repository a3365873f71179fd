"""Live lanes through the real sound system: a woman and a man played into a microphone, their lanes seen to grow on a real
window, and what was recorded of them in the end."""

from pathlib import Path

import numpy as np
import soundfile

from models import audio
from models.separation.samples import sample_mixtures
from tests.desktop.test_microphone import RATE, likeness

JOURNEY = Path(__file__).with_name("separation_journey.py")


def nearness(track, voice, place):
    """Mean correlation of a voice's pieces of 0.1 s with a track, in which it begins at `place`, each up to 50 ms off: a
    sound server on a busy machine drops a few milliseconds now and then."""
    size, off = RATE // 10, RATE // 20
    correlations = []
    for at in range(0, len(voice) - size + 1, size):
        piece = voice[at : at + size]
        heard = track[max(0, place + at - off) : place + at + size + off]
        if np.linalg.norm(piece) > 0.05 * np.linalg.norm(voice) and len(heard) >= size:
            level = np.sqrt(np.convolve(np.square(heard), np.ones(size), "valid")) + 1e-4
            correlations.append(
                float((np.correlate(heard, piece, "valid") / level).max() / np.linalg.norm(piece))
            )
    return float(np.mean(correlations))


def test_lanes_grow_while_two_people_talk(journey, tmp_path):
    sample = sample_mixtures()[0]
    pictures = [tmp_path / "live.png", tmp_path / "done.png"]
    live, done, end = journey(JOURNEY, sample.mixture, *pictures)
    assert all(picture.is_file() for picture in pictures)

    heard_s = np.array(live["heard_s"])
    assert (np.diff(heard_s) > 0).all()
    assert live["lanes"] == 3
    assert all(len(frames) == 3 for frames in live["drawn"])
    assert (np.diff(np.array(live["drawn"]), axis=0) >= 0).all()
    assert live["latency_s"] > 0
    assert f"model {1000 * live['latency_s']:.0f} ms behind" in live["told"]
    assert live["action"] == "■ Stop"

    sounds = [soundfile.read(path, dtype="float32") for path in (done["mixture"], *done["tracks"])]
    assert {rate for _, rate in sounds} == {RATE}
    assert {len(sound) for sound, _ in sounds} == {done["frames"]}
    assert done["frames"] / RATE >= heard_s[-1] - 0.1
    assert done["page"] == "recording"
    assert done["voices"] == 2

    mixture, *tracks = (sound for sound, _ in sounds)
    played, *voices = (audio.read(path, RATE) for path in (sample.mixture, *sample.references))
    alike, place = likeness(mixture, played)
    assert alike > 0.8
    near = np.array([[nearness(track, voice, place) for track in tracks] for voice in voices])
    own = near[[0, 1], [0, 1]].mean(), near[[0, 1], [1, 0]].mean()
    assert max(own) > min(own) + 0.15, near  # each voice is in a track of its own
    assert end["threads"] == []
