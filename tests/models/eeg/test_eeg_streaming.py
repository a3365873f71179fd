"""Live: causal passes cut anywhere are one, a talker that is taken over is found, streams by LSL are lost and found again."""

import gettext
import re
import threading
import time

import numpy as np
import pytest
import pyxdf

from models.eeg.decoder import Decoder
from models.eeg.live import lsl, player
from models.eeg.live.causal import CausalEeg, CausalEnvelope, Slowed, common, mixing
from models.eeg.live.events import Arrived, Changed
from models.eeg.live.listening import Listening, certainty
from models.eeg.live.run import LiveRun
from models.eeg.live.steering import Steering, SteeringSettings
from models.eeg.live.xdf import XdfWriter
from models.eeg.recordings import BIOSEMI64
from models.eeg.signal_config import PreprocessingConfig
from models.errors import UserError
from models.resources import resource
from tests.lsl import alone

alone()

NARROW = PreprocessingConfig(low_hz=0.5, high_hz=8.0)
generator = np.random.default_rng(0)


@pytest.fixture(scope="module")
def decoder():
    return Decoder.load("bundled-ridge", "cpu")


def in_blocks(push, values, size):
    return np.concatenate([push(values[first : first + size]) for first in range(0, len(values), size)])


@pytest.mark.parametrize("rate", [64.0, 128.0, 500.0, 512.0])
@pytest.mark.parametrize("size", [1, 7, 333])
def test_a_stream_cut_anywhere_is_the_offline_causal_pass(rate, size):
    eeg = generator.normal(0, 10, (round(4 * rate), 64)) + 30
    whole = CausalEeg(BIOSEMI64, rate, BIOSEMI64, NARROW).push(eeg)
    pieces = in_blocks(CausalEeg(BIOSEMI64, rate, BIOSEMI64, NARROW).push, eeg, size)
    assert abs(len(whole) - 4 * 64) <= 1
    np.testing.assert_allclose(pieces, whole, atol=1e-5)


@pytest.mark.parametrize("rate", [64.0, 16_000.0, 44_100.0])
def test_envelopes_do_not_depend_on_the_blocks(rate):
    sound = generator.normal(0, 0.1, (round(2 * rate), 2))
    whole = CausalEnvelope(rate, 2, NARROW).push(sound)
    pieces = in_blocks(CausalEnvelope(rate, 2, NARROW).push, sound, round(rate / 17))
    assert len(pieces) > 100
    np.testing.assert_allclose(pieces, whole[: len(pieces)], atol=1e-6)


def test_eeg_and_envelope_stay_in_line():
    """A burst in both at one time comes out of both at one time, whatever their rates."""
    slow, fast = Slowed(64.0, 1, NARROW), Slowed(512.0, 1, NARROW)
    peaks = []
    for slowed in (slow, fast):
        times = np.arange(round(6 * slowed.rate)) / slowed.rate
        out = slowed.push(np.exp(-(((times - 3) / 0.05) ** 2))[:, None])[:, 0]
        peaks.append(out.argmax() / 64)
    assert peaks[0] == pytest.approx(peaks[1], abs=1 / 64)
    assert 3 < peaks[0] < 3.2


def test_channels_by_name_and_from_their_neighbours():
    names = [f"EEG {name}-Ref" for name in reversed(BIOSEMI64)]
    matrix, lacking = mixing(names, BIOSEMI64)
    assert not lacking
    np.testing.assert_array_equal(matrix, np.eye(64)[::-1])
    matrix, lacking = mixing(BIOSEMI64[1:], BIOSEMI64)
    assert lacking == ["Fp1"]
    assert matrix[0].sum() == pytest.approx(1, abs=0.05)
    with pytest.raises(UserError, match="lacks channels"):
        mixing([f"E{n}" for n in range(64)], BIOSEMI64)


def test_a_stream_without_the_mastoids_is_refused_in_the_language_of_the_window():
    names = BIOSEMI64
    matrix, _ = mixing(names, names)
    with pytest.raises(UserError) as caught:
        common(names, matrix, "mastoids")
    assert caught.value.sentences()[0] == "The stream has no mastoids to refer to."
    with resource("translations/zh_CN/LC_MESSAGES/polyphony.mo").open("rb") as file:
        chinese = gettext.GNUTranslations(file).gettext
    assert not re.search("[A-Za-z]", caught.value.sentences(chinese)[0])


def test_certainty_is_honest_of_noise():
    """Of tracks that both have nothing to do with it, the better one is hardly ever called sure."""
    from tests.models.eeg.test_eeg_scores import smooth

    sure = []
    for seed in range(60):
        decoded, *tracks = (smooth(640, 3 * seed + n) for n in range(3))
        tracks = np.stack(tracks)
        r = np.array([np.corrcoef(decoded, track)[0, 1] for track in tracks])
        sure.append(certainty(decoded, tracks, r))
    assert min(sure) >= 0.5
    assert np.mean(np.array(sure) > 0.95) < 0.25


def listener(decoder, seconds=60.0, strength=6.0, seed=0, rate=64.0):
    """EEG of someone who listens to the first of two talkers: the decoder's pattern, as strong as said, in noise of 10 µV."""
    time_points = round(seconds * rate)
    random = np.random.default_rng(seed)
    smooth = np.hanning(12) / np.hanning(12).sum()
    envelopes = np.abs([np.convolve(random.normal(size=time_points), smooth, "same") for _ in range(2)]).T
    envelopes /= envelopes.std(0)
    weights = decoder.members[0].network.weight.detach().numpy()
    eeg = random.normal(0, 10, (time_points, 64))
    for lag, row in enumerate(weights):
        late = np.roll(envelopes[:, 0] - envelopes[:, 0].mean(), lag)
        eeg += strength * np.outer(late, row / np.abs(weights).max())
    return eeg.astype(np.float32), envelopes.astype(np.float32)


def test_the_talker_who_is_taken_over_is_found(decoder):
    eeg, envelopes = listener(decoder, 90)
    envelopes[45 * 64 :] = envelopes[45 * 64 :, ::-1]
    listening = Listening(decoder, BIOSEMI64, 64.0, 64.0, 2)
    listening.begin(10.0, 10.0)
    chosen = {}
    for first in range(0, len(eeg), 32):
        listening.push_sound(envelopes[first : first + 32])
        listening.push_eeg(eeg[first : first + 32])
        heard = listening.attention()
        for state in heard.windows if heard else ():
            chosen.setdefault(state.window_s, []).append((heard.time_s, state.chosen, state.certainty))
    assert set(chosen) == {5.0, 10.0, 30.0}
    assert len(chosen[5.0]) > 70
    for window_s, states in chosen.items():
        before = [number for at, number, _ in states if at <= 45]
        after = [number for at, number, _ in states if at > 45 + window_s + listening.delay_s]
        assert np.mean(before) < 0.2
        assert np.mean(after) > 0.8
    assert np.mean([sure for at, _, sure in chosen[10.0] if at <= 45]) > 0.8


def test_streams_that_do_not_begin_together(decoder):
    """The sound began two seconds earlier: what is compared is of one time all the same."""
    eeg, envelopes = listener(decoder, 40)
    listening = Listening(decoder, BIOSEMI64, 64.0, 64.0, 2)
    listening.push_sound(envelopes)
    listening.push_eeg(eeg[128:])
    assert listening.attention() is None
    listening.begin(2.0, 0.0)
    state = listening.attention().window(30.0)
    assert state.window_s == 30.0
    assert state.chosen == 0
    assert state.r[0] > state.r[1] + 0.1


def test_gains_follow_attention_with_a_hold():
    steering = Steering(2, SteeringSettings(most_db=12, db_a_second=6, hold_s=3, sure=0.7))
    assert [steering.decide(0, 0.9, second) for second in range(5)] == [None, None, None, 0, 0]
    flapping = [steering.decide(second % 2, 0.9, second) for second in range(5, 15)]
    assert set(flapping) == {0}
    assert steering.decide(1, 0.6, 15) == 0  # not sure enough
    np.testing.assert_allclose(20 * np.log10(steering.gains(1.0)), [0, -6])
    np.testing.assert_allclose(20 * np.log10(steering.gains(9.0)), [0, -12])
    for second in range(16, 20):
        steering.decide(1, 0.9, second)
    assert steering.followed == 1
    np.testing.assert_allclose(20 * np.log10(steering.gains(0.5)), [-3, -9], atol=1e-9)
    steering.bypass = True
    np.testing.assert_allclose(steering.gains(10.0), [1, 1])


def test_an_xdf_is_read_back(tmp_path):
    writer = XdfWriter(tmp_path / "a.xdf")
    number = writer.add("amplifier <1>", "EEG", ("Cz", "Pz"), 64.0, unit="microvolts")
    values = generator.normal(size=(300, 2)).astype(np.float32)
    for first in range(0, 300, 100):
        writer.samples(number, values[first : first + 100], 5 + first / 64, 64.0)
    writer.mark("hören", 6.5)
    writer.close()
    streams, _ = pyxdf.load_xdf(tmp_path / "a.xdf", synchronize_clocks=False, dejitter_timestamps=False)
    by_name = {stream["info"]["name"][0]: stream for stream in streams}
    np.testing.assert_array_equal(by_name["amplifier <1>"]["time_series"], values)
    np.testing.assert_allclose(by_name["amplifier <1>"]["time_stamps"], 5 + np.arange(300) / 64)
    assert by_name["Polyphony markers"]["time_series"] == [["hören"]]


def wait(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come"
        threading.Event().wait(0.02)


@pytest.mark.slow
def test_streams_are_found_lost_and_found_again_and_recorded(tmp_path, decoder):
    """By LSL and its player, at four times the speed."""
    eeg, envelopes = listener(decoder, 120)
    played = player.Played(eeg, BIOSEMI64, 64.0, envelopes, 64, ("left", "right"))
    source = player.Player(played, " of the test", speed=4.0)
    events = []
    source.start()
    run = None
    try:
        result = []
        wait(lambda: result.extend(lsl.find(0.5)) or {item.name for item in result} >= set(source.names))
        by_name = {item.name: item for item in result}
        first, second = (lsl.Inlet(by_name[name]) for name in source.names)
        assert first.names == BIOSEMI64
        assert first.rate == 4 * 64
        assert second.names == ("left", "right")
        run = LiveRun(decoder, first, second, events.append)
        run.record(tmp_path / "live.xdf")
        run.start()
        wait(lambda: sum(len(entry.eeg) for entry in events if isinstance(entry, Arrived)) > 1000)
        run.mark("here")
        source.cut()
        wait(lambda: any(isinstance(entry, Changed) and entry.lost for entry in events))
        source.mend()
        wait(lambda: any(isinstance(entry, Changed) and not entry.lost for entry in events))
        count = len(events)
        wait(lambda: any(isinstance(entry, Arrived) and len(entry.eeg) for entry in events[count:]))
        health = next(entry for entry in reversed(events) if isinstance(entry, Arrived)).health
        assert (health.gaps, health.lost) == (1, False)
        assert health.dropped > 4 * 64  # what was streamed meanwhile
    finally:
        source.stop()
        if run is not None:
            run.end()
    assert not any(isinstance(entry, UserError) for entry in events)
    streams, _ = pyxdf.load_xdf(tmp_path / "live.xdf", synchronize_clocks=False, dejitter_timestamps=False)
    by_name = {stream["info"]["name"][0]: stream for stream in streams}
    recorded = by_name[source.names[0]]["time_series"]
    arrived = np.concatenate([entry.eeg for entry in events if isinstance(entry, Arrived)])
    np.testing.assert_array_equal(recorded, arrived)
    start = int(np.abs(eeg - recorded[0]).sum(1).argmin())
    np.testing.assert_array_equal(recorded[:900], eeg[start : start + 900])
    marks = [row[0] for row in by_name["Polyphony markers"]["time_series"]]
    assert "here" in marks
    assert any(mark.startswith("lost") for mark in marks)
