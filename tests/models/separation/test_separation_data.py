"""Corpora as they are published, parted by speaker, and mixtures that are the same every time."""

import numpy as np
import pytest
import soundfile

from models.errors import UserError
from models.progress import Progress
from models.separation import data, decoded, evaluation, splits
from models.separation.config import DataConfig, MixingConfig, SeparationConfig
from models.separation.corpora import open_corpus
from models.separation.samples import sample_mixtures


def sound(path, seconds=2.0, rate=8000, pitch=200.0, seed=0):
    """A voice-like file: harmonics of a pitch that comes and goes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    times = np.arange(round(seconds * rate)) / rate
    random = np.random.default_rng(seed)
    voice = sum(np.sin(2 * np.pi * pitch * n * times + random.uniform(0, 6)) / n for n in range(1, 6))
    voice *= 0.05 * (1.1 + np.sin(2 * np.pi * (1 + seed % 3) * times))
    soundfile.write(path, voice.astype(np.float32), rate, subtype="FLOAT")
    return path


@pytest.fixture
def voices_folder(tmp_path):
    """Twelve speakers named as LibriSpeech names them, with its table of sexes."""
    lines = [";ID  |SEX| SUBSET"]
    for number in range(12):
        speaker = 100 + number
        lines.append(f"{speaker} | {'FM'[number % 2]} | train-clean-100 | 25.03 | Name")
        for chapter in range(2):
            sound(tmp_path / f"clean/{speaker}/7{chapter}/{speaker}-7{chapter}-0001.flac".replace("flac", "wav"), pitch=110 + 20 * number, seed=number + 50 * chapter)  # fmt: skip
    (tmp_path / "SPEAKERS.TXT").write_text("\n".join(lines))
    return tmp_path


def small(path, **changes):
    config = SeparationConfig()
    config.data.path, config.data.sample_rate = str(path), 8000
    config.data.validation_count = config.data.test_count = 3
    config.data.fixed_mixtures, config.data.fixed_s = 6, 1.0
    for name, value in changes.items():
        setattr(config.data, name, value)
    return config


def test_librispeech_by_its_names(voices_folder):
    corpus = open_corpus(voices_folder)
    assert len(corpus.clips) == 24
    assert corpus.speakers["103"] == "m"
    assert corpus.speakers["104"] == "f"


def test_aishell_and_vctk_by_their_names(tmp_path):
    for name in ("SSB00050001", "SSB00090002"):
        sound(tmp_path / f"aishell/train/wav/{name[:7]}/{name}.wav", 0.5)
    (tmp_path / "aishell/spk-info.txt").write_text("SSB0005\tB\tfemale\tnorth\nSSB0009\tC\tmale\tsouth\n")
    assert open_corpus(tmp_path / "aishell").speakers == {"SSB0005": "f", "SSB0009": "m"}
    for name in ("p225_001_mic1", "p225_001_mic2", "p226_003_mic1"):
        sound(tmp_path / f"vctk/wav48/{name[:4]}/{name}.wav", 0.5)
    (tmp_path / "vctk/speaker-info.txt").write_text(
        "ID  AGE  GENDER  ACCENTS\n225  23  F  English\n226  22  M  English\n"
    )
    corpus = open_corpus(tmp_path / "vctk")
    assert corpus.speakers == {"p225": "f", "p226": "m"}
    assert len(corpus.clips) == 2


def test_any_folder_a_speaker(tmp_path):
    for name in ("anna/one.wav", "anna/more/two.wav", "bert/one.wav"):
        sound(tmp_path / name, 0.5)
    assert sorted(clip.speaker for clip in open_corpus(tmp_path).clips) == ["anna", "anna", "bert"]


def test_a_table_of_clips(tmp_path):
    sound(tmp_path / "a.wav")
    (tmp_path / "list.csv").write_text(
        "path,speaker,gender,start_s,end_s\na.wav,x,F,0.5,1.5\na.wav,y,male,,\n"
    )
    first, second = open_corpus(tmp_path / "list.csv").clips
    assert (first.sex, first.start_s, first.end_s) == ("f", 0.5, 1.5)
    assert (second.sex, second.start_s, second.end_s) == ("m", 0.0, None)
    (tmp_path / "list.csv").write_text("path,speaker,start_s\na.wav,x,soon\n")
    with pytest.raises(UserError, match="line 2"):
        open_corpus(tmp_path / "list.csv")
    (tmp_path / "list.csv").write_text("path,speaker\na.wav,\n")
    with pytest.raises(UserError, match="no speaker in line 2"):
        open_corpus(tmp_path / "list.csv")


def test_nothing_to_learn_from_is_told(tmp_path):
    with pytest.raises(UserError, match="No speech was chosen"):
        open_corpus("")
    with pytest.raises(UserError, match="not found"):
        open_corpus(tmp_path / "nowhere")
    with pytest.raises(UserError, match="no speech"):
        open_corpus(tmp_path)


def test_no_speaker_is_on_two_sides(voices_folder):
    corpus = open_corpus(voices_folder)
    for seed in range(20):
        settings = DataConfig(validation_count=3, test_count=4, fixed_seed=seed)
        parts = splits.split_speakers(corpus, settings)
        assert sorted(name for part in parts.values() for name in part) == sorted(corpus.speakers)
        assert [len(parts[name]) for name in splits.PARTS] == [5, 3, 4]
        assert {corpus.speakers[name] for name in parts["test"]} == {"f", "m"}
    named = splits.split_speakers(
        corpus, DataConfig(validation_speakers=["100", "101"], test_speakers=["102"])
    )
    assert named["validation"] == ("100", "101")
    assert named["test"] == ("102",)
    with pytest.raises(UserError, match="no speaker 999"):
        splits.split_speakers(corpus, DataConfig(test_speakers=["999"]))
    with pytest.raises(UserError, match="too few"):
        splits.split_speakers(corpus, DataConfig(validation_count=6, test_count=6))


def test_a_number_may_name_a_speaker():
    assert DataConfig(test_speakers=[102]).test_speakers == ["102"]


def test_fixed_mixtures_are_the_same_every_time(voices_folder):
    config = small(voices_folder)
    first, again = (evaluation.fixed_set(config, "test") for _ in range(2))
    for item, other in zip(first.mixtures, again.mixtures, strict=True):
        np.testing.assert_array_equal(item.mixed.mixture, other.mixed.mixture)
        assert len(set(item.speakers)) == 2
    assert [item.alike for item in first.mixtures] == [True, False] * 3
    others = {name for item in evaluation.fixed_set(config, "validation").mixtures for name in item.speakers}
    assert not others & {name for item in first.mixtures for name in item.speakers}
    config.data.fixed_seed = 3
    assert not np.array_equal(
        evaluation.fixed_set(config).mixtures[0].mixed.mixture, first.mixtures[0].mixed.mixture
    )


def test_a_fixed_set_goes_out_and_comes_back_as_librimix(voices_folder, tmp_path_factory):
    tmp_path = tmp_path_factory.mktemp("librimix")
    fixed = evaluation.fixed_set(small(voices_folder), "test")
    evaluation.write_librimix(tmp_path / "out", fixed, "test")
    evaluation.write_librimix(
        tmp_path / "out", evaluation.fixed_set(small(voices_folder), "validation"), "dev"
    )
    evaluation.write_librimix(tmp_path / "out", evaluation.fixed_set(small(voices_folder), "train"), "train")
    by_table = open_corpus(tmp_path / "out" / "metadata" / "mixture_test_mix_clean.csv")
    assert {item.part for item in by_table.mixtures} == {"test"}
    back = evaluation.fixed_set(small(tmp_path / "out"), "test")
    assert len(back.mixtures) == 6
    for item, other in zip(fixed.mixtures, back.mixtures, strict=True):
        np.testing.assert_allclose(item.mixed.mixture, other.mixed.mixture, atol=1e-6)
        np.testing.assert_allclose(item.mixed.sources, other.mixed.sources, atol=1e-6)
        assert item.speakers == other.speakers


@pytest.fixture
def wsj(tmp_path):
    """WSJ0-2mix's folders: sources of slightly different lengths, the mixture as long as the shorter."""
    for part in ("tr", "cv", "tt"):
        for number in range(3):
            paths = [sound(tmp_path / f"2speakers/wav8k/{part}/s{n}/{number}.wav", 1.5 + 0.1 * n, pitch=100 * n, seed=number) for n in (1, 2)]  # fmt: skip
            both = [soundfile.read(path)[0] for path in paths]
            shortest = min(map(len, both))
            place = tmp_path / f"2speakers/wav8k/{part}/mix/{number}.wav"
            place.parent.mkdir(exist_ok=True)
            soundfile.write(place, sum(item[:shortest] for item in both), 8000, subtype="FLOAT")
    return tmp_path / "2speakers" / "wav8k"


def test_ready_made_mixtures_as_folders(wsj):
    corpus = open_corpus(wsj)
    parts = splits.split_mixtures(corpus, DataConfig(), 2)
    assert {name: len(part) for name, part in parts.items()} == {"train": 3, "validation": 3, "test": 3}
    with pytest.raises(UserError, match="2 voices"):
        splits.split_mixtures(corpus, DataConfig(), 3)


def test_a_ready_made_mixture_is_cut_and_levelled(wsj, tmp_path):
    corpus = open_corpus(wsj)
    ready = data.ReadyMade(corpus.mixtures, 8000, tmp_path / "cache", Progress())
    plain = ready.mixed(0, 1.0, MixingConfig())
    assert plain.mixture.shape == (8000,)
    np.testing.assert_allclose(plain.sources.sum(0), plain.mixture, atol=1e-6)
    changed = ready.mixed(0, 1.0, MixingConfig(relevel=1.0, crop=False), np.random.default_rng(0))
    np.testing.assert_allclose(changed.sources.sum(0), changed.mixture, atol=1e-6)
    powers = [np.square(item.sources).sum(1) for item in (plain, changed)]
    assert abs(10 * np.log10(powers[1][0] / powers[1][1] * powers[0][1] / powers[0][0])) > 0.01
    longer = ready.mixed(0, 5.0, MixingConfig())
    assert longer.mixture.shape == (40_000,)
    assert not longer.mixture[ready.samples(0) :].any()


def test_voices_are_decoded_and_converted_once(voices_folder, tmp_path, monkeypatch):
    clips = open_corpus(voices_folder).clips[:3]
    first = decoded.Voices(clips, 4000, tmp_path / "cache", Progress())
    monkeypatch.setattr(data.audio, "read_part", lambda *a: pytest.fail("read again"))
    again = decoded.Voices(clips, 4000, tmp_path / "cache", Progress())
    np.testing.assert_array_equal(first[2], again[2])
    assert len(first[0]) == 8000
    with pytest.raises(BaseException, match="read again"):
        decoded.Voices(clips, 8000, tmp_path / "cache", Progress())


def test_training_mixtures_by_their_seed(voices_folder, tmp_path):
    clips = splits.joining_order(open_corpus(voices_folder).clips, 1)
    voices = decoded.Voices(clips, 8000, tmp_path / "cache", Progress())
    mixer = data.Mixer(voices, 0.5, 2, MixingConfig(speed=0.1))
    drawn, same, other = mixer.mixture(3, 5), mixer.mixture(3, 5), mixer.mixture(3, 6)
    np.testing.assert_array_equal(drawn.mixture, same.mixture)
    assert not np.array_equal(drawn.mixture, other.mixture)
    assert drawn.sources.shape == (2, 4000)


def test_noise_and_rooms_come_from_folders(voices_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("background")
    random = np.random.default_rng(0)
    for name in ("noise", "rooms"):
        (folder / name).mkdir()
        soundfile.write(folder / name / "one.wav", 0.1 * random.normal(size=300), 8000)
    settings = MixingConfig(
        noise=str(folder / "noise"), noise_share=1.0, noise_low_db=10.0, noise_high_db=10.0
    )
    voices = decoded.Voices(open_corpus(voices_folder).clips, 8000, folder / "cache", Progress())
    mixed = data.Mixer(voices, 0.5, 2, settings).mixture(0, 1)
    beneath = mixed.mixture - mixed.sources.sum(0)
    speech = np.square(mixed.sources.sum(0)).sum()
    assert 10 * np.log10(speech / np.square(beneath).sum()) == pytest.approx(10, abs=0.1)
    rooms = MixingConfig(rooms=str(folder / "rooms"), room_share=1.0)
    dry, heard = (data.Mixer(voices, 0.5, 2, item).mixture(0, 1) for item in (MixingConfig(), rooms))
    assert heard.sources.shape == dry.sources.shape
    assert not np.allclose(heard.sources, dry.sources)
    with pytest.raises(UserError, match="not found"):
        data.Mixer(voices, 0.5, 2, MixingConfig(noise=str(folder / "nothing")))


def test_now_and_then_one_voice_is_alone(voices_folder, tmp_path):
    voices = decoded.Voices(open_corpus(voices_folder).clips, 8000, tmp_path / "cache", Progress())
    mixer = data.Mixer(voices, 0.5, 2, MixingConfig(alone=0.25))
    alone = [not mixer.mixture(n, n).sources[1].any() for n in range(200)]
    assert 0.15 < np.mean(alone) < 0.35


def test_three_tracks_hear_pairs_and_single_voices_too(voices_folder, tmp_path):
    voices = decoded.Voices(open_corpus(voices_folder).clips, 8000, tmp_path / "cache", Progress())
    mixer = data.Mixer(voices, 0.5, 3, MixingConfig(alone=0.1, fewer=0.3))
    speaking = [int(mixer.mixture(n, n).sources.any(1).sum()) for n in range(400)]
    for count, share in ((1, 0.1), (2, 0.3), (3, 0.6)):
        assert abs(np.mean(np.array(speaking) == count) - share) < 0.09, count


def test_voices_join_one_after_the_other(voices_folder, tmp_path):
    clips = splits.joining_order(open_corpus(voices_folder).clips, 1)
    assert {clip.sex for clip in clips[:4]} == {"f", "m"}  # two speakers, two clips each
    voices = decoded.Voices(clips, 8000, tmp_path / "cache", Progress())
    mixer = data.Mixer(voices, 0.5, 2, MixingConfig(crop=False, level_db=0))
    mixer.limit(2)
    few = {mixer.mixture(n, n).mixture.tobytes() for n in range(60)}
    assert len(few) <= 8  # 2 × 2 clips of the two, in either order
    mixer.limit(12)
    assert len({mixer.mixture(n, n).mixture.tobytes() for n in range(60)}) > 30
    assert [splits.speakers_joined(n, 2, 12, 4) for n in range(6)] == [2, 3, 5, 8, 12, 12]
    assert splits.speakers_joined(0, 0, 12, 4) == 12


def test_the_samples_add_up():
    result = sample_mixtures()
    assert {item.words for item in result} == {"woman and man", "two women", "two men"}
    for item in result:
        mixture, rate = soundfile.read(item.mixture)
        voices = [soundfile.read(path)[0] for path in item.references]
        assert rate == 16_000
        np.testing.assert_allclose(sum(voices), mixture, atol=1e-4)
