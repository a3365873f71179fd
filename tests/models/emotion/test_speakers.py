"""Figures against scikit-learn and scipy on drawn data, and against cases worked by hand."""

import csv
import io
import json
import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics

from models.emotion.significance import compare, mcnemar, permutation_test
from models.emotion.speakers import Evaluation, calibration, evaluate, read_items
from models.errors import UserError

LABELS = ("angry", "happy", "neutral", "sad")


def drawn(seed, n, speakers=3, labels=LABELS, known=None):
    """What `evaluate` takes, of n utterances; `known` restricts the true labels."""
    generator = np.random.default_rng(seed)
    return {
        "truth": generator.choice(known or labels, n).tolist(),
        "probabilities": generator.dirichlet(np.ones(len(labels)), n),
        "labels": labels,
        "speakers": [f"s{number}" for number in generator.integers(0, speakers, n)],
        "sexes": generator.choice(["F", "M", ""], n).tolist(),
        "sessions": generator.choice(["1", "2"], n).tolist(),
        "ids": [f"{number}.wav" for number in range(n)],
    }


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 60), known=st.sets(st.sampled_from(LABELS), min_size=1))
def test_figures_are_scikit_learns(seed, n, known):
    given_values = drawn(seed, n, known=sorted(known))
    evaluation = evaluate(**given_values)
    truth = np.array([LABELS.index(label) for label in given_values["truth"]])
    predicted = given_values["probabilities"].argmax(1)
    there = sorted(set(truth))
    every = range(len(LABELS))
    assert evaluation.accuracy == pytest.approx(metrics.accuracy_score(truth, predicted))
    assert evaluation.uar == pytest.approx(
        metrics.recall_score(truth, predicted, labels=there, average="macro", zero_division=0)
    )
    assert evaluation.weighted_f1 == pytest.approx(
        metrics.f1_score(truth, predicted, average="weighted", zero_division=0)
    )
    assert evaluation.macro_f1 == pytest.approx(
        metrics.f1_score(truth, predicted, average="macro", zero_division=0)
    )
    np.testing.assert_array_equal(
        evaluation.confusion, metrics.confusion_matrix(truth, predicted, labels=every)
    )
    for ours, theirs in (
        (evaluation.recall, metrics.recall_score),
        (evaluation.precision, metrics.precision_score),
    ):
        peer = theirs(truth, predicted, labels=every, average=None, zero_division=np.nan)
        assert list(ours) == list(LABELS)
        np.testing.assert_allclose(list(ours.values()), peer)
    who = np.array(given_values["speakers"])
    for group in evaluation.by_speaker:
        mine = who == group.speaker
        assert group.n == mine.sum()
        assert group.accuracy == pytest.approx(metrics.accuracy_score(truth[mine], predicted[mine]))
        assert group.weighted_f1 == pytest.approx(
            metrics.f1_score(truth[mine], predicted[mine], average="weighted", zero_division=0)
        )
    assert sum(group.n for group in evaluation.by_speaker) == n
    assert sum(group.n for group in evaluation.by_session) == n
    assert sum(group.n for group in evaluation.by_sex) == sum(sex != "" for sex in given_values["sexes"])


def by_hand():
    sure = {"angry": [0.9, 0.1, 0.0], "happy": [0.2, 0.7, 0.1], "sad": [0.1, 0.3, 0.6]}
    rows = [  # truth, predicted, speaker, sex, session
        ("angry", "angry", "a", "F", "1"),
        ("angry", "happy", "a", "F", "1"),
        ("happy", "happy", "a", "F", "1"),
        ("sad", "happy", "b", "M", "1"),
        ("sad", "sad", "b", "M", "2"),
        ("angry", "angry", "b", "M", "2"),
        ("angry", "angry", "b", "M", "2"),
    ]
    truth, predicted, who, sexes, sessions = zip(*rows, strict=True)
    return evaluate(truth, np.array([sure[word] for word in predicted]), list(sure), who, sexes, sessions)


def test_a_case_by_hand():
    evaluation = by_hand()
    assert evaluation.n == 7
    assert evaluation.confusion.tolist() == [[3, 1, 0], [0, 1, 0], [0, 1, 1]]
    assert evaluation.accuracy == pytest.approx(5 / 7)
    assert evaluation.recall == pytest.approx({"angry": 3 / 4, "happy": 1, "sad": 1 / 2})
    assert evaluation.precision == pytest.approx({"angry": 1, "happy": 1 / 3, "sad": 1})
    assert evaluation.uar == pytest.approx(0.75)
    assert evaluation.macro_f1 == pytest.approx((6 / 7 + 1 / 2 + 2 / 3) / 3)
    assert evaluation.weighted_f1 == pytest.approx((4 * 6 / 7 + 1 / 2 + 2 * 2 / 3) / 7)
    first, second = evaluation.by_speaker
    assert (first.speaker, first.sex, first.session, first.n) == ("a", "F", "1", 3)
    assert (first.accuracy, first.uar) == pytest.approx((2 / 3, 3 / 4))
    assert (second.speaker, second.sex, second.session, second.n) == ("b", "M", "1, 2", 4)
    assert (second.accuracy, second.uar) == pytest.approx((3 / 4, 3 / 4))
    assert evaluation.speaker_mean["accuracy"] == pytest.approx((2 / 3 + 3 / 4) / 2)
    assert evaluation.speaker_sd["accuracy"] == pytest.approx(abs(2 / 3 - 3 / 4) / math.sqrt(2))
    assert [(group.name, group.speakers, group.n) for group in evaluation.by_sex] == [
        ("F", 1, 3),
        ("M", 1, 4),
    ]
    assert [(group.name, group.speakers, group.n) for group in evaluation.by_session] == [
        ("1", 2, 4),
        ("2", 1, 3),
    ]
    # certainties 0.9 (3 of 3 right), 0.7 (1 of 3), 0.6 (1 of 1)
    assert evaluation.calibration_error == pytest.approx((3 * 0.1 + 3 * abs(0.7 - 1 / 3) + 0.4) / 7)
    assert [group.n for group in evaluation.bins] == [1, 3, 3]


def test_calibration_of_one_who_is_sure_and_of_one_who_knows():
    sure = np.tile([1.0, 0.0], (10, 1))
    assert calibration(sure, np.zeros(10, int))[0] == 0
    assert calibration(sure, np.ones(10, int))[0] == 1
    fair = np.tile([0.7, 0.3], (10, 1))
    assert calibration(fair, np.array([0] * 7 + [1] * 3))[0] == pytest.approx(0)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 1_000), n=st.integers(1, 200))
def test_calibration_bin_by_bin(seed, n):
    given_values = drawn(seed, n)
    truth = np.array([LABELS.index(label) for label in given_values["truth"]])
    certainty = given_values["probabilities"].max(1)
    right = given_values["probabilities"].argmax(1) == truth
    expected = 0.0
    for low in range(15):
        mine = (certainty > low / 15) & (certainty <= (low + 1) / 15)
        if mine.any():
            expected += mine.mean() * abs(certainty[mine].mean() - right[mine].mean())
    assert evaluate(**given_values).calibration_error == pytest.approx(expected)


@pytest.mark.filterwarnings("error")
def test_nothing_and_a_single_class():
    nothing = evaluate([], np.zeros((0, 4)), LABELS, [])
    assert nothing.n == 0
    for figure in (
        nothing.accuracy, nothing.uar, nothing.weighted_f1, nothing.macro_f1, nothing.calibration_error,
        *nothing.speaker_mean.values(), *nothing.speaker_sd.values(),
    ):  # fmt: skip
        assert figure == 0
    assert nothing.confusion.tolist() == [[0] * 4] * 4
    assert nothing.by_speaker == nothing.by_sex == nothing.bins == ()
    assert json.loads(json.dumps(nothing.as_dict(), allow_nan=False))["uar"] == 0
    assert nothing.to_rows() == [["speaker", "sex", "session", "n", "accuracy", "weighted_f1", "uar"]]
    single = evaluate(["sad", "sad"], np.ones((2, 1)), ["sad"], ["a", "b"])
    assert (single.accuracy, single.uar, single.weighted_f1, single.macro_f1) == (1, 1, 1, 1)
    assert single.speaker_sd == {"accuracy": 0, "weighted_f1": 0, "uar": 0}
    evaluation = evaluate(["sad"], np.ones((1, 1)), ["sad"], ["a"])
    assert evaluation.speaker_sd["uar"] == 0


@pytest.mark.filterwarnings("error")
def test_an_absent_class_is_not_counted_as_a_failure():
    evaluation = evaluate(["sad", "sad"], np.array([[0.1, 0.9], [0.2, 0.8]]), ["angry", "sad"], ["a", "a"])
    assert evaluation.uar == 1
    assert math.isnan(evaluation.recall["angry"])
    assert math.isnan(evaluation.precision["angry"])
    assert evaluation.as_dict()["recall"] == {"angry": None, "sad": 1.0}


def test_what_does_not_fit_is_refused():
    right = drawn(0, 4)
    for change, words in [
        ({"truth": ["joy"] * 4}, "joy is not among"),
        ({"probabilities": right["probabilities"][:, :3]}, "do not fit"),
        ({"speakers": ["a"]}, "do not fit"),
        ({"sexes": []}, "do not fit"),
        ({"probabilities": right["probabilities"] * np.nan}, "not a number"),
    ]:
        with pytest.raises(ValueError, match=words):
            evaluate(**(right | change))


def test_plain_values_and_rows():
    evaluation = by_hand()
    values = json.loads(json.dumps(evaluation.as_dict(), allow_nan=False))
    assert values["uar"] == pytest.approx(0.75)
    assert values["confusion"] == [[3, 1, 0], [0, 1, 0], [0, 1, 1]]
    assert values["by_speaker"][1]["speaker"] == "b"
    rows = evaluation.to_rows()
    assert rows[0][0] == "speaker"
    assert rows[1][:4] == ["a", "F", "1", 3]
    assert {len(row) for row in rows} == {7}


def test_items_are_read_back(tmp_path):
    given_values = drawn(1, 20, labels=("Angry", "sad"))
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["path", "emotion", "speaker", "sex", "predicted", "p_Angry", "p_sad"])
    for i in range(20):
        writer.writerow([given_values["ids"][i], given_values["truth"][i], given_values["speakers"][i],
                         given_values["sexes"][i], "?", *given_values["probabilities"][i]])  # fmt: skip
    (tmp_path / "items.csv").write_text(text.getvalue())
    read = read_items(tmp_path / "items.csv")
    right = evaluate(**(given_values | {"sessions": None}))
    assert read.as_dict() == right.as_dict()
    assert read.ids == right.ids
    (tmp_path / "bad.csv").write_text("path,emotion,speaker,p_sad\na.wav,sad,1,high\n")
    (tmp_path / "none.csv").write_text("path,emotion,speaker\na.wav,sad,1\n")
    for name in ("bad.csv", "none.csv"):
        with pytest.raises(UserError, match="is not a table of predictions"):
            read_items(tmp_path / name)


def test_the_window_can_import_it_without_torch():
    code = "import sys, models.emotion.speakers, models.emotion.significance, models.emotion.data; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


# --- significance -------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(b=st.integers(0, 400), c=st.integers(0, 400))
def test_mcnemar_is_the_binomial_test(b, c):
    expected = stats.binomtest(b, b + c, 0.5).pvalue if b + c else 1.0
    assert mcnemar(b, c) == pytest.approx(expected, rel=1e-9)


def test_mcnemar_by_hand_and_at_sizes_no_float_holds():
    assert mcnemar(0, 5) == 2 / 32
    assert mcnemar(1, 3) == 2 * (1 + 4) / 16
    assert mcnemar(4, 4) == 1
    assert mcnemar(2_000, 2_100) == pytest.approx(stats.binomtest(2_000, 4_100).pvalue)
    assert mcnemar(0, 5_000) == 0


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-1, 1, allow_nan=False).map(lambda value: round(value, 3)), min_size=2, max_size=9))
def test_the_permutation_test_is_scipys(differences):
    ours, exact = permutation_test(np.array(differences))
    peer = stats.permutation_test(
        (np.array(differences),), lambda x: abs(np.sum(x)), permutation_type="samples", n_resamples=np.inf,
        vectorized=False, alternative="greater",
    )  # fmt: skip
    assert exact
    assert ours == pytest.approx(peer.pvalue)


def test_the_permutation_test_by_hand():
    assert permutation_test(np.full(6, 0.1)) == (2 / 64, True)
    assert permutation_test(np.array([0.2])) == (1, True)
    assert permutation_test(np.array([1.0, 1.0, -1.0])) == (1, True)  # |±1±1±1| is never below 1
    assert permutation_test(np.zeros(0)) == (1, True)
    assert permutation_test(np.zeros(4)) == (1, True)
    p, exact = permutation_test(np.full(16, 0.1))
    assert (p, exact) == (2 / 2**16, True)


def test_with_many_speakers_signs_are_drawn_by_the_seed():
    differences = np.random.default_rng(3).normal(0.02, 0.1, 30)
    first, exact = permutation_test(differences, seed=1)
    assert not exact
    assert permutation_test(differences, seed=1) == (first, False)
    peer = stats.permutation_test(
        (differences,), lambda x, axis: np.abs(np.sum(x, axis=axis)), permutation_type="samples",
        n_resamples=50_000, vectorized=True, alternative="greater", rng=np.random.default_rng(0),
    )  # fmt: skip
    assert first == pytest.approx(peer.pvalue, abs=0.02)
    assert permutation_test(np.full(40, 0.1))[0] == pytest.approx(1 / 10_000)


def better(values, share, seed=0):
    """The same utterances, predicted right more often."""
    generator = np.random.default_rng(seed)
    probabilities = values["probabilities"].copy()
    for number, label in enumerate(values["truth"]):
        if generator.random() < share:
            probabilities[number] = 0.01
            probabilities[number, LABELS.index(label)] = 0.97
    return values | {"probabilities": probabilities}


def test_a_comparison_counts_and_tests():
    values = drawn(5, 200, speakers=8)
    first, second = evaluate(**values), evaluate(**better(values, 0.6))
    comparison = compare(first, second)
    right_first, right_second = first.predicted == first.truth, second.predicted == second.truth
    assert comparison.only_first == (right_first & ~right_second).sum()
    assert comparison.only_second == (right_second & ~right_first).sum()
    assert comparison.mcnemar_p == mcnemar(comparison.only_first, comparison.only_second)
    assert comparison.difference == pytest.approx(second.speaker_mean["uar"] - first.speaker_mean["uar"])
    assert comparison.difference > 0.2
    assert (comparison.n, comparison.speakers, comparison.metric, comparison.exact) == (200, 8, "uar", True)
    assert comparison.permutation_p == 2 / 2**8
    back = compare(second, first)
    assert (back.difference, back.permutation_p) == (-comparison.difference, comparison.permutation_p)
    same = compare(first, first, "accuracy")
    assert (same.mcnemar_p, same.permutation_p, same.difference) == (1, 1, 0)


def test_a_comparison_finds_the_utterances_in_any_order():
    values = drawn(6, 50)
    other = better(values, 0.5)
    order = np.random.default_rng(0).permutation(50)
    shuffled = {
        name: column if name == "labels" else np.asarray(column, dtype=None)[order].tolist()
        for name, column in other.items()
    }
    assert compare(evaluate(**values), evaluate(**shuffled)) == compare(evaluate(**values), evaluate(**other))


def test_a_comparison_of_other_utterances_is_refused():
    values = drawn(7, 20)
    first = evaluate(**values)
    fewer = {name: column if name == "labels" else column[:10] for name, column in values.items()}
    renamed = values | {"ids": ["x.wav", *values["ids"][1:]]}
    relabelled = values | {
        "truth": [LABELS[(LABELS.index(values["truth"][0]) + 1) % 4], *values["truth"][1:]]
    }
    for other in (fewer, renamed, relabelled, values | {"speakers": ["z"] * 20}):
        with pytest.raises(UserError, match="cannot be compared"):
            compare(first, evaluate(**other))


def test_without_names_the_order_must_be_the_same():
    values = drawn(8, 20) | {"ids": None}
    assert isinstance(evaluate(**values), Evaluation)
    assert compare(evaluate(**values), evaluate(**better(values, 0.5))).n == 20
    turned = {
        name: column if name in ("labels", "ids") or column is None else list(column)[::-1]
        for name, column in values.items()
    }
    with pytest.raises(UserError, match="cannot be compared"):
        compare(evaluate(**values), evaluate(**turned))
