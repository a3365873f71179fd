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


def places(data, *patches):
    """`data` with other bytes at some places."""
    changed = bytearray(data)
    for place, content in patches:
        changed[place : place + len(content)] = content
    return bytes(changed)


def test_a_wav_whose_header_was_written_once_and_not_again(tmp_path):
    """Recorders write the length now and then; what came after the last time is read, too, unless it is no sound."""
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(), RATE, subtype="PCM_16")
    whole = path.read_bytes()
    path.write_bytes(places(whole, (40, (RATE).to_bytes(4, "little"))))
    assert heard(path) == 2.0
    assert "wrong length" in str(audio.remarks(path)[0])
    path.write_bytes(whole + b"LIST\x04\x00\x00\x00abcd")
    assert heard(path) == 2.0
    assert audio.remarks(path) == ()
    path.write_bytes(whole + whole)
    assert heard(path) == 2.0
    assert "only the first" in str(audio.remarks(path)[0])


@pytest.mark.parametrize(("name", "mark", "offset", "content"), [
    ("a.rf64", b"ds64", 8, bytes(24)),
    ("a.rf64", b"ds64", 8, b"\xff" * 24),
    ("a.au", b".snd", 8, bytes(4)),
    ("a.caf", b"data", 4, b"\xff" * 8),  # what Core Audio writes while it records
    ("a.caf", b"data", 4, bytes(8)),
])  # fmt: skip
def test_containers_that_do_not_say_their_length(tmp_path, name, mark, offset, content):
    path = tmp_path / name
    soundfile.write(path, tone(), RATE, format=name[2:].upper(), subtype="PCM_16")
    data = path.read_bytes()
    path.write_bytes(places(data, (data.index(mark) + offset, content)))
    assert heard(path) == 2.0
    assert "does not say how long" in str(audio.remarks(path)[0])


def test_a_rate_at_which_nothing_is_heard_is_refused(tmp_path):
    """One sample a second: two seconds of numbers would be hours of sound at another rate."""
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(), RATE, subtype="PCM_16")
    path.write_bytes(places(path.read_bytes(), (24, b"\x01\x00\x00\x00")))
    with pytest.raises(UserError, match="not a sound file"):
        audio.info(path)


@pytest.mark.parametrize("seconds", [(2.0, 2.0), (2.0, 30.0), (30.0, 1.0)])
def test_joined_flac_is_read_to_its_end_and_said(tmp_path, seconds):
    path, noise = tmp_path / "joined.flac", np.random.default_rng(0)
    parts = []
    for number, length in enumerate(seconds):
        soundfile.write(
            tmp_path / f"{number}.flac", tone(length) * noise.uniform(0.9, 1.1, round(length * RATE)), RATE
        )
        parts.append((tmp_path / f"{number}.flac").read_bytes())
        assert audio.remarks(tmp_path / f"{number}.flac") == ()
    path.write_bytes(b"".join(parts))
    assert heard(path) == pytest.approx(sum(seconds), abs=0.3)  # FFmpeg may lose a frame where they meet
    assert "Several recordings" in str(audio.remarks(path)[0])


def test_an_mp3_that_breaks_off_says_so(tmp_path):
    path = tmp_path / "a.mp3"
    soundfile.write(path, tone(4.0), RATE)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert audio.info(path).duration_s == pytest.approx(len(audio.read(path)) / RATE, abs=0.1)
    assert "of 4.0 s are there" in str(audio.remarks(path)[0])


def test_an_ogg_that_breaks_off_or_goes_on_in_another_way_says_so(tmp_path):
    sound = tone(20.0) + np.random.default_rng(0).normal(0, 0.1, 20 * RATE)
    soundfile.write(tmp_path / "a.ogg", sound, RATE)
    soundfile.write(tmp_path / "a.opus", sound, RATE, format="OGG", subtype="OPUS")
    vorbis, opus = ((tmp_path / name).read_bytes() for name in ("a.ogg", "a.opus"))
    assert audio.remarks(tmp_path / "a.ogg") == audio.remarks(tmp_path / "a.opus") == ()
    path = tmp_path / "b.ogg"
    path.write_bytes(vorbis[: len(vorbis) // 2])
    assert "no mark of its end" in str(audio.remarks(path)[0])
    path.write_bytes(opus + vorbis)
    assert "only the first" in str(audio.remarks(path)[0])


@pytest.mark.parametrize("full", [2**15, 2**31, 1e12])
def test_whole_numbers_written_as_fractions_are_scaled(tmp_path, full):
    path = tmp_path / "a.wav"
    soundfile.write(path, tone() * full, RATE, subtype="FLOAT")
    assert np.abs(audio.read(path)).max() == pytest.approx(1.0 if full == 1e12 else 0.5, rel=0.01)
    assert "times full scale" in str(audio.remarks(path)[0])


def test_samples_that_are_no_numbers_are_said(tmp_path):
    sound = tone()
    sound[100:200] = np.nan
    soundfile.write(tmp_path / "a.wav", sound, RATE, subtype="FLOAT")
    assert np.isfinite(audio.read(tmp_path / "a.wav")).all()
    assert "100 of its samples" in str(audio.remarks(tmp_path / "a.wav")[0])


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


@pytest.mark.parametrize(("offset", "share"), [(0.2, 1.0), (0.0, 0.3)])
def test_opposite_channels_with_an_offset_or_for_a_while(tmp_path, offset, share):
    sound, sign = tone(4.0), np.ones(4 * RATE)
    sign[: round(share * len(sign))] = -1
    soundfile.write(tmp_path / "a.wav", np.stack([sound + offset, sign * sound + offset], 1), RATE)
    assert np.std(audio.read(tmp_path / "a.wav")) == pytest.approx(np.std(sound), rel=0.01)
    assert "opposite in phase" in str(audio.remarks(tmp_path / "a.wav")[0])


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


def test_eight_channels_and_more_are_those_of_the_frame(tmp_path):
    levels = np.linspace(0.1, 0.8, 8, dtype=np.float32)
    values = np.ascontiguousarray((tone(1.0, 48_000)[:, None] * levels * 32767).astype(np.int16))
    with av.open(str(tmp_path / "a.webm"), "w") as out:
        stream = out.add_stream("libopus", rate=48_000)
        stream.layout = "7.1"
        frame = av.AudioFrame.from_ndarray(values.reshape(1, -1), format="s16", layout="7.1")
        frame.sample_rate = 48_000
        for packet in (*stream.encode(frame), *stream.encode(None)):
            out.mux(packet)
    sound = np.concatenate(list(audio.raw_blocks(tmp_path / "a.webm")))
    assert sound.shape[1] == 8
    strength = np.sort(np.sqrt((sound[10_000:40_000] ** 2).mean(axis=0)))
    assert strength == pytest.approx(levels / np.sqrt(8), rel=0.15)  # tone: half of full scale
