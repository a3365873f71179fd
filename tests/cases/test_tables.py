"""Tables and arrays as spreadsheets, pandas and MATLAB write them: no value moves, none is lost without a word."""

import shutil
import zipfile

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from models.datafiles import read_table
from models.errors import UserError
from models.reverberation.data import open_sequences
from models.reverberation.tabular import MOST_CELLS
from models.search.data import open_captions

HEAD = "sequence,f1,f2,f3,target"
ROWS = [f"s{n // 4},{n},{n + 1},{n + 2},{n // 4}" for n in range(8)]


def write(path, head=HEAD, rows=ROWS):
    path.write_text("\n".join([head, *rows]) + "\n", "utf-8")
    return path


def test_a_row_with_a_cell_too_many_is_refused_with_its_line(tmp_path):
    rows = [*ROWS[:3], "s0,3,9,4,5,0", *ROWS[4:]]
    with pytest.raises(UserError, match="line 5"):
        open_sequences(write(tmp_path / "a.csv", rows=rows))
    result = read_table(write(tmp_path / "b.csv", rows=[row + ",," for row in ROWS]))  # blank cells are none
    assert len(result.rows) == 8


def test_a_caption_with_a_comma_is_not_cut(tmp_path):
    (tmp_path / "captions.csv").write_text("file,caption\na.png,a red, round thing\n")
    with pytest.raises(UserError, match="line 2"):
        open_captions(tmp_path)


@pytest.mark.parametrize("head", ["sequence,f1,F1,f3,target", "f1,f1,f2,f3,target", "sequence,,,f3,target"])
def test_two_columns_of_one_name_are_refused(tmp_path, head):
    with pytest.raises(UserError, match="several columns of one name"):
        open_sequences(write(tmp_path / "a.csv", head))


def test_row_numbers_of_pandas_are_no_feature(tmp_path):
    result = open_sequences(
        write(tmp_path / "a.csv", "," + HEAD, [f"{n},{row}" for n, row in enumerate(ROWS)])
    )
    assert result.names == ("f1", "f2", "f3")
    assert "counts the rows" in str(result.remarks[0])
    with pytest.raises(UserError, match="without a name"):
        open_sequences(write(tmp_path / "b.csv", "," + HEAD, [f"7,{row}" for row in ROWS]))


def test_headings_in_any_case(tmp_path):
    upper = open_sequences(write(tmp_path / "a.csv", "Sequence,F1,F2,F3,Target"))
    lower = open_sequences(write(tmp_path / "b.csv"))
    np.testing.assert_array_equal(upper.x, lower.x)
    np.testing.assert_array_equal(upper.y, lower.y)
    assert upper.names == ("F1", "F2", "F3")


def test_decimal_commas(tmp_path):
    german = [row.replace(",", ",5;")[:-1] + row[-1] + ",5" for row in ROWS]
    german = [row.replace("s0,5", "s0").replace("s1,5", "s1") for row in german]
    result = open_sequences(write(tmp_path / "a.csv", HEAD.replace(",", ";"), german))
    np.testing.assert_array_equal(result.x[0][:, 0], [0.5, 1.5, 2.5, 3.5])
    assert "decimal comma" in str(result.remarks[0])
    quoted = [row.replace(",0", ',"0,5"') for row in ROWS]
    with pytest.raises(UserError, match="decimal comma"):
        open_sequences(write(tmp_path / "b.csv", rows=quoted))


def test_what_python_takes_for_a_number_and_nobody_else(tmp_path):
    with pytest.raises(UserError, match="text where numbers"):
        open_sequences(write(tmp_path / "a.csv", rows=["s0,1_0,2,3,4", *ROWS]))


def test_a_long_cell_is_shortened_in_the_message(tmp_path):
    with pytest.raises(UserError) as caught:
        open_sequences(write(tmp_path / "a.csv", rows=[f"s0,{'x' * 50_000},2,3,4"]))
    assert len(str(caught.value)) < 500


@pytest.mark.slow
def test_parquet_is_measured_before_it_is_read(tmp_path):
    whole = pyarrow.table({"sequence": ["a", "b"], "F1": [1.0, 2.0], "Target": [1, 2]})
    pyarrow.parquet.write_table(whole, tmp_path / "a.parquet")
    result = open_sequences(tmp_path / "a.parquet")
    assert result.names == ("F1",)
    np.testing.assert_array_equal(result.y, [1, 2])
    column = pyarrow.repeat(pyarrow.scalar(1, pyarrow.int8()), MOST_CELLS // 2 + 1)
    pyarrow.parquet.write_table(pyarrow.table({"f1": column, "target": column}), tmp_path / "b.parquet")
    assert (tmp_path / "b.parquet").stat().st_size < 1_000_000
    with pytest.raises(UserError, match="too large when it is unpacked"):
        open_sequences(tmp_path / "b.parquet")
    (tmp_path / "c.parquet").write_bytes((tmp_path / "a.parquet").read_bytes()[:-30])
    with pytest.raises(UserError, match=r"c\.parquet cannot be read"):
        open_sequences(tmp_path / "c.parquet")


# Arrays

X = np.random.default_rng(0).normal(size=(6, 5, 3)).astype(np.float32)


def saved(path, **arrays):
    np.savez(path, x=X, y=np.arange(6.0), **arrays)
    return path


def test_lengths_as_a_column(tmp_path):
    lengths = np.array([5, 4, 3, 2, 1, 5])
    flat = open_sequences(saved(tmp_path / "a.npz", lengths=lengths))
    column = open_sequences(saved(tmp_path / "b.npz", lengths=lengths[:, None].astype(float)))
    assert [len(item) for item in flat.x] == [len(item) for item in column.x] == lengths.tolist()


@pytest.mark.parametrize(
    "lengths",
    [[5, 5], [5, 5, 5, 5, 5, 6], [2.5] * 6, ["5"] * 6, [np.nan] * 6, [[5, 5]] * 6, [-1] * 6, 5, [1e300] * 6],
)
def test_lengths_that_do_not_fit(tmp_path, lengths):
    with pytest.raises(UserError, match="lengths do not fit"):
        open_sequences(saved(tmp_path / "a.npz", lengths=np.array(lengths)))


def test_groups_that_do_not_fit(tmp_path):
    for groups in (["a", "b"], ["a"] * 7):
        with pytest.raises(UserError, match="groups for 6 sequences"):
            open_sequences(saved(tmp_path / "a.npz", group=np.array(groups)))
    result = open_sequences(saved(tmp_path / "b.npz", group=np.array([["a"]] * 6)))
    assert result.groups == ("a",) * 6


def test_what_an_array_is_goes_by_its_first_bytes(tmp_path):
    saved(tmp_path / "a.npz").rename(tmp_path / "a.npy")
    assert len(open_sequences(tmp_path / "a.npy")) == 6
    (tmp_path / "b.npz").write_text("not an archive")
    with pytest.raises(UserError, match=r"b\.npz cannot be read"):
        open_sequences(tmp_path / "b.npz")


def test_objects_are_refused_without_advice_to_allow_them(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{"a": 1}], object), allow_pickle=True)
    with pytest.raises(UserError, match="Python objects") as caught:
        open_sequences(tmp_path / "a.npy")
    assert "allow_pickle" not in str(caught.value)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_an_npz_that_was_not_copied_to_its_end(tmp_path, share):
    data = saved(tmp_path / "a.npz").read_bytes()
    (tmp_path / "b.npz").write_bytes(data[: int(share * len(data))])
    with pytest.raises(UserError, match=r"b\.npz"):
        open_sequences(tmp_path / "b.npz")


# Sequences under other names, in another order, in other programs' files


def arrays(path, **changes):
    values = {"x": np.ones((6, 4, 3), np.float32), "y": np.arange(6.0)} | changes
    np.savez(path, **{name: value for name, value in values.items() if value is not None})
    return open_sequences(path, window=2)


def test_a_series_with_a_target_a_step_keeps_its_targets(tmp_path):
    result = arrays(tmp_path / "a.npz", x=np.random.default_rng(0).normal(size=(6, 3)))
    np.testing.assert_array_equal(result.y, [1, 2, 3, 4, 5])  # of the last step of each window
    with pytest.raises(UserError, match="5 targets for 6 steps"):
        arrays(tmp_path / "b.npz", x=np.ones((6, 3)), y=np.arange(5.0))
    with pytest.raises(UserError, match="lengths"):
        arrays(tmp_path / "c.npz", x=np.ones((6, 3)), lengths=[1] * 6)


def test_arrays_by_the_names_that_columns_have(tmp_path):
    result = arrays(tmp_path / "a.npz", y=None, Target=np.arange(6.0), Speaker=list("aabbcc"), other=1)
    np.testing.assert_array_equal(result.y, np.arange(6))
    assert result.groups == tuple("aabbcc")
    assert "not used: other" in str(result.remarks[0])


def test_sequences_without_a_feature_are_none(tmp_path):
    with pytest.raises(UserError, match="no sequence"):
        arrays(tmp_path / "a.npz", x=np.ones((6, 4, 0)))


def test_a_group_or_a_target_that_changes_within_a_sequence(tmp_path):
    with pytest.raises(UserError, match="several groups"):
        open_sequences(
            write(tmp_path / "a.csv", HEAD + ",group", [f"{row},{n % 2}" for n, row in enumerate(ROWS)])
        )
    result = open_sequences(write(tmp_path / "b.csv", rows=["s0,1,2,3,9", *ROWS[1:]]))
    assert "differs within 1" in str(result.remarks[0])


def test_rows_out_of_order_are_put_into_that_of_their_time(tmp_path):
    rows = [f"{row},{-n}" for n, row in enumerate(ROWS)]
    result = open_sequences(write(tmp_path / "a.csv", HEAD + ",time", rows))
    np.testing.assert_array_equal(result.x[0][:, 0], [3, 2, 1, 0])
    assert "order of the column time" in str(result.remarks[0])


def test_a_row_that_names_no_sequence(tmp_path):
    with pytest.raises(UserError, match="row 4"):
        open_sequences(
            write(tmp_path / "a.csv", rows=[*ROWS[:2], "," + ROWS[2].partition(",")[2], *ROWS[3:]])
        )


def test_row_numbers_of_pandas_under_other_names(tmp_path):
    for name in ("index", "Unnamed: 0.1", "level_0"):
        result = open_sequences(
            write(tmp_path / "a.csv", f"{name},{HEAD}", [f"{n},{row}" for n, row in enumerate(ROWS)])
        )
        assert result.width == 3
        assert "counts the rows" in str(result.remarks[0])
    columns = {"sequence": list("aabb"), "f1": [1.0, 2, 3, 4], "__index_level_0__": [0, 1, 2, 3]}
    pyarrow.parquet.write_table(pyarrow.table(columns), tmp_path / "a.parquet")
    assert open_sequences(tmp_path / "a.parquet").width == 1


def test_what_excel_writes(tmp_path):
    rows = [row.replace(",", ";") for row in (HEAD, *ROWS)]
    (tmp_path / "a.csv").write_text("\n".join(["sep=;", *rows]) + "\n")
    assert len(open_sequences(tmp_path / "a.csv")) == 2
    with zipfile.ZipFile(tmp_path / "b.xlsx", "w") as book:
        book.writestr("xl/workbook.xml", "<workbook/>")
    shutil.copy(tmp_path / "b.xlsx", tmp_path / "b.csv")
    for name in ("b.xlsx", "b.csv"):
        with pytest.raises(UserError, match="workbook"):
            open_sequences(tmp_path / name)
    with pytest.raises(UserError, match="workbook"):
        read_table(tmp_path / "b.csv")


def test_a_table_without_a_heading_is_refused_and_loses_no_row(tmp_path):
    with pytest.raises(UserError, match="no heading line"):
        read_table(write(tmp_path / "a.csv", "0.5,-1,2e3,1.5,0", []))
    with pytest.raises(UserError, match="no heading line"):
        read_table(write(tmp_path / "b.csv", "0,0,0", []))
    for counted in ("0,1,2,3,4", "1,2,3,4,5"):  # as pandas names columns that have no names
        assert len(read_table(write(tmp_path / "c.csv", counted)).rows) == len(ROWS)


def test_what_time_and_a_name_a_row_mean_is_said(tmp_path):
    sequences = open_sequences(write(tmp_path / "a.csv", "sequence,f1,f2,time,target"))
    assert sequences.names == ("f1", "f2")
    assert "time, and no feature" in str(sequences.remarks[0])
    each = open_sequences(
        write(tmp_path / "b.csv", "f1,id,f2,f3,target", [f"{n},{n},1,2,3" for n in range(8)])
    )
    assert len(each) == 8
    assert "each row is a sequence of its own" in str(each.remarks[0])


def test_a_number_beyond_single_precision_is_refused_as_such(tmp_path):
    with pytest.raises(UserError, match="too large") as refused:
        open_sequences(write(tmp_path / "a.csv", rows=[*ROWS[:5], "s1,1e300,1,1,1", *ROWS[6:]]))
    assert "Column f1, row 7" in str(refused.value)
    table = pyarrow.table({"f1": [1.0, -1e300], "f2": [1.0, 2.0]})
    pyarrow.parquet.write_table(table, tmp_path / "b.parquet")
    with pytest.raises(UserError, match="too large"):
        open_sequences(tmp_path / "b.parquet")
