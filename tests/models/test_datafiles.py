"""Tables, hashes and whole files: what people's files look like, and what a full disk or a kill leaves."""

import errno
import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models import datafiles
from models.errors import UserError


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_tables_as_spreadsheets_write_them(tmp_path, delimiter, encoding, newline):
    lines = [
        ["Path", " Emotion ", "speaker"],
        ["a b.wav", "愤怒", "03"],
        ["", "", ""],
        ["c.wav", '"sad, so"' if delimiter == "," else "sad, so"],
    ]
    path = tmp_path / "t.csv"
    path.write_bytes(newline.join(delimiter.join(line) for line in lines).encode(encoding))
    table = datafiles.read_table(path, ["path", "emotion", "speaker"])
    assert table.columns == ("Path", "Emotion", "speaker")
    assert [row.line for row in table.rows] == [2, 4]
    assert table.rows[0].cells == {"path": "a b.wav", "emotion": "愤怒", "speaker": "03"}
    assert table.rows[1]["emotion"] == "sad, so"
    assert table.rows[1]["speaker"] == ""
    assert (table.rows[1].get("speaker", "?"), table.rows[0].get("speaker")) == ("?", "03")


def test_a_missing_column_is_named_and_the_found_ones_listed(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("path,label,who\na.wav,sad,1\n")
    with pytest.raises(UserError) as caught:
        datafiles.read_table(path, ["path", "emotion", "speaker"])
    what, why, remedy = caught.value.sentences()
    assert "emotion, speaker" in what
    assert "path, label, who" in why
    assert remedy


def test_files_that_are_no_tables(tmp_path):
    (tmp_path / "empty.csv").write_bytes(b"")
    (tmp_path / "blank.csv").write_text("\n \n,,\n")
    (tmp_path / "sound.csv").write_bytes(b"RIFF\x24\x08\x01\x02WAVEfmt \xff\xfe\x10")
    (tmp_path / "zeros.csv").write_bytes(b"path,emotion\0\0\n")
    cases = {"empty.csv": "is empty", "blank.csv": "is empty", "sound.csv": "not a table",
             "zeros.csv": "not a table", "gone.csv": "was not found"}  # fmt: skip
    for name, words in cases.items():
        with pytest.raises(UserError, match=words) as caught:
            datafiles.read_table(tmp_path / name)
        assert name in caught.value.sentences()[0]
    with pytest.raises(UserError, match="is a folder"):
        datafiles.read_table(tmp_path)


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-8"])
@pytest.mark.parametrize("words", ["Mädchen,fröhlich,Jürgen Weiß", "garçon,très gêné,Zoë", "ä.wav,sad,ÄÖÜ"])
def test_western_tables_in_older_encodings(tmp_path, encoding, words):
    (tmp_path / "t.csv").write_bytes(f"path,emotion,speaker\n{words}\n".encode(encoding))
    assert ",".join(datafiles.read_table(tmp_path / "t.csv").rows[0].cells.values()) == words


@pytest.mark.parametrize("encoding", ["gbk", "gb18030", "utf-8", "utf-16"])
@pytest.mark.parametrize("words", ["录音/一.wav,高兴,张伟", "a.wav,愤怒,陈喆"])
def test_chinese_tables_in_older_encodings(tmp_path, encoding, words):
    (tmp_path / "t.csv").write_bytes(f"path,emotion,speaker\n{words}\n".encode(encoding))
    assert ",".join(datafiles.read_table(tmp_path / "t.csv").rows[0].cells.values()) == words


def test_a_table_of_another_kind_is_refused_for_its_size(tmp_path, monkeypatch):
    monkeypatch.setattr(datafiles, "LARGEST_TABLE", 10)
    (tmp_path / "big.csv").write_text("path,emotion\n")
    with pytest.raises(UserError, match="too large"):
        datafiles.read_table(tmp_path / "big.csv")


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=400))
def test_any_bytes_are_a_table_or_a_person_error(tmp_path, contents):
    path = tmp_path / "any.csv"
    path.write_bytes(contents)
    columns, complaint = (), ""
    try:
        columns = datafiles.read_table(path).columns
    except UserError as error:
        complaint = str(error)
    assert columns or complaint


def test_content_hash_is_of_the_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    (tmp_path / "b").write_bytes(b"abc")
    digest = datafiles.content_hash(tmp_path / "a")
    assert digest == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert datafiles.content_hash(tmp_path / "b") == digest
    with pytest.raises(UserError, match="was not found"):
        datafiles.content_hash(tmp_path / "c")


def test_a_hash_is_remembered_until_the_file_changes(tmp_path, monkeypatch):
    read = []
    real = datafiles.content_hash
    monkeypatch.setattr(datafiles, "content_hash", lambda path: read.append(path) or real(path))
    file = tmp_path / "a"
    file.write_bytes(b"abc")
    hashes = datafiles.ContentHashes(tmp_path / "memory.json")
    first = hashes.of(file)
    assert hashes.of(file) == first
    assert len(read) == 1
    hashes.save()
    again = datafiles.ContentHashes(tmp_path / "memory.json")
    assert again.of(file) == first
    assert len(read) == 1
    file.write_bytes(b"abd")
    os.utime(file, ns=(1, 1))
    assert again.of(file) == real(file) != first
    with pytest.raises(UserError, match="was not found"):
        again.of(tmp_path / "gone")


@pytest.mark.parametrize("memory", [b"", b"[1]", b"{nonsense", b'{"x": 3}', b"\xff\xfe"])
def test_a_broken_memory_is_begun_anew(tmp_path, memory):
    (tmp_path / "memory.json").write_bytes(memory)
    (tmp_path / "a").write_bytes(b"abc")
    hashes = datafiles.ContentHashes(tmp_path / "memory.json")
    assert hashes.of(tmp_path / "a") == datafiles.content_hash(tmp_path / "a")


def test_writing_makes_folders_replaces_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "deep" / "er" / "a.bin"
    datafiles.write_whole(path, b"one")
    datafiles.write_whole(path, b"two")
    assert path.read_bytes() == b"two"
    assert os.listdir(path.parent) == ["a.bin"]
    mask = os.umask(0)
    os.umask(mask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~mask


@pytest.mark.parametrize(
    ("number", "words"), [(errno.ENOSPC, "disk is full"), (errno.EACCES, "cannot be written")]
)
def test_a_write_that_fails_keeps_the_old_file(tmp_path, monkeypatch, number, words):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")

    def refuse(*_names):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(UserError, match=words):
        datafiles.write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.bin"]


def test_a_file_in_the_way_of_a_folder_is_said(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="cannot be written"):
        datafiles.write_whole(tmp_path / "file" / "a.bin", b"")


def test_arrays_and_broken_arrays(tmp_path):
    array = np.arange(6, dtype=np.float16).reshape(2, 3)
    path = tmp_path / "a.npy"
    datafiles.write_array(path, array)
    read = datafiles.read_array(path)
    assert read.dtype == np.float16
    np.testing.assert_array_equal(read, array)
    whole = path.read_bytes()
    for broken in (b"", whole[:40], whole[:-1], b"not an array at all, but text of some length"):
        path.write_bytes(broken)
        assert datafiles.read_array(path) is None
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    assert datafiles.read_array(path) is None
    assert datafiles.read_array(tmp_path / "gone.npy") is None
