import numpy as np
import pytest

from models.errors import UserError
from models.reverberation import baselines, data
from models.reverberation.sequences import Sequences, batched, split, windows
from models.reverberation.task import regression

RANDOM = np.random.default_rng(0)


def saved(path, **arrays):
    np.savez(path, **arrays)
    return path


def test_arrays_with_targets_lengths_and_groups(tmp_path):
    x = RANDOM.normal(size=(4, 6, 3)).astype(np.float32)
    path = saved(
        tmp_path / "a.npz",
        x=x,
        y=np.arange(4.0),
        lengths=np.array([6, 2, 3, 6]),
        group=np.array(list("aabb")),
    )
    result = data.open_sequences(path)
    assert [len(item) for item in result.x] == [6, 2, 3, 6]
    assert result.groups == ("a", "a", "b", "b")
    batch, lengths = batched(result, [1, 0])
    assert batch.shape == (2, 6, 3)
    assert lengths.tolist() == [2, 6]
    assert not batch[0, 2:].any()


def test_a_single_series_is_windowed_to_predict_its_next_value(tmp_path):
    series = np.arange(20.0).reshape(10, 2)
    np.save(tmp_path / "s.npy", series)
    result = data.open_sequences(tmp_path / "s.npy", window=4)
    assert len(result) == 6
    np.testing.assert_array_equal(result.x[0], series[:4])
    assert result.y.tolist() == series[4:, 0].tolist()


def test_tables_as_csv_and_parquet(tmp_path):
    import pyarrow
    import pyarrow.parquet

    columns = {"sequence": ["a", "a", "b", "b", "b"], "speaker": list("ppqqq"), "f1": [1.0, 2, 3, 4, 5], "f2": [0.5] * 5,
               "target": [7.0, 7, 9, 9, 9]}  # fmt: skip
    pyarrow.parquet.write_table(pyarrow.table(columns), tmp_path / "t.parquet")
    rows = [",".join(columns)] + [",".join(str(columns[name][i]) for name in columns) for i in range(5)]
    (tmp_path / "t.csv").write_text("\n".join(rows))
    for name in ("t.csv", "t.parquet"):
        result = data.open_sequences(tmp_path / name)
        assert [item.shape for item in result.x] == [(2, 2), (3, 2)]
        assert result.y.tolist() == [7, 9]
        assert (result.groups, result.names) == (("p", "q"), ("f1", "f2"))


@pytest.mark.parametrize(
    ("arrays", "why"),
    [
        ({"y": np.zeros(3)}, "lacks the array x"),
        ({"x": np.array([["a", "b"]])}, "does not hold numbers"),
        ({"x": np.full((2, 3, 4), np.nan)}, "sequence 1, step 1"),
        ({"x": np.zeros((2, 3, 4)), "y": np.zeros(3)}, "3 targets for 2 sequences"),
        ({"x": np.zeros((2, 3, 4)), "y": np.array([0, np.inf])}, "sequence 2"),
        ({"x": np.zeros((2, 3, 4)), "lengths": np.array([0, 3])}, "lengths do not fit"),
        ({"x": np.zeros((2, 3, 4, 5))}, "4 dimensions"),
        ({"x": np.zeros((0, 3, 4))}, "no sequence"),
        ({"x": np.zeros((5, 2))}, "only 5 steps"),
    ],
)
def test_bad_arrays_are_said_in_words(tmp_path, arrays, why):
    with pytest.raises(UserError, match=why):
        data.open_sequences(saved(tmp_path / "bad.npz", **arrays))


def test_bad_files_are_said_in_words(tmp_path):
    (tmp_path / "text.csv").write_text("f1,f2\n1,two\n")
    with pytest.raises(UserError, match="Column f2, row 2: two"):
        data.open_sequences(tmp_path / "text.csv")
    for name in ("broken.npz", "broken.parquet"):
        (tmp_path / name).write_bytes(b"not an array")
        with pytest.raises(UserError, match="cannot be read"):
            data.open_sequences(tmp_path / name)
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(UserError, match="cannot be read"):
        data.open_sequences(tmp_path / "objects.npy")
    with pytest.raises(UserError, match="was not found"):
        data.open_sequences(tmp_path / "none.npz")
    (tmp_path / "a.txt").write_text("words")
    with pytest.raises(UserError, match="not a table of sequences"):
        data.open_sequences(tmp_path / "a.txt")


def test_no_group_is_on_both_sides_and_windows_do_not_overlap_the_validation():
    grouped = Sequences(
        tuple(np.zeros((40, 3, 2), np.float32)), np.zeros(40, np.float32), tuple("abcdefgh" * 5)
    )
    train, validation = split(grouped, 0.25, seed=3)
    assert not {grouped.groups[i] for i in train} & {grouped.groups[i] for i in validation}
    assert len({grouped.groups[i] for i in validation}) == 2
    series = windows(np.arange(100.0)[:, None], 10)
    train, validation = split(series, 0.2, seed=3)
    assert series.x[train[-1]][-1, 0] < series.x[validation[0]][0, 0]


def test_the_sample_ships_with_speakers_and_targets():
    result = data.open_sequences("sample")
    assert result.width == 64
    assert len(set(result.groups)) == 8
    assert abs(np.mean([item.mean() for item in result.x])) < 0.05  # the level was taken out


def test_ridge_finds_a_linear_rule_and_judges_as_scikit_does():
    x = RANDOM.normal(size=(200, 5, 8)).astype(np.float32)
    y = (x.mean(1) @ RANDOM.normal(size=8) + 3).astype(np.float32)
    whole = Sequences(tuple(x), y)
    predicted = baselines.ridge(whole.part(range(150)), whole.part(range(150, 200)))
    figures = regression(predicted, y[150:])
    assert figures["r2"] > 0.99
    assert figures["rmse"] == pytest.approx(np.sqrt(figures["mse"]))
    assert regression(np.full(5, y[:5].mean()), y[:5])["r2"] == pytest.approx(0, abs=1e-6)


def test_the_gru_has_as_many_parameters():
    for width in (4, 64, 200):
        network = baselines.GRUBaseline(width, 1_076_789)
        count = sum(p.numel() for p in network.parameters())
        assert 0.98 * 1_076_789 < count <= 1_076_789
