"""Speakers are on one side of every split: leave-one-out, folds, a drawn part for validation."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.emotion import data, splits
from models.emotion.data import Dataset, Fold, Utterance
from models.errors import UserError


def made(speakers, labels=("angry", "happy", "sad"), each=4, session=lambda speaker: ""):
    utterances = tuple(
        Utterance(f"{speaker}-{number}.wav", labels[number % len(labels)], speaker, session=session(speaker))
        for speaker in speakers
        for number in range(each)
    )
    return Dataset(utterances, (), "made", tuple(labels))


def speakers_of(part):
    return {utterance.speaker for utterance in part}


def test_leave_one_speaker_out():
    dataset = made(["c", "a", "b/ä", "d"])
    folds = splits.split(dataset, "speaker")
    assert [fold.name for fold in folds] == ["a", "2-b_ä", "c", "d"]
    assert [speakers_of(fold.test) for fold in folds] == [{"a"}, {"b/ä"}, {"c"}, {"d"}]
    assert [speakers_of(fold.validation) for fold in folds] == [{"b/ä"}, {"c"}, {"d"}, {"a"}]
    assert speakers_of(folds[0].train) == {"c", "d"}


def test_leave_one_session_out():
    dataset = made(["1F", "1M", "2F", "2M", "3F", "3M"], session=lambda speaker: f"Ses0{speaker[0]}")
    folds = splits.split(dataset, "session")
    assert [fold.name for fold in folds] == ["Ses01", "Ses02", "Ses03"]
    assert speakers_of(folds[2].test) == {"3F", "3M"}
    assert speakers_of(folds[2].validation) == {"1F", "1M"}
    assert speakers_of(folds[2].train) == {"2F", "2M"}


def test_a_person_in_two_sessions_is_refused():
    dataset = made(["a", "b", "c"], session=lambda speaker: speaker)
    wandering = Utterance("x.wav", "sad", "a", session="b")
    with pytest.raises(UserError, match="speaker a is in"):
        splits.split(Dataset((*dataset.utterances, wandering), (), "made", dataset.labels), "session")


@settings(max_examples=50, deadline=None)
@given(
    counts=st.lists(st.integers(1, 12), min_size=3, max_size=14),
    k=st.integers(3, 14),
    seed=st.integers(0, 5),
)
def test_groups_of_speakers_part_everything_once(counts, k, seed):
    utterances = tuple(
        Utterance(f"{s}-{n}", "sad", f"s{s:02}") for s, count in enumerate(counts) for n in range(count)
    )
    dataset = Dataset(utterances, (), "made", ("sad",))
    k = min(k, len(counts))
    folds = splits.split(dataset, "k", k=k, seed=seed)
    assert len(folds) == k
    assert sorted(u.path for fold in folds for u in fold.test) == sorted(u.path for u in utterances)
    for fold in folds:
        data.check_split(fold)
        assert sorted(u.path for part in (fold.train, fold.validation, fold.test) for u in part) == sorted(
            u.path for u in utterances
        )
    sizes = [len(fold.test) for fold in folds]
    assert max(sizes) - min(sizes) <= max(counts)
    assert folds == splits.split(dataset, "k", k=k, seed=seed)


def test_women_are_judged_by_what_was_learned_of_men_and_the_other_way_round():
    """Of two groups some speakers of the one that is learned from validate; no speaker is on two sides."""
    utterances = tuple(
        Utterance(f"{name}-{n}", emotion, name, sex)
        for name, sex in (("a", "F"), ("b", "F"), ("c", "F"), ("d", "M"), ("e", "M"))
        for n, emotion in enumerate(("sad", "happy"))
    )
    dataset = Dataset(utterances, (), "made", ("happy", "sad"))
    folds = splits.split(dataset, "sex")
    assert [fold.name for fold in folds] == ["F", "M"]
    for fold in folds:
        data.check_split(fold)
        assert {u.sex for u in fold.test} == {fold.name}
        assert fold.name not in {u.sex for u in (*fold.train, *fold.validation)}
        assert fold.validation
        assert len(fold.train) + len(fold.validation) + len(fold.test) == len(utterances)
    two = splits.split(dataset, "k", k=2)
    assert [bool(fold.train) and bool(fold.validation) for fold in two] == [True, True]
    with pytest.raises(UserError, match="tell no sex"):
        splits.split(made(["a", "b", "c"]), "sex")


def test_the_split_has_its_own_seed():
    from models.emotion.config import EmotionConfig
    from models.settings import validated

    of = [
        validated(EmotionConfig, {"seed": seed, "data": {"split_seed": s}})
        for seed, s in ((1, -1), (1, 7), (2, 7))
    ]
    assert [config.data.seed_of(config.seed) for config in of] == [1, 7, 7]


def test_what_cannot_be_parted_is_said():
    cases = [
        (made(["a", "b"]), "speaker", "There are 2 groups"),
        (made(["a", "b", "c"]), "session", "12 of 12 utterances name no session"),
        (made(["a", "b", "c"]), "k", "cannot be parted into 5 groups"),
        (made(["a", "b", "c"]), "utterance", "cannot be parted by utterance"),
    ]
    for dataset, by, words in cases:
        with pytest.raises(UserError, match=words):
            splits.split(dataset, by)


@pytest.mark.parametrize(
    ("first", "second"), [("train", "validation"), ("train", "test"), ("validation", "test")]
)
def test_a_speaker_on_both_sides_is_refused(first, second):
    parts = {name: (Utterance(f"{name}.wav", "sad", name),) for name in ("train", "validation", "test")}
    data.check_split(Fold("whole", **parts))
    parts[second] += (Utterance("x.wav", "sad", first),)
    with pytest.raises(UserError, match=f"The speaker {first} is in"):
        data.check_split(Fold("broken", **parts))


def test_nothing_to_train_on_is_refused():
    with pytest.raises(UserError, match="Nothing is left to train on"):
        data.check_split(Fold("bare", (), (Utterance("x.wav", "sad", "a"),), ()))


@settings(max_examples=50, deadline=None)
@given(count=st.integers(2, 12), fraction=st.floats(0.01, 0.99), seed=st.integers(0, 20))
def test_training_and_validation_speakers_are_apart(count, fraction, seed):
    dataset = made([f"s{number}" for number in range(count)])
    train, validation = data.train_validation_split(dataset, fraction=fraction, seed=seed)
    assert not speakers_of(train) & speakers_of(validation)
    assert len(train) + len(validation) == len(dataset.utterances)
    assert len(speakers_of(validation)) == min(count - 1, max(1, round(fraction * count)))
    assert (train, validation) == data.train_validation_split(dataset, fraction=fraction, seed=seed)


def test_the_draw_depends_on_the_seed():
    dataset = made([f"s{number}" for number in range(20)])
    drawn = {frozenset(speakers_of(data.train_validation_split(dataset, seed=seed)[1])) for seed in range(5)}
    assert len(drawn) > 1


def test_the_draw_keeps_every_emotion_in_training():
    common = made([f"s{number}" for number in range(5)], labels=("angry", "happy"))
    rare = Utterance("rare.wav", "sad", "s3")
    dataset = Dataset((*common.utterances, rare), (), "made", ("angry", "happy", "sad"))
    for seed in range(20):
        assert rare in data.train_validation_split(dataset, seed=seed)[0]


@settings(max_examples=40, deadline=None)
@given(pairs=st.integers(2, 8), seed=st.integers(0, 50))
def test_the_draw_keeps_the_sexes_in_proportion(pairs, seed):
    speakers = [f"{sex}{number}" for number in range(pairs) for sex in "FM"]
    plain = made(speakers)
    utterances = tuple(replace(u, sex=u.speaker[0]) for u in plain.utterances)
    dataset = replace(plain, utterances=utterances)
    _, validation = data.train_validation_split(dataset, seed=seed, fraction=1 / pairs)
    assert sorted(name[0] for name in speakers_of(validation)) == ["F", "M"]


def test_emotions_go_before_the_sexes_in_the_draw():
    people = [
        ("F1", "angry"),
        ("F1", "sad"),
        ("M1", "angry"),
        ("F2", "angry"),
        ("M2", "angry"),
        ("M2", "happy"),
    ]
    utterances = tuple(Utterance(f"{n}.wav", what, who, who[0]) for n, (who, what) in enumerate(people))
    dataset = Dataset(utterances, (), "made", ("angry", "happy", "sad"))
    for seed in range(10):
        train, _ = data.train_validation_split(dataset, seed=seed, fraction=0.5)
        assert {u.emotion for u in train} == {"angry", "happy", "sad"}


def test_named_validation_speakers():
    dataset = made(["a", "b", "c"])
    train, validation = data.train_validation_split(dataset, ["b"])
    assert speakers_of(validation) == {"b"}
    assert speakers_of(train) == {"a", "c"}
    with pytest.raises(UserError, match="no speaker z"):
        data.train_validation_split(dataset, ["b", "z"])
    with pytest.raises(UserError, match="Nothing is left to train on"):
        data.train_validation_split(dataset, ["a", "b", "c"])


def test_a_single_speaker_is_refused_in_words():
    with pytest.raises(UserError, match="a single speaker, a") as caught:
        data.train_validation_split(made(["a"]))
    assert all(caught.value.sentences())


def test_without_speakers():
    dataset = made(["a", "b", "c"])
    assert dataset.without_speakers({"b"}).speakers == ("a", "c")
    assert dataset.speakers == ("a", "b", "c")
