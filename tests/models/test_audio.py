"""Reading sound: every format libsndfile writes, any rate and channels, and files that are not what they say."""

import os

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models import audio
from models.errors import UserError


def tone(rate, seconds=0.5, hertz=440.0):
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate).astype(np.float32)


def write(path, samples, rate, **options):
    soundfile.write(path, samples, rate, **options)
    return path


def loudest_hertz(samples, rate):
    return np.abs(np.fft.rfft(samples * np.hanning(len(samples)))).argmax() * rate / len(samples)


@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        ("wav", {"subtype": "PCM_16"}),
        ("wav", {"subtype": "FLOAT"}),
        ("wav", {"subtype": "PCM_U8"}),
        ("flac", {}),
        ("ogg", {}),
        ("opus", {"format": "OGG", "subtype": "OPUS"}),
        ("mp3", {}),
        ("aiff", {}),
        ("au", {}),
        ("caf", {}),
        ("w64", {}),
    ],
)
def test_formats(tmp_path, suffix, options):
    rate = 48_000 if suffix == "opus" else 44_100
    path = write(tmp_path / f"a.{suffix}", tone(rate), rate, **options)
    samples = audio.read(path)
    assert samples.dtype == np.float32
    assert len(samples) == pytest.approx(8_000, abs=200)
    assert loudest_hertz(samples, 16_000) == pytest.approx(440, abs=5)


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 48_000, 96_000, 192_000])
def test_rates(tmp_path, rate):
    path = write(tmp_path / "a.wav", tone(rate), rate)
    assert audio.info(path).sample_rate == rate
    samples = audio.read(path)
    assert len(samples) == pytest.approx(8_000, abs=1)
    assert loudest_hertz(samples, 16_000) == pytest.approx(440, abs=2)


def test_192_khz_with_8_channels(tmp_path):
    channels = np.stack([tone(192_000) * (i == 3) for i in range(8)], axis=1)
    path = write(tmp_path / "a.wav", channels, 192_000)
    assert audio.info(path).channels == 8
    mono, all_channels = audio.read(path), audio.read(path, mono=False)
    assert mono.shape == (8_000,)
    assert all_channels.shape == (8_000, 8)
    np.testing.assert_allclose(mono, all_channels.mean(axis=1), atol=1e-6)
    assert np.abs(all_channels[:, 3]).max() > 0.45


def test_a_stretch(tmp_path):
    samples = np.arange(16_000, dtype=np.float32) / 32_768
    path = write(tmp_path / "a.wav", samples, 16_000, subtype="FLOAT")
    np.testing.assert_array_equal(audio.read_part(path, 0.25, 0.5), samples[4_000:8_000])
    np.testing.assert_array_equal(audio.read_part(path, 0.75, None), samples[12_000:])
    with pytest.raises(UserError, match="holds no sound"):
        audio.read_part(path, 5.0, 6.0)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rate=st.sampled_from([8_000, 16_000, 22_050, 44_100]),
    frames=st.integers(1, 30_000),
    block_s=st.floats(0.01, 0.7),
)
def test_blocks_joined_are_the_whole(tmp_path, rate, frames, block_s):
    samples = np.random.default_rng(frames).normal(0, 0.1, frames).astype(np.float32)
    path = write(tmp_path / "b.wav", samples, rate, subtype="FLOAT")
    joined = np.concatenate(list(audio.blocks(path, 16_000, block_s)))
    whole = audio.read(path)
    assert len(joined) == len(whole)
    np.testing.assert_allclose(joined, whole, atol=2e-4)


def test_not_a_number_becomes_silence(tmp_path):
    path = write(
        tmp_path / "a.wav", np.array([0.1, np.nan, np.inf, -0.1], np.float32), 16_000, subtype="FLOAT"
    )
    assert np.array_equal(audio.read(path), np.array([0.1, 0, 0, -0.1], np.float32))


def broken_files(folder):
    whole = write(folder / "whole.wav", tone(16_000), 16_000).read_bytes()
    (folder / "empty.wav").write_bytes(b"")
    (folder / "text.wav").write_text("This is not sound.\n" * 50)
    (folder / "header.wav").write_bytes(whole[:30])
    write(folder / "nothing.wav", np.zeros(0, np.float32), 16_000)
    return {"empty.wav": "is empty", "text.wav": "not a sound file", "header.wav": "not a sound file", "nothing.wav": "holds no sound",
            "missing.wav": "was not found"}  # fmt: skip


def test_broken_files_are_said_in_words(tmp_path):
    for name, words in broken_files(tmp_path).items():
        with pytest.raises(UserError, match=words) as caught:
            audio.read(tmp_path / name)
        what, why, remedy = caught.value.sentences()
        assert name in what
        assert why
        assert remedy
    with pytest.raises(UserError, match="is a folder"):
        audio.read(tmp_path)


def test_truncated_wav_gives_what_is_left(tmp_path):
    whole = write(tmp_path / "whole.wav", tone(16_000, 2.0), 16_000)
    cut = tmp_path / "cut.wav"
    cut.write_bytes(whole.read_bytes()[: 44 + 16_000])
    assert len(audio.read(cut)) == 8_000


def test_of_a_truncated_flac_what_is_there_is_read_and_said(tmp_path):
    whole = write(tmp_path / "whole.flac", np.random.default_rng(0).normal(0, 0.1, 64_000), 16_000)
    cut = tmp_path / "cut.flac"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    there = audio.read(cut)
    assert 1.5 * 16_000 < len(there) == audio.info(cut).frames < 2.1 * 16_000
    np.testing.assert_allclose(there, audio.read(whole)[: len(there)], atol=1e-4)
    assert "of 4.0 s are there" in str(audio.remarks(cut)[0])


def test_finding_files(tmp_path):
    for name in ("b/2.wav", "b/1.FLAC", "a.mp3", "b/notes.txt", ".hidden/3.wav", "b/.4.wav"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    result = audio.find_audio([tmp_path, tmp_path / "b" / "notes.txt", tmp_path / "a.mp3"])
    assert [str(path.relative_to(tmp_path)) for path in result] == [
        "a.mp3",
        "b/1.FLAC",
        "b/2.wav",
        "b/notes.txt",
    ]


def test_unreadable_folder(tmp_path):
    if os.geteuid() == 0:
        with pytest.raises(UserError, match="cannot be read"):
            audio._refuse_folder(PermissionError(13, "Permission denied", str(tmp_path)))
        return
    tmp_path.chmod(0)
    try:
        with pytest.raises(UserError, match="cannot be read"):
            audio.find_audio([tmp_path])
    finally:
        tmp_path.chmod(0o755)
