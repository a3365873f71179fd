"""Data sets as people keep them: nobody is learned from and judged on, nothing is filtered across a cut, and what is left
out is said."""

import numpy as np
import pytest
import soundfile

from models.eeg import data as eeg_data
from models.eeg.channels import BIOSEMI64
from models.eeg.config import DataConfig as EEGData
from models.eeg.dataset import Dataset, Item, with_channels
from models.eeg.signal_config import PreprocessingConfig
from models.eeg.splits import envelope_in_band, in_band, part
from models.emotion.data import open_dataset
from models.errors import UserError
from models.file_names import own_names
from models.progress import Progress
from models.separation.config import DataConfig
from models.separation.corpora import Corpus, ReadyMixture, open_corpus, speakers_of
from models.separation.decoded import SHORTEST_S, Voices
from models.separation.splits import split_mixtures, split_speakers

RATE = 8000


def write(path, seconds=1.0):
    path.parent.mkdir(parents=True, exist_ok=True)
    sound = np.random.default_rng(len(path.name)).normal(0, 0.1, round(seconds * RATE))
    soundfile.write(path, sound, RATE)
    return path


# Voices


def librispeech(folder, speakers=8):
    for speaker in range(100, 100 + speakers):
        for number in range(2):
            write(folder / str(speaker) / "1" / f"{speaker}-1-{number:04d}.flac")
    return folder


def test_a_stray_file_does_not_make_a_corpus_one_speaker(tmp_path):
    place = librispeech(tmp_path / "LibriSpeech" / "dev-clean")
    write(place / "notes of mine.wav")
    result = open_corpus(tmp_path / "LibriSpeech")
    assert len(result.speakers) == 8
    assert "notes of mine.wav" in str(result.remarks[0])
    assert not open_corpus(librispeech(tmp_path / "whole")).remarks


def test_clips_that_are_no_speech_are_left_out_and_said(tmp_path):
    place = librispeech(tmp_path / "a", 2)
    write(place / "100" / "1" / "100-1-0007.flac", SHORTEST_S / 2)
    (place / "100" / "1" / "100-1-0008.flac").write_bytes(b"fLaC and nothing")
    for _ in range(2):  # the second time from the cache
        voices = Voices(open_corpus(place).clips, RATE, tmp_path / "cache", Progress())
        assert len(voices) == 4
        reasons = " ".join(str(item.reason) for item in voices.skipped)
        assert "less than 0.5 s" in reasons
        assert "0008.flac" in reasons
        assert all(len(voices[i]) == RATE for i in range(4))
    with pytest.raises(UserError, match="0008"):
        Voices(open_corpus(place).clips, RATE, tmp_path / "cache", Progress(), every=True)
    (tmp_path / "cache").joinpath(next(iter((tmp_path / "cache").glob("*.json"))).name).write_text("[")
    assert len(Voices(open_corpus(place).clips, RATE, tmp_path / "cache", Progress())) == 4


def test_speakers_are_parted_where_no_part_is_named(tmp_path):
    parts = split_speakers(
        open_corpus(librispeech(tmp_path / "a", 12)), DataConfig(validation_count=3, test_count=3)
    )
    assert not set(parts["train"]) & (set(parts["validation"]) | set(parts["test"]))


# Mixtures


@pytest.mark.parametrize(
    ("name", "speakers"),
    [
        ("103-1240-0000_1034-121119-0005", ("103", "1034")),
        ("01aa010b_1.2_02bo030v_-1.2", ("01a", "02b")),
        ("22ga0101_0_40na0102_-0.5_050a0501_0.5", ("22g", "40n", "050")),
        ("mixture_7", ()),
        ("103-1240-0000", ()),
    ],
)
def test_who_speaks_in_a_mixture_stands_in_its_name(name, speakers):
    assert speakers_of(name) == speakers


def test_one_table_of_librimix_shares_no_speaker(tmp_path):
    random = np.random.default_rng(0)
    lines = ["mixture_ID,mixture_path,source_1_path,source_2_path,length"]
    for number in range(600):
        a, b = random.choice(40, 2, replace=False) + 100
        name = f"{a}-1-{number:04d}_{b}-2-{number:04d}"
        lines.append(f"{name},mix/{number}.wav,s1/{number}.wav,s2/{number}.wav,100")
    (tmp_path / "own").mkdir()  # the names of folders are looked at for the part
    (tmp_path / "own" / "mixtures.csv").write_text("\n".join(lines))
    corpus = open_corpus(tmp_path / "own" / "mixtures.csv")
    parts = split_mixtures(corpus, DataConfig(), 2)
    heard = {
        name: {item for mixture in result for item in mixture.speakers} for name, result in parts.items()
    }
    assert min(map(len, parts.values())) >= 6
    assert not heard["train"] & (heard["validation"] | heard["test"])
    assert not heard["validation"] & heard["test"]


def test_too_few_speakers_to_be_parted(tmp_path):
    mixtures = tuple(
        ReadyMixture(str(n), tmp_path / "m.wav", (tmp_path / "a.wav", tmp_path / "b.wav"), "", ("1", "2"))
        for n in range(20)
    )
    with pytest.raises(UserError, match="cannot be parted"):
        split_mixtures(Corpus("one pair", mixtures=mixtures), DataConfig(), 2)


# EEG

FULL = PreprocessingConfig(low_hz=0.5, high_hz=32)


def test_the_high_pass_stands_without_a_low_pass():
    time = np.arange(60 * 64) / 64
    drift = 70 * np.sin(2 * np.pi * 0.1 * time)
    signal = 10 * np.sin(2 * np.pi * 5 * time)
    kept = in_band(np.stack([drift, signal, drift + signal], 1), FULL, 64)[640:-640]
    assert np.abs(kept[:, 0]).max() < 1
    assert kept[:, 1].std() == pytest.approx(signal.std(), rel=0.01)
    np.testing.assert_allclose(kept[:, 2], kept[:, 1], atol=1)
    np.testing.assert_array_equal(
        in_band(signal, FULL.model_copy(update={"low_hz": 0.0}), 64), signal.astype(np.float32)
    )
    np.testing.assert_array_equal(envelope_in_band(drift, FULL, 64), drift.astype(np.float32))


def saved(path, seconds=(60, 60), channels=BIOSEMI64, **arrays):
    random = np.random.default_rng(0)
    eeg = random.normal(0, 10, (len(seconds), max(seconds) * 64, len(channels)))
    np.savez(
        path,
        eeg=eeg,
        envelope=random.gamma(1, size=eeg.shape[:2]),
        fs=64,
        channels=np.array(channels),
        **arrays,
    )
    return path


def test_channels_in_another_order_are_put_right_by_name(tmp_path):
    order = np.random.default_rng(1).permutation(64)
    result = eeg_data.open_dataset(saved(tmp_path / "a.npz", subject=["1", "2"]))
    items = result.items
    np.savez(
        tmp_path / "b.npz", eeg=np.stack([item.eeg[:, order] for item in items]), envelope=np.stack([item.envelope for item in items]),
        fs=64, channels=np.array(BIOSEMI64)[order], subject=["1", "2"],
    )  # fmt: skip
    other = eeg_data.open_dataset(tmp_path / "b.npz")
    right = with_channels(other, result.channel_names)
    np.testing.assert_array_equal(right.items[1].eeg, items[1].eeg)
    assert "decoder's order" in " ".join(map(str, right.remarks))
    assert with_channels(result, result.channel_names) is result
    with pytest.raises(UserError, match="It has no F99"):
        with_channels(result, [*BIOSEMI64[:-1], "F99"])


def test_a_file_without_subjects_is_nobody_who_is_known(tmp_path):
    result = eeg_data.open_dataset(saved(tmp_path / "own.npz"))
    assert result.subjects == ["own"]
    assert "names no subject" in " ".join(map(str, result.remarks))


def test_one_short_stretch_does_not_make_all_windows_short(tmp_path):
    result = eeg_data.open_dataset(saved(tmp_path / "a.npz", subject=["1", "2"], stimulus=["x", "y"]))
    short = [
        Item("1", f"short {n}", result.items[0].eeg[:160], result.items[0].envelope[:160]) for n in range(4)
    ]
    mixed = Dataset("mixed", 64, result.channel_names, (*result.items, *short))
    parts = part(mixed, EEGData(window_s=10), FULL)
    assert min(map(len, (*parts.train, *parts.validation, *parts.test))) >= 10 * 64
    assert "4 recordings" in str(parts.remarks[0])


def test_the_guard_is_as_long_as_the_filters_that_came_before(tmp_path):
    rows = ["path,stimulus,subject"]
    for number in range(2):
        random = np.random.default_rng(number)
        np.savez(
            tmp_path / f"{number}.npz",
            eeg=random.normal(0, 10, (60 * 64, 64)),
            fs=64,
            channels=np.array(BIOSEMI64),
        )
        np.save(tmp_path / f"{number}.npy", random.gamma(1, size=60 * 64).astype(np.float32))
        rows.append(f"{number}.npz,{number}.npy,{number}")
    (tmp_path / "data.csv").write_text("\n".join(rows))
    result = eeg_data.open_dataset(tmp_path / "data.csv", FULL)
    assert result.reach_s == pytest.approx(3.3, abs=0.1)  # half of MNE's filter for 0.5 Hz
    parts = part(result, EEGData(guard_s=1.0, window_s=5.0), FULL)
    train = max(
        item.start + len(item) for item in parts.train if item.stimulus == "0" and item.start < 36 * 64
    )
    validation = min(item.start for item in parts.validation if item.stimulus == "0")
    assert validation - train >= 3.2 * 64


def test_what_a_table_or_a_folder_of_voices_leaves_out_is_said(tmp_path):
    for name in ("a/1.wav", "b/2.wav", "loose.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        soundfile.write(tmp_path / name, np.zeros(800), 8000)
    assert "loose.wav" in str(open_corpus(tmp_path).remarks[0])
    table = tmp_path / "voices.csv"
    table.write_text(
        "path,speaker\na\\1.wav,a\nb/2.wav,b\nnot/there.wav,c\n"
    )  # of Windows, of here, of nowhere
    corpus = open_corpus(table)
    assert [clip.path.name for clip in corpus.clips] == ["1.wav", "2.wav"]
    assert all(clip.path.is_file() for clip in corpus.clips)
    assert "not there" in str(corpus.remarks[0])


def test_stretches_in_milliseconds_are_not_taken_for_seconds_without_a_word(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(16_000), 16_000)
    rows = ["a.wav,angry,x,0,900", "a.wav,sad,y,0,0.5"]
    (tmp_path / "a.csv").write_text("\n".join(["path,emotion,speaker,start_s,end_s", *rows]) + "\n")
    result = open_dataset(tmp_path / "a.csv")
    assert "1 stretches end after" in " ".join(map(str, result.warnings))


def test_recordings_of_one_name_are_not_written_over_one_another():
    assert own_names(["a/t.npz", "b/T.npz", "c/...npz"]) == ["t", "T (2)", "recording"]
