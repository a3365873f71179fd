"""Recordings in, tracks out: lengths, levels, rates and channels kept, bad input told, nothing left half-way."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from models import checkpoint
from models.errors import UserError
from models.progress import Cancelled, Progress
from models.separation import beginning, network, track_files
from models.separation.network import NetworkConfig
from models.separation.results import SeparationOptions
from models.separation.separator import Separator
from models.settings import validated


def made(speakers=2):
    """A small network that gives each speaker nearly the mixture; at 8 kHz."""
    torch.manual_seed(0)
    config = NetworkConfig(
        speakers=speakers, filters=64, filter_length=32, stride=16, bottleneck=16, skip=16, hidden=16, blocks=2, repeats=1
    )  # fmt: skip
    built = network.build(config)
    beginning.begin_with_sines(built)
    return Separator.of(built, 8000)


def noise(samples, channels=1, level=0.1, seed=0):
    return np.random.default_rng(seed).normal(0, level, (channels, samples)).astype(np.float32)


def written(path, sound, rate, subtype="FLOAT"):
    soundfile.write(path, sound.T, rate, subtype=subtype)
    return path


def read(separated):
    return np.stack(
        [soundfile.read(track, dtype="float32", always_2d=True)[0].T for track in separated.tracks]
    )


@pytest.mark.parametrize("rate", [8000, 11_025, 16_000, 44_100])
@pytest.mark.parametrize("samples", [1, 2, 17, 400, 2205, 30_011])
def test_tracks_are_as_long_as_the_recording(tmp_path, rate, samples):
    sound = noise(samples, 2)
    assert made().separate(sound, rate).shape == (2, 2, samples)
    assert made().separate(sound[0], rate).shape == (2, samples)
    result = made().separate_file(written(tmp_path / "talk.wav", sound, rate), tmp_path / "out")
    assert read(result).shape == (2, 2, samples)
    assert (result.sample_rate, result.channels, result.frames) == (rate, 2, samples)


@pytest.mark.slow
def test_every_length_up_to_2000_samples():
    separator = made()
    sound = noise(2000)[0]
    for samples in range(1, 2001, 7):
        result = separator.separate(sound[:samples], 8000)
        assert result.shape == (2, samples)
        assert np.isfinite(result).all()


def test_the_level_comes_back():
    separator = made()
    sound = noise(16_000)[0]
    for factor in (1.0, 0.001, 30.0):
        tracks = separator.separate(factor * sound, 8000)
        assert np.sqrt(np.mean(np.square(tracks.sum(0) - factor * sound))) < 0.2 * factor * 0.1
        np.testing.assert_allclose(
            tracks, factor * separator.separate(sound, 8000), rtol=1e-2, atol=1e-4 * factor
        )


def test_a_network_that_changes_the_level_is_set_right():
    separator = made()
    sound = noise(16_000)[0]
    before = separator.separate(sound, 8000)
    with torch.no_grad():
        separator.network.decoder.weight.mul_(40.0)
    np.testing.assert_allclose(separator.separate(sound, 8000), before, rtol=1e-3, atol=1e-5)


def test_channels_keep_their_places():
    """A voice that is on the left alone is on the left of its track; opposite channels do not cancel the masks."""
    separator = made()
    left = noise(16_000)[0]
    tracks = separator.separate(np.stack([left, np.zeros_like(left)]), 8000)
    assert not np.abs(tracks[:, 1]).any()
    assert np.abs(tracks[:, 0]).any()
    turned = separator.separate(np.stack([left, -left]), 8000)
    np.testing.assert_allclose(turned[:, 0], -turned[:, 1], atol=1e-6)
    assert np.abs(turned).max() > 0.05


def test_silence_stays_silence(tmp_path):
    result = made().separate_file(written(tmp_path / "a.wav", np.zeros((1, 20_000)), 16_000), tmp_path)
    assert not read(result).any()
    assert "silent" in " ".join(map(str, result.remarks))
    assert result.levels_db == (-120.0, -120.0)
    assert not made().separate(np.zeros(300, dtype=np.float32), 8000).any()


@pytest.mark.parametrize("container", ["wav", "flac"])
def test_tracks_add_up_where_asked(tmp_path, container):
    sound = noise(50_000, 2)
    options = SeparationOptions(mixture_consistency=True, container=container)
    result = made().separate_file(written(tmp_path / "a.wav", sound, 11_025), tmp_path / "o", options)
    assert all(track.suffix == f".{container}" for track in result.tracks)
    np.testing.assert_allclose(read(result).sum(0), sound, atol=1e-6 if container == "wav" else 1e-5)
    np.testing.assert_allclose(made().separate(sound, 11_025, options).sum(0), sound, atol=1e-6)


@pytest.mark.parametrize("times", [1, 2, 4, 8])
def test_augmented_passes_keep_the_order_the_length_and_the_channels(monkeypatch, times):
    """A network that hands tracks over in another order at every hearing, upside down and late alike."""
    separator, calls = made(), []

    def hear(sound):
        calls.append(sound)
        tracks = torch.stack([0.75 * sound, 0.25 * sound])
        return tracks.flip(0) if len(calls) % 2 == 0 else tracks

    monkeypatch.setattr(separator, "_passed", hear)
    sound = noise(5001, 2)
    tracks = separator.separate(sound, 8000, SeparationOptions(test_time_augmentation=times))
    assert len(calls) == times
    assert len({(call.shape[-1], float(call.sum())) for call in calls}) == times  # each heard otherwise
    np.testing.assert_allclose(tracks, [0.75 * sound, 0.25 * sound], atol=1e-5)


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"test_time_augmentation": 3}, "test_time_augmentation.*1, 2, 4 or 8"),
        ({"container": "mp3"}, "container.*'wav' or 'flac'"),
        ({"window_s": 2.0, "overlap_s": 1.5}, "overlap_s.*at most half of the window"),
    ],
)
def test_options_that_cannot_be_are_named(values, why):
    with pytest.raises(UserError, match=why):
        validated(SeparationOptions, values)


@pytest.mark.slow
def test_windows_are_near_one_pass():
    separator = made()
    sound = noise(8000 * 30)[0] * (1 + np.sin(np.arange(8000 * 30) / 7000)).astype(np.float32)
    windowed, whole = separator.separate(sound, 8000), separator.separate(sound, 8000, one_pass=True)
    for track, wanted in zip(windowed, whole, strict=True):
        assert 10 * np.log10(np.square(wanted).sum() / np.square(track - wanted).sum()) > 20


@pytest.mark.slow
def test_the_file_is_as_the_sound_in_memory(tmp_path):
    sound = noise(16_000 * 25, 2)
    options = SeparationOptions(one_voice=False)  # how many voices there are is found in files alone
    result = made().separate_file(written(tmp_path / "a.wav", sound, 16_000), tmp_path / "o", options)
    np.testing.assert_allclose(read(result), made().separate(sound, 16_000), atol=2e-3)


def test_long_wavs_are_rf64(tmp_path, monkeypatch):
    monkeypatch.setattr(track_files, "LARGEST_WAV", 1000)
    result = made().separate_file(written(tmp_path / "a.wav", noise(9000), 8000), tmp_path / "o")
    assert soundfile.info(result.tracks[0]).format == "RF64"


def test_one_speaker_alone_is_told(tmp_path, monkeypatch):
    separator = made()
    monkeypatch.setattr(separator, "window", lambda sound, times: np.stack([sound, 0.001 * sound]))
    sound = written(tmp_path / "a.wav", noise(9000), 8000)
    result = separator.separate_file(sound, tmp_path / "o", SeparationOptions(one_voice=False))
    assert any("Track 2 is near silence, 60 dB" in str(remark) for remark in result.remarks)
    result = separator.separate_file(sound, tmp_path / "o")
    assert any("Only one voice was heard" in str(remark) for remark in result.remarks)
    tracks = read(result)
    assert not tracks[1].any()
    np.testing.assert_allclose(tracks[0, 0], 1.001 * noise(9000)[0], atol=1e-4)


def test_clipping_and_the_band_are_told(tmp_path, monkeypatch):
    separator = made()
    monkeypatch.setattr(
        separator, "window", lambda sound, times: np.stack([2 * sound, sound])
    )  # over full scale
    times = np.arange(16_000) / 16_000
    sound = np.clip(3 * np.sin(2 * np.pi * 200 * times), -1, 1)[None]
    path = written(tmp_path / "a.wav", sound, 16_000, "PCM_16")
    result = separator.separate_file(path, tmp_path / "o", SeparationOptions(container="flac"))
    said = " ".join(map(str, result.remarks))
    assert "clipped" in said
    assert "above 4 kHz" in said
    assert "FLAC cut them off" in said
    kept = separator.separate_file(path, tmp_path / "p")
    assert np.abs(read(kept)).max() > 1.5  # nothing is clipped silently
    assert "FLAC" not in " ".join(map(str, kept.remarks))


# What cannot be done


def test_bad_recordings_are_told_and_leave_nothing(tmp_path):
    (tmp_path / "text.wav").write_text("no sound")
    (tmp_path / "empty.wav").write_bytes(b"")
    written(tmp_path / "none.wav", np.zeros((1, 0)), 8000)
    reasons = {
        "text.wav": "not a sound file",
        "empty.wav": "empty",
        "none.wav": "no sound",
        "gone.wav": "not found",
    }
    for name, why in reasons.items():
        with pytest.raises(UserError, match=why):
            made().separate_file(tmp_path / name, tmp_path / "out" / "deep")
        assert not (tmp_path / "out").exists()


def test_a_recording_that_breaks_off_is_separated_as_far_as_it_goes(tmp_path):
    whole = written(tmp_path / "whole.flac", noise(200_000), 8000, "PCM_16").read_bytes()
    (tmp_path / "torn.flac").write_bytes(whole[: len(whole) // 2])
    result = made().separate_file(tmp_path / "torn.flac", tmp_path / "out")
    assert 0 < result.frames < 200_000
    assert soundfile.info(result.tracks[0]).frames == result.frames
    assert result.remarks


def stopping():
    """A progress that is cancelled once the work is nearly half done."""
    progress = Progress(lambda step: progress.cancel() if step.fraction > 0.4 else None)
    return progress


@pytest.mark.slow
def test_a_cancelled_recording_leaves_nothing(tmp_path):
    path = written(tmp_path / "a.wav", noise(8000 * 60), 8000)
    (tmp_path / "kept").mkdir()
    for folder in ("new/deep", "kept"):
        with pytest.raises(Cancelled):
            made().separate_file(path, tmp_path / folder, progress=stopping())
    assert not (tmp_path / "new").exists()
    assert not list((tmp_path / "kept").iterdir())


@pytest.mark.slow
def test_progress_rises_to_its_end(tmp_path):
    seen = []
    path = written(tmp_path / "a.wav", noise(8000 * 40), 8000)
    made().separate_file(path, tmp_path / "o", progress=Progress(lambda step: seen.append(step.fraction)))
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert len(seen) > 5


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    path = written(tmp_path / "a.wav", noise(9000), 8000)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match="cannot be written"):
        made().separate_file(path, tmp_path / "file")


def test_a_full_disk_is_told(tmp_path, monkeypatch):
    path = written(tmp_path / "a.wav", noise(9000), 8000)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(soundfile.SoundFile, "write", full)
    with pytest.raises(UserError, match="no room left"):
        made().separate_file(path, tmp_path / "o")
    assert not (tmp_path / "o").exists()


def test_choices_that_do_not_suit_are_told(tmp_path):
    path = written(tmp_path / "a.wav", noise(900, 9), 8000)
    with pytest.raises(UserError, match="FLAC cannot hold"):
        made().separate_file(path, tmp_path, SeparationOptions(container="flac"))


def test_a_checkpoint_is_loaded_with_its_card(tmp_path):
    separator = made()
    info = checkpoint.CheckpointInfo(
        system="separation", title="two", card="# Card", metrics={"test/si_sdri": 8.0},
        network=vars(separator.network.config), preprocessing={"sample_rate": 8000, "loudness_db": -25.0},
    )  # fmt: skip
    halves = {name: weight.half() for name, weight in separator.network.state_dict().items()}
    checkpoint.save(tmp_path / "best", halves, info)
    (tmp_path / "config.yaml").write_text("system: separation\n")
    for place in (tmp_path, tmp_path / "best"):  # a run folder, and a checkpoint
        again = Separator.load(place)
        assert (again.sample_rate, again.speakers, again.parameters) == (8000, 2, separator.parameters)
        assert again.card["text"] == "# Card"
        assert again.card["test/si_sdri"] == 8.0
        sound = noise(4000)[0]
        np.testing.assert_allclose(again.separate(sound, 8000), separator.separate(sound, 8000), atol=2e-3)


@pytest.mark.parametrize(("level_db", "heard_db"), [(-25.0, -25.0), (None, -40.0)])
def test_sound_is_heard_at_the_models_level_or_raw(monkeypatch, level_db, heard_db):
    separator = made()
    info = separator.info.model_copy(
        update={"preprocessing": {**separator.info.preprocessing, "loudness_db": level_db}}
    )
    again, heard = Separator(separator.network, info), []
    encode = again.network.encode
    monkeypatch.setattr(again.network, "encode", lambda sound: heard.append(sound) or encode(sound))
    sound = noise(4000)[0]
    again.separate(sound * (0.01 / np.sqrt(np.square(sound).mean())), 8000)
    assert {round(10 * np.log10(float(sound.square().mean())), 2) for sound in heard} == {heard_db}


MEMORY = """
import sys, psutil
from pathlib import Path
import threading
from models.separation.separator import Separator
from models.settings import validated
from tests.models.separation.test_separation_separator import made
one = made()
one.separate(__import__("numpy").zeros(80_000, "float32") + 0.01, 8000)
process = psutil.Process()
idle = most = process.memory_info().rss
done = threading.Event()
def watch():
    global most
    while not done.wait(0.02):
        most = max(most, process.memory_info().rss)
threading.Thread(target=watch, daemon=True).start()
one.separate_file(Path(sys.argv[1]), Path(sys.argv[2]))
done.set()
print((most - idle) / 2**20)
"""


@pytest.mark.slow
def test_memory_stays_bounded(tmp_path):
    minutes = 30
    path = tmp_path / "long.wav"
    with soundfile.SoundFile(path, "w", 16_000, 1, subtype="PCM_16") as file:
        for minute in range(minutes):
            file.write(noise(16_000 * 60, seed=minute)[0])
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, str(path), str(tmp_path / "out")],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3], env={**os.environ, "PYTHONPATH": "."},
    )  # fmt: skip
    assert float(done.stdout.split()[-1]) < 600
    assert soundfile.info(tmp_path / "out" / "long_speaker2.wav").frames == minutes * 60 * 16_000
