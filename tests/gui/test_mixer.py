"""Mixing lanes: exact sums, ramps instead of clicks, jumps, loops, files of several rates; no device is needed."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from app.audio.mixer import RAMP_S, Block, Lanes, Mixer
from models.errors import UserError

RATE = 16_000
RAMP = round(RAMP_S * RATE)


def block(sound, turn=0, place_s=0.0, last=False):
    """[frames, lanes] as a block of one channel."""
    return Block(turn, place_s, np.asarray(sound, np.float32)[:, :, None], last)


def tone(hz, seconds, height=0.3):
    return (height * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def steepest(sound):
    return float(np.abs(np.diff(sound)).max())


def test_the_mixture_is_the_sum_of_lanes_times_gains():
    sound = np.random.default_rng(0).uniform(-0.2, 0.2, (4000, 3))
    mixer = Mixer(3, RATE, 1, [1.0, 0.0, 0.5])
    mixer.feed(block(sound[:2500]))
    mixer.feed(block(sound[2500:], place_s=2500 / RATE, last=True))
    heard = np.concatenate([mixer.pull(777, 0.0) for _ in range(6)])[:, 0]
    assert np.allclose(heard[RAMP:4000], (sound @ [1.0, 0.0, 0.5])[RAMP:], atol=1e-6)
    assert abs(heard[0]) < 0.01  # it fades in
    assert not heard[4000:].any()
    assert mixer.over


def test_switching_from_one_lane_to_another_makes_no_click():
    lanes = np.stack([tone(200, 1.0), tone(310, 1.0)], axis=1)
    mixer = Mixer(2, RATE, 1, [1.0, 0.0])
    mixer.feed(block(lanes))
    before = mixer.pull(5000, 0.0)
    mixer.set_gains([0.0, 1.0])
    after = mixer.pull(5000, 5000 / RATE)
    heard = np.concatenate([before, after])[:, 0]
    bound = steepest(lanes[:, 0]) + steepest(lanes[:, 1]) + 2 * 0.3 / RAMP
    assert steepest(heard) <= bound
    assert np.allclose(heard[5000 + RAMP :], lanes[5000 + RAMP : 10_000, 1], atol=1e-6)  # in step: no jump


def test_a_jump_fades_out_and_in_and_the_place_is_the_new_one_at_once():
    sound = np.full((RATE, 1), 0.5)
    mixer = Mixer(1, RATE, 1, [1.0])
    mixer.feed(block(sound))
    mixer.pull(4000, 10.0)
    assert mixer.position_s(10.1) == pytest.approx(0.1)
    turn = mixer.jump(7.0)
    assert mixer.position_s(10.2) == 7.0
    mixer.feed(block(np.full((RATE, 1), -0.5), turn, 7.0))
    heard = mixer.pull(4000, 10.25)[:, 0]
    assert steepest(heard) <= 1.01 * 0.5 / RAMP
    assert heard[0] > 0.45
    assert heard[-1] == pytest.approx(-0.5)
    assert mixer.position_s(10.5) == pytest.approx(7.0 + 0.25 - RAMP / RATE, abs=0.001)


def test_pause_fades_and_goes_on_where_it_was():
    sound = np.full((2 * RATE, 1), 0.5)
    mixer = Mixer(1, RATE, 1, [1.0])
    mixer.feed(block(sound))
    mixer.pull(4000, 0.0)
    mixer.paused = True
    heard = mixer.pull(4000, 0.25)[:, 0]
    assert steepest(heard) <= 1.01 * 0.5 / RAMP
    assert not heard[RAMP + 1 :].any()
    here = mixer.position_s(5.0)
    assert here == pytest.approx((4000 + RAMP) / RATE, abs=1e-3)
    mixer.pull(4000, 5.0)
    assert mixer.position_s(9.0) == here
    mixer.paused = False
    assert mixer.pull(4000, 9.0)[-1, 0] == 0.5
    assert mixer.position_s(9.1) == pytest.approx(here + 0.1, abs=1e-3)


def test_a_hole_is_silence_and_not_the_end():
    mixer = Mixer(1, RATE, 1, [1.0])
    mixer.feed(block(np.full((100, 1), 0.5)))
    assert mixer.pull(500, 0.0).shape == (500, 1)
    assert not mixer.over
    mixer.feed(block(np.full((1000, 1), 0.5), place_s=100 / RATE, last=True))
    heard = mixer.pull(2000, 1.0)[:, 0]
    assert heard[0] < 0.01
    assert mixer.over


def test_loud_lanes_together_stay_within_full_scale():
    mixer = Mixer(2, RATE, 1, [2.0, 2.0])
    mixer.feed(block(np.full((1000, 2), 0.9)))
    assert mixer.pull(1000, 0.0).max() == 1.0


@pytest.fixture
def files(tmp_path):
    """Three seconds: 16 kHz mono, 44.1 kHz stereo of the same tone, and a shorter one."""
    import soxr

    sound = tone(440, 3.0)
    soundfile.write(tmp_path / "a.wav", sound, RATE, subtype="FLOAT")
    other = soxr.resample(sound, RATE, 44_100)
    soundfile.write(tmp_path / "b.flac", np.stack([other, other], axis=1), 44_100)
    soundfile.write(tmp_path / "c.wav", sound[:RATE], RATE, subtype="FLOAT")
    return [tmp_path / name for name in ("a.wav", "b.flac", "c.wav")]


def all_of(lanes, blocks=1000):
    made = []
    for _ in range(blocks):
        block = lanes.read(0)
        if block is None:
            break
        made.append(block)
    return made


def test_files_of_any_rate_and_length_run_together(files):
    lanes = Lanes(files, RATE, 1)
    made = all_of(lanes)
    lanes.close()
    sound = np.concatenate([item.sound for item in made])[:, :, 0]
    assert len(sound) == 3 * RATE
    assert made[-1].last
    assert not any(item.last for item in made[:-1])
    assert np.array_equal(sound[:, 0], tone(440, 3.0))
    inner = slice(RATE // 4, -RATE // 4)
    assert np.allclose(sound[inner, 1], sound[inner, 0], atol=2e-3)  # in step to the sample
    assert np.array_equal(sound[:RATE, 2], sound[:RATE, 0])
    assert not sound[RATE:, 2].any()


def test_seeking_finds_the_same_sample_in_every_file(files):
    lanes = Lanes(files, RATE, 2)
    lanes.seek(1.5)
    block = lanes.read(0)
    lanes.close()
    assert block.place_s == 1.5
    assert block.sound.shape[1:] == (3, 2)
    expected = tone(440, 3.0)[round(1.5 * RATE) :][: len(block.sound)]
    assert np.array_equal(block.sound[:, 0, 0], expected)
    assert np.allclose(block.sound[200:-200, 1, 0], expected[200:-200], atol=2e-3)


def test_a_loop_comes_back_without_a_click(files):
    lanes = Lanes(files[:1], RATE, 1)
    lanes.stretch = (0.5, 0.73)
    lanes.seek(0.4)
    made = all_of(lanes, 40)
    lanes.close()
    places = [item.place_s for item in made]
    assert places[0] == 0.4
    assert places.count(0.5) >= 4
    assert max(item.place_s + len(item.sound) / RATE for item in made) == pytest.approx(0.73)
    sound = np.concatenate([item.sound for item in made])[:, 0, 0]
    assert steepest(sound) < steepest(tone(440, 1.0)) + 0.3 / (RAMP / 2)
    assert not any(item.last for item in made)


def test_a_stretch_that_is_heard_once_ends_with_it(files):
    lanes = Lanes(files[:1], RATE, 1)
    lanes.stretch, lanes.again = (0.5, 0.73), False
    lanes.seek(0.5)
    made = all_of(lanes)
    assert made[-1].last
    sound = np.concatenate([item.sound for item in made])[:, 0, 0]
    assert len(sound) == round(0.23 * RATE)
    assert abs(sound[-1]) < 0.01
    assert lanes.read(0) is None
    lanes.seek(1.0)  # past it, it means nothing
    assert all_of(lanes)[-1].place_s > 2.9
    lanes.close()


def test_playing_from_the_very_end_ends(files):
    lanes = Lanes(files, RATE, 1)
    lanes.seek(99.0)
    made = all_of(lanes)
    lanes.close()
    assert made[-1].last
    assert lanes.read(0) is None


def test_what_cannot_be_read_is_said(tmp_path):
    with pytest.raises(UserError):
        Lanes([tmp_path / "gone.wav"], RATE, 1)


def test_what_libsndfile_does_not_know_is_played_as_it_is_read(tmp_path):
    """A recording of a telephone (M4A), from the beginning and after a jump; the mixer at another rate, too."""
    from app.audio.mixer import _LaneFile
    from app.audio.player import _File
    from models.sound import open_sound
    from tests.cases.test_sound_files import encoded

    path = encoded(tmp_path / "talk.m4a", "aac", "mp4", tone(440, 1.0), RATE)
    whole = open_sound(path)
    expected = whole.read(RATE)
    whole.close()
    for source in (_File(path), _LaneFile(path, RATE, 1)):
        played = source.read(0, 4000) if isinstance(source, _File) else source.read(4000)
        np.testing.assert_allclose(played, expected[:4000], atol=1e-6)
        if isinstance(source, _LaneFile):
            source.seek(8000)
        jumped = source.read(8000, 2000) if isinstance(source, _File) else source.read(2000)
        np.testing.assert_allclose(jumped, expected[8000:10_000], atol=1e-3)
        source.close()
    slower = _LaneFile(path, 8000, 2)
    assert slower.read(4000).shape == (4000, 2)
    slower.close()
