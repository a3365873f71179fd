"""Sound files whose containers do not say, or say wrongly, what is in them; and those that libsndfile does not know."""

import os
from fractions import Fraction

import av
import numpy as np
import pytest
import soundfile

from models import audio
from models.errors import UserError
from models.files import check_regular, sniff

RATE = 16_000


def tone(seconds=2.0, rate=RATE):
    return (0.5 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def heard(path):
    """Its length in seconds; what is counted is what is read, in whole, in blocks and from the middle on."""
    info = audio.info(path)
    whole = audio.read(path, info.sample_rate)
    assert len(whole) == sum(map(len, audio.raw_blocks(path, 7_001)))
    exact = info.format in {"WAV", "FLAC", "MOV", "MP3"}
    assert abs(len(whole) - info.frames) <= (0 if exact else 1024)
    np.testing.assert_array_equal(
        audio.read_part(path, 0.5, None, info.sample_rate), whole[info.sample_rate // 2 :]
    )
    assert np.sqrt(np.mean(whole**2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.05)
    return info.duration_s


def encoded(path, codec, container, samples, rate):
    """As FFmpeg writes it."""
    with av.open(str(path), "w", format=container) as out:
        stream = out.add_stream(codec, rate=rate)
        stream.layout = "mono"
        for start in range(0, len(samples), 960):
            block = np.ascontiguousarray(samples[None, start : start + 960])
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def without_tag(data):
    """An MP3 without its first frame, in which the length stands."""
    start = next(i for i in range(len(data)) if data[i] == 0xFF and data[i + 1] & 0xE0 == 0xE0)
    assert data[start:].find(b"Xing") in range(60) or data[start:].find(b"Info") in range(60)
    following = next(
        i
        for i in range(start + 60, len(data))
        if data[i : i + 2] == data[start : start + 2] and data[i + 3] == data[start + 3]
    )
    return data[following:]


def test_a_recorder_that_died_before_it_wrote_the_length(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(), RATE, subtype="PCM_16")
    data = bytearray(path.read_bytes())
    place = data.index(b"data") + 4
    data[place : place + 4] = bytes(4)
    path.write_bytes(data)
    assert heard(path) == 2.0
    assert "does not say how long" in str(audio.remarks(path)[0])


def test_a_wav_that_breaks_off_says_so(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(), RATE, subtype="PCM_16")
    path.write_bytes(path.read_bytes()[: 44 + RATE])
    assert audio.info(path).duration_s == 0.5
    assert "0.5 s of 2.0 s" in str(audio.info(path).remarks[0])


def test_flac_from_a_pipe(tmp_path):
    path = tmp_path / "a.flac"
    soundfile.write(path, tone(), RATE)
    data = bytearray(path.read_bytes())
    data[21] &= 0xF0  # 36 bits of samples in STREAMINFO
    data[22:26] = bytes(4)
    path.write_bytes(data)
    assert heard(path) == 2.0


def test_a_header_that_claims_days_takes_no_memory(tmp_path):
    path = tmp_path / "a.flac"
    soundfile.write(path, tone(), RATE)
    data = bytearray(path.read_bytes())
    data[21] |= 0x0F
    data[22:26] = b"\xff" * 4
    path.write_bytes(data)
    assert heard(path) == 2.0


@pytest.mark.parametrize("quality", [0.1, 0.9])
def test_mp3_without_the_frame_that_holds_its_length(tmp_path, quality):
    path = tmp_path / "a.mp3"
    sound = np.concatenate([tone(1.0), np.random.default_rng(0).normal(0, 0.35, 6 * RATE).astype(np.float32)])
    soundfile.write(path, sound, RATE, bitrate_mode="VARIABLE", compression_level=quality)
    path.write_bytes(without_tag(path.read_bytes()))
    assert audio.info(path).duration_s == pytest.approx(7.0, abs=0.15)
    assert len(audio.read(path)) == audio.info(path).frames


def test_joined_ogg_is_read_to_its_end_and_said(tmp_path):
    for number in range(2):
        soundfile.write(tmp_path / f"{number}.ogg", tone(2.0 + number), RATE)
    path = tmp_path / "joined.ogg"
    path.write_bytes(b"".join((tmp_path / f"{number}.ogg").read_bytes() for number in range(2)))
    assert heard(path) == pytest.approx(5.0, abs=0.05)
    assert "Several recordings" in str(audio.remarks(path)[0])


@pytest.mark.parametrize(
    ("name", "codec", "container", "rate"),
    [
        ("a.m4a", "aac", "mp4", 16_000),
        ("a.mov", "aac", "mov", 44_100),
        ("a.webm", "libopus", "webm", 48_000),
        ("a.mkv", "aac", "matroska", 16_000),
        ("a.aac", "aac", "adts", 16_000),
    ],
)
def test_what_telephones_and_browsers_record(tmp_path, name, codec, container, rate):
    path = encoded(tmp_path / name, codec, container, tone(2.0, rate), rate)
    assert heard(path) == pytest.approx(2.0, abs=0.12)
    assert path in audio.find_audio([tmp_path])


def test_a_video_that_was_cut_off_says_so(tmp_path):
    path = encoded(tmp_path / "a.mkv", "aac", "matroska", tone(20.0), RATE)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    info = audio.info(path)
    assert 5 < info.duration_s < 15
    assert abs(len(audio.read(path)) - info.frames) <= 1024


def test_what_a_file_is_goes_by_its_first_bytes(tmp_path):
    path = encoded(tmp_path / "a.m4a", "aac", "mp4", tone(), RATE)
    wrong = path.rename(tmp_path / "a.wav")
    assert sniff(wrong) == "mp4"
    assert heard(wrong) == 2.0


def test_a_list_of_other_files_is_not_followed(tmp_path):
    soundfile.write(tmp_path / "secret.wav", tone(), RATE)
    (tmp_path / "list.m4a").write_text("#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:2,\nsecret.wav\n#EXT-X-ENDLIST\n")
    (tmp_path / "list.mp4").write_text("ffconcat version 1.0\nfile 'secret.wav'\n")
    for name in ("list.m4a", "list.mp4"):
        with pytest.raises(UserError, match="not a sound file"):
            audio.read(tmp_path / name)


def test_channels_that_are_opposite_in_phase_are_heard(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, np.stack([tone(), -tone()], 1), RATE, subtype="FLOAT")
    np.testing.assert_allclose(audio.read(path), tone(), atol=1e-6)
    np.testing.assert_allclose(np.concatenate(list(audio.blocks(path, RATE, 0.3))), tone(), atol=1e-6)
    np.testing.assert_allclose(audio.read_part(path, 0.5, 1.0), tone()[8_000:16_000], atol=1e-6)
    assert "opposite in phase" in str(audio.remarks(path)[0])


def test_a_mean_of_channels_is_said_where_there_are_many(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, np.stack([tone()] * 6, 1), RATE)
    assert "6 channels were averaged" in str(audio.remarks(path)[0])
    soundfile.write(path, np.stack([tone()] * 2, 1), RATE)
    assert audio.remarks(path) == ()


@pytest.mark.skipif(os.name != "posix", reason="names are bytes on POSIX alone")
def test_a_name_that_is_not_utf_8(tmp_path):
    place = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.wav")
    soundfile.write(os.fsencode(place), tone(), RATE)
    assert len(audio.read(place)) == 2 * RATE
    with pytest.raises(UserError) as caught:
        audio.read(place + "x")
    str(caught.value).encode()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with names")
def test_what_may_never_end_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "a.wav")
    for path in (tmp_path / "a.wav", "/dev/zero"):
        with pytest.raises(UserError, match="not a file"):
            audio.read(path)
    with pytest.raises(UserError, match="cannot be read"):
        check_regular(tmp_path / ("a" * 300))


def test_a_pointer_of_git_lfs(tmp_path):
    (tmp_path / "a.wav").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n")
    with pytest.raises(UserError, match="git lfs pull"):
        audio.info(tmp_path / "a.wav")
