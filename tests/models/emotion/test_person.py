"""Getting to know a person: the running mean, what it does to a session, and what it is told of in the terminal."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from models import audio, checkpoint, voice_profiles
from models.datafiles import read_table
from models.emotion import degrade
from models.emotion.classifiers import Prediction
from models.emotion.commands import use
from models.emotion.options import EmotionOptions
from models.emotion.person import PRIOR_S, Person
from models.emotion.recognizer import Recognizer
from models.emotion.samples import held_out_clips, sample_list
from models.errors import UserError
from models.resources import resource

INFO = checkpoint.read_info(resource("checkpoints", "emotion"), "emotion")
STRANGERS = held_out_clips(INFO)  # of speakers whom the model that ships has never heard
TRUTH = {
    row["path"].split("/")[-1]: row["emotion"] for row in read_table(sample_list(), ("path", "emotion")).rows
}


@pytest.fixture(scope="module")
def recognizer():
    return Recognizer.load("bundled", "cpu")


def right(recognizer: Recognizer, predictions: list[Prediction]) -> int:
    said = [recognizer.labels[int(prediction.probabilities.argmax())] for prediction in predictions]
    return sum(word == TRUTH[clip.name] for word, clip in zip(said, STRANGERS, strict=True))


def test_a_stranger_is_heard_against_everybody():
    usual = np.arange(4, dtype=np.float32)
    assert Person().reference(usual).tolist() == usual.tolist()


def test_the_mean_runs_from_everybody_to_the_person():
    person = Person()
    person.hear(np.ones(2), PRIOR_S)
    np.testing.assert_allclose(person.reference(np.zeros(2)), [0.5, 0.5])
    person.hear(np.full(2, 4.0), PRIOR_S)
    np.testing.assert_allclose(person.reference(np.zeros(2)), [5 / 3, 5 / 3], rtol=1e-6)
    assert person.speech_s == 2 * PRIOR_S
    person.forget()
    assert (person.speech_s, person.reference(np.zeros(2)).tolist()) == (0, [0, 0])


def test_another_models_figures_are_refused():
    person = Person()
    person.hear(np.ones(2), 1)
    with pytest.raises(ValueError, match="forget"):
        person.hear(np.ones(3), 1)


def test_the_first_clip_is_heard_against_what_it_says_itself(recognizer):
    """Causal: what comes later changes nothing."""
    sounds = [audio.read(clip) for clip in STRANGERS[:4]]
    first_person, second_person = Person(), Person()
    first = recognizer.classify(sounds[0], first_person).probabilities
    for sound in sounds[1:]:
        recognizer.classify(sound, first_person)
    np.testing.assert_array_equal(recognizer.classify(sounds[0], second_person).probabilities, first)
    assert second_person.speech_s < first_person.speech_s


def telephoned(sound: np.ndarray, seed: int) -> np.ndarray:
    """The sound as nobody's voice was in training: by telephone, from a room, in noise."""
    scene = degrade.Scene(band="telephone", room_s=0.4, direct_db=0, noise="pink", snr_db=12)
    return scene.heard(sound, np.random.default_rng(seed))


@pytest.mark.slow
def test_in_a_session_more_words_are_right_than_alone(recognizer):
    """Two people who took no part in training, each in one session, under conditions that are hard."""
    sounds = [telephoned(audio.read(clip), number) for number, clip in enumerate(STRANGERS)]
    alone = [recognizer.classify(sound) for sound in sounds]
    people = {name: Person() for name in {clip.name[:2] for clip in STRANGERS}}
    for _ in range(2):  # the second time each is known
        known = [
            recognizer.classify(sound, people[clip.name[:2]])
            for sound, clip in zip(sounds, STRANGERS, strict=True)
        ]
    assert right(recognizer, known) > right(recognizer, alone)


@pytest.mark.slow
@pytest.mark.parametrize("kind", degrade.NOISES)
def test_the_words_of_strangers_hold_in_noise(recognizer, kind):
    """At 15 dB most words are what they are without noise, and they are not all one word."""
    sounds = [audio.read(clip) for clip in STRANGERS]
    scene = degrade.Scene(noise=kind, snr_db=15)
    noisy = [scene.heard(sound, np.random.default_rng(n)) for n, sound in enumerate(sounds)]
    clean = [int(recognizer.classify(sound).probabilities.argmax()) for sound in sounds]
    heard = [int(recognizer.classify(sound).probabilities.argmax()) for sound in noisy]
    assert np.mean(np.equal(clean, heard)) >= 0.65
    assert len(set(heard)) >= 3


@pytest.mark.slow
def test_running_and_voice_in_the_terminal(tmp_path, recognizer):
    mine = [str(clip) for clip in STRANGERS if clip.name.startswith("10")]
    running = use("bundled", mine, tmp_path / "r.csv", EmotionOptions(running=True), "cpu")
    assert running["files"] == len(mine)
    assert running["voice_s"] > 5
    voiced = use("bundled", mine[:2], tmp_path / "v.csv", EmotionOptions(voice=tuple(mine)), "cpu")
    assert voiced["voice_s"] == pytest.approx(running["voice_s"], abs=0.01)
    plain = use("bundled", mine[:2], tmp_path / "p.csv", EmotionOptions(), "cpu")
    assert "voice_s" not in plain
    first = (tmp_path / "v.csv").read_text().splitlines()[1]
    assert first != (tmp_path / "p.csv").read_text().splitlines()[1]


@pytest.mark.slow
def test_a_kept_voice_is_named_in_the_terminal(tmp_path, recognizer):
    """By its name it is what it is by the clips that it was kept from; a name that means nothing is told, not passed over."""
    mine = [str(clip) for clip in STRANGERS if clip.name.startswith("10")]
    mean = recognizer.learn_voice(mine).mean()
    voice_profiles.keep("Ada Maria", features={recognizer.features_identity: mean})
    voice_profiles.keep("Ben", features={"another model's": mean})

    def told(name: str, *voice: str) -> tuple[dict, str]:
        result = use("bundled", mine[:2], tmp_path / name, EmotionOptions(voice=voice), "cpu")
        return result, (tmp_path / name).read_text()

    by_name, by_clips = told("n.csv", " Ada  Maria "), told("c.csv", *mine)
    assert by_name[1] == by_clips[1]
    assert by_name[0]["voice_s"] == by_clips[0]["voice_s"] == pytest.approx(mean.speech_s, abs=1e-3)
    both, _ = told("b.csv", "Ada Maria", mine[0])
    assert both["voice_s"] > by_name[0]["voice_s"]
    for words, voice in {
        "no voice Cleo": ("Cleo",),
        "new to the model": ("Ben",),
        "one person": ("Ada Maria", "Ben"),
    }.items():
        with pytest.raises(UserError, match=words):
            told("x.csv", *voice)


def test_silence_tells_nothing_of_a_person(tmp_path, recognizer):
    soundfile.write(tmp_path / "hush.wav", np.zeros(16_000 * 5), 16_000)
    person = Person()
    assert recognizer.recognize(tmp_path / "hush.wav", person=person).label == "no speech"
    assert person.speech_s == 0
