"""Each voice in one lane through a whole recording, by what it sounds like."""

import numpy as np
import pytest
import soundfile

from models import audio
from models.resources import resource
from models.separation import beginning, network
from models.separation.identity import Identity, Ordered, Reordered, VoiceTrail, quiet_place
from models.separation.network import NetworkConfig
from models.separation.results import SeparationOptions
from models.separation.separator import Separator
from tools.separation_conversations import conversation, lane_errors

RATE = 8000


@pytest.fixture(scope="module")
def said():
    """What two people of the samples say, in thirds."""
    folder = resource("samples", "separation")
    paths = sorted(folder.glob("two-men-*.flac"))
    return [np.array_split(audio.read(path, RATE), 3) for path in paths]


@pytest.fixture(scope="module")
def talk(said):
    return conversation(said, 100, RATE, seed=3)


def exchanged(voices, seed, leak=0.15):
    """The voices with some of each other in them, exchanged at random places, as a network does."""
    random = np.random.default_rng(seed)
    leaky = (1 - leak) * voices + leak * voices[::-1]
    places = np.sort(random.integers(0, voices.shape[1], 6))
    for start, end in zip(places[::2], places[1::2], strict=True):
        leaky[:, start:end] = leaky[::-1, start:end].copy()
    return leaky.astype(np.float32)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_voices_are_put_back_into_their_lanes(talk, seed):
    tracks = exchanged(talk.voices, seed)
    trail = VoiceTrail(2, RATE)
    for start in range(0, tracks.shape[1], 5000):
        trail.hear(tracks[:, start : start + 5000])
    identity = trail.identity()
    assert [item.start for item in identity.orders[1:]] == [item.end for item in identity.orders[:-1]]
    assert identity.orders[-1].end == tracks.shape[1]
    lanes = Reordered(identity.orders, RATE).push(tracks)
    before, judged = lane_errors(tracks, talk.voices, RATE)
    after, _ = lane_errors(lanes, talk.voices, RATE)
    assert after <= 6 < before  # where they are exchanged, a segment each time holds both
    assert judged > 30


@pytest.mark.slow
def test_what_was_right_is_left_alone(talk):
    tracks = (0.9 * talk.voices + 0.1 * talk.voices[::-1]).astype(np.float32)
    trail = VoiceTrail(2, RATE)
    trail.hear(tracks)
    identity = trail.identity()
    assert not any(item.exchanged for item in identity.orders)
    np.testing.assert_array_equal(Reordered(identity.orders, RATE).push(tracks), tracks)


def test_one_voice_and_silence_are_no_puzzle(talk):
    for tracks in (talk.voices * [[1], [0]], 0 * talk.voices):
        trail = VoiceTrail(2, RATE)
        trail.hear(tracks.astype(np.float32)[:, : 30 * RATE])
        assert not any(item.exchanged for item in trail.identity().orders)
    assert VoiceTrail(2, RATE).identity() == Identity((), pytest.approx(np.zeros((0, 256))))


@pytest.mark.parametrize("size", [1, 37, 1000])
def test_orders_change_without_a_click_however_the_tracks_come(size):
    tracks = np.stack([np.full((1000, 2), 1.0), np.full((1000, 2), -1.0)]).astype(np.float32)
    orders = [Ordered(0, 300, (0, 1)), Ordered(300, 700, (1, 0)), Ordered(700, 1000, (0, 1))]
    lanes = Reordered(orders, RATE)
    result = np.concatenate([lanes.push(tracks[:, at : at + size]) for at in range(0, 1000, size)], axis=1)
    assert (result[0, :300] == 1).all()
    assert (result[0, 380:700] == -1).all()
    assert (result[0, 780:] == 1).all()
    assert np.abs(np.diff(result[0, :, 0])).max() < 0.03
    np.testing.assert_allclose(result.sum(0), 0, atol=1e-6)


def test_a_cut_is_made_where_it_is_quiet():
    tracks = np.full((2, 20_000), 0.5, np.float32)
    tracks[:, 15_000:15_400] = 0.01
    assert 15_000 <= quiet_place(tracks, RATE) <= 15_400


def exchanging():
    """A network for two at 8 kHz that gives each the mixture."""
    config = NetworkConfig(
        filters=64, filter_length=32, stride=16, bottleneck=16, skip=16, hidden=16, blocks=2
    )
    built = network.build(config)
    beginning.begin_with_sines(built)
    return Separator.of(built, RATE)


@pytest.mark.slow
@pytest.mark.parametrize("container", ["wav", "flac"])
def test_files_are_put_right_as_well(tmp_path, talk, monkeypatch, container):
    """A separator that exchanges the voices in the middle: its files have each voice in one."""
    separator = exchanging()
    sound = talk.mixture[: 60 * RATE]
    voices = talk.voices[:, : 60 * RATE]
    wrong = (0.9 * voices + 0.1 * voices[::-1])[:, None].astype(np.float32)
    wrong[..., 30 * RATE :] = wrong[::-1, ..., 30 * RATE :].copy()
    place = [0]

    def heard(sound, times):
        start = place[0]
        place[0] += 6 * RATE
        start = min(start, wrong.shape[-1] - sound.shape[1])
        return wrong[..., start : start + sound.shape[1]]

    # what a network would give, so that the files' way can be followed: the windows come one after the other
    monkeypatch.setattr(separator, "window", heard)
    monkeypatch.setattr("models.separation.windows._agreement", lambda before, after: np.eye(2))
    soundfile.write(tmp_path / "talk.wav", sound, RATE, subtype="FLOAT")
    told = []
    for keep in (False, True):
        place[0] = 0
        result = separator.separate_file(
            tmp_path / "talk.wav",
            tmp_path / str(keep),
            SeparationOptions(keep_voices=keep, one_voice=False, container=container),
            on_stretch=told.append,
        )
        tracks = np.stack([soundfile.read(track, dtype="float32")[0] for track in result.tracks])
        assert tracks.shape == voices.shape
        errors, judged = lane_errors(tracks, voices, RATE)
        assert (errors <= 0.1 * judged) == keep
        assert any("put back" in str(remark) for remark in result.remarks) == keep
        levels = 10 * np.log10(np.square(tracks.astype(float)).mean(1))
        np.testing.assert_allclose(result.levels_db, levels, atol=0.05)
        assert sorted(path.name for path in (tmp_path / str(keep)).iterdir()) == sorted(
            track.name for track in result.tracks
        )
    assert sum(part.shape[1] for part in told) == 2 * len(sound)
