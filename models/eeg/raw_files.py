"""Recordings that MNE opens: EDF, BDF, BrainVision, FIF and EEGLAB, by what their first bytes say they are."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from models import file_names, files
from models.eeg.channels import EYES, HEART, placed
from models.eeg.edf_header import read_header
from models.eeg.fif import check_fif
from models.eeg.matlab import check_matlab
from models.eeg.recording import Annotation, Recording, damaged, empty, possible_rate
from models.errors import UserError, shortened
from models.remarks import Remark

KINDS = {".bdf": "bdf", ".edf": "edf", ".rec": "edf", ".vhdr": "brainvision", ".fif": "fif", ".set": "eeglab"}
LARGEST_TEXT = 16 * 2**20  # bytes of the header of a BrainVision recording


def open_raw(path: Path, kind: str) -> Recording:
    """A recording of one of the kinds of `KINDS`. Raises UserError for whatever is wrong with it."""
    remarks: list[Remark] = []
    scales: dict[str, float] = {}
    labels: tuple[str, ...] = ()
    if kind in ("edf", "bdf"):
        header = read_header(path, kind)
        remarks += header.remarks
        labels = header.labels
        if any(scale != 1 for scale in header.scales):
            scales = dict(zip(header.labels, header.scales, strict=True))
    raw = _opened(path, kind, remarks)
    try:
        return _recording(path, raw, scales, labels, remarks)
    except UserError:
        raise
    except Exception as error:  # MNE finds only now that a channel is of no kind it knows
        raise damaged(path, error) from error


def _opened(path: Path, kind: str, remarks: list[Remark]) -> Any:
    import mne
    from mne.io.edf.edf import RawBDF, RawEDF

    try:
        if kind in ("edf", "bdf"):  # by their classes: the functions insist on the ending of the name
            reader = RawBDF if kind == "bdf" else RawEDF
            try:
                return reader(os.fspath(path), preload=False, verbose="error")
            except Exception as error:
                if "latin1" not in str(error):
                    raise
                remarks.append(Remark("Its annotations are not in UTF-8; they were read as Latin-1."))
                return reader(os.fspath(path), preload=False, encoding="latin1", verbose="error")
        if kind == "brainvision":
            return _brainvision(path, remarks)
        if kind == "fif":
            return _fif(path)
        check_matlab(path)
        return mne.io.read_raw_eeglab(path, preload=False, verbose="error")
    except UserError:
        raise
    except Exception as error:  # MNE's readers raise whatever a broken file makes them stumble over
        raise damaged(path, error) from error


def _fif(path: Path) -> Any:
    """A continuous FIF recording. Raises UserError where it is of epochs or averages, or where its next part is not there."""
    import mne

    check_fif(path)
    try:
        return mne.io.read_raw_fif(path, preload=False, verbose="error")
    except ValueError as error:
        following = re.search(r"next file (.+?) does not exist", str(error))
        if following:
            raise UserError(
                "{name} is not complete.",
                "It goes on in {file}, which is not beside it.",
                "Copy that file, too, under the name that it had.",
                name=file_names.shown(path.name),
                file=file_names.shown(Path(following[1]).name),
            ) from error
        if "No raw data" in str(error):
            raise UserError(
                "{name} is no continuous recording.",
                "It holds epochs, an average or something else that MNE keeps in FIF files.",
                "Choose the raw file that it was made from.",
                name=file_names.shown(path.name),
            ) from error
        raise


def _brainvision(path: Path, remarks: list[Remark]) -> Any:
    """A BrainVision recording, though its files were renamed: the header names the others by their old names."""
    import mne

    text = files.read_bytes(path, LARGEST_TEXT)
    data = _named_file(path, text, b"DataFile", (".eeg", ".dat", ".avg"))
    if data is None:
        named = _entry(text, b"DataFile")
        raise UserError(
            "{name} is not complete.",
            "Its numbers should lie beside it in {data}, and are not there.",
            "Copy that file, too; if it was renamed, give it the name of the header, {stem}.eeg.",
            name=file_names.shown(path.name),
            data=file_names.shown(named or "?"),
            stem=file_names.shown(path.stem),
        )
    markers = _named_file(path, text, b"MarkerFile", (".vmrk",))
    if _entry(text, b"MarkerFile") and markers is None:
        remarks.append(Remark("The file of its markers is not there; there are no markers."))
    if data.name != _entry(text, b"DataFile").replace("$b", path.stem):
        remarks.append(
            Remark(
                "Its header names another file; {name} beside it was read.", name=file_names.shown(data.name)
            )
        )
    with (
        tempfile.TemporaryDirectory() as folder
    ):  # the header alone: it names the others by their whole paths
        place = Path(folder) / "recording.vhdr"
        text = _with_entry(text, b"DataFile", os.fsencode(data.resolve()))
        text = _with_entry(text, b"MarkerFile", os.fsencode(markers.resolve()) if markers else None)
        place.write_bytes(text)
        return mne.io.read_raw_brainvision(place, preload=False, verbose="error")


def _entry(text: bytes, key: bytes) -> str:
    match = re.search(rb"(?im)^[ \t]*" + key + rb"[ \t]*=[ \t]*([^\r\n]*)", text)
    return match[1].strip().decode("utf-8", "replace") if match else ""


def _with_entry(text: bytes, key: bytes, value: bytes | None) -> bytes:
    line = b"" if value is None else key + b"=" + value
    return re.sub(rb"(?im)^[ \t]*" + key + rb"[ \t]*=[^\r\n]*", lambda _: line, text)


def _named_file(path: Path, text: bytes, key: bytes, endings: tuple[str, ...]) -> Path | None:
    """The file that the header names, beside it and nowhere else; or one with the header's own name."""
    named = _entry(text, key).replace("$b", path.stem).replace("\\", "/").rpartition("/")[2]
    if not named:
        return None
    candidates = [path.parent / named, *(path.with_suffix(ending) for ending in endings)]
    for candidate in candidates:
        try:
            if candidate.is_file():
                return candidate
        except (OSError, ValueError):
            continue
    return None


def _as_written(name: str, labels: tuple[str, ...]) -> str:
    """A channel's name as its file has it: of two with one name MNE calls the first ``Fp1-0``."""
    plain = re.sub(r"-\d+$", "", name)
    return plain if name not in labels and labels.count(plain) > 1 else name


def _recording(
    path: Path, raw: Any, scales: dict[str, float], labels: tuple[str, ...], remarks: list[Remark]
) -> Recording:
    picks, names, aside = _chosen(raw, labels, remarks)
    if not len(picks):
        raise UserError(
            "{name} holds no EEG channel.",
            "Its channels are {channels}.",
            "Choose another recording.",
            name=file_names.shown(path.name),
            channels=shortened(", ".join(raw.ch_names[:12])) or "none",
        )
    rate = possible_rate(path, float(raw.info["sfreq"]))
    if not raw.n_times:
        raise empty(path)
    each = {i: scales.get(_as_written(raw.ch_names[i], labels), 1.0) for i in (*picks, *aside)}
    bad = {raw.ch_names[i]: name for i, name in zip(picks, names, strict=True)}
    beside = tuple(raw.ch_names[i] for i in aside)
    kinds = raw.get_channel_types()
    return Recording(
        path,
        tuple(names),
        rate,
        int(raw.n_times),
        _reader(path, raw, picks, np.array([1e6 * each[i] for i in picks])),
        tuple(bad[name] for name in raw.info["bads"] if name in bad),
        None,
        tuple(remarks),
        annotations=_annotations(raw),
        aside=beside,
        read_aside=_reader(path, raw, aside, np.array([1e6 * each[i] for i in aside])),
        eyes=tuple(raw.ch_names[i] for i in aside if kinds[i] == "eog" or EYES.search(raw.ch_names[i])),
        heart=tuple(raw.ch_names[i] for i in aside if kinds[i] == "ecg" or HEART.search(raw.ch_names[i])),
        in_mne=tuple((raw.ch_names[i], each[i]) for i in (*picks, *aside)),
    )


def _chosen(
    raw: Any, labels: tuple[str, ...], remarks: list[Remark]
) -> tuple[np.ndarray, list[str], np.ndarray]:
    """(numbers of the channels on the scalp, what they are called today, numbers of those that lie elsewhere)."""
    import mne

    picks = mne.pick_types(raw.info, eeg=True, exclude=())
    aside = mne.pick_types(raw.info, eog=True, ecg=True, exclude=())
    names, used, said = placed([_as_written(raw.ch_names[i], labels) for i in picks])
    if sum(used) >= 4:  # BioSemi's EXG, GSR, Resp … come as EEG
        remarks += said
        left_out = np.array([i for i, item in zip(picks, used, strict=True) if not item], int)
        if len(left_out):
            told = ", ".join(raw.ch_names[i] for i in left_out)
            remarks.append(Remark("Left out, not on the scalp: {names}.", names=told))
        picks = np.array([i for i, item in zip(picks, used, strict=True) if item])
        names = [name for name, item in zip(names, used, strict=True) if item]
        aside = np.concatenate([left_out, aside])
    return picks, names, aside.astype(int)


def _annotations(raw: Any) -> tuple[Annotation, ...]:
    """Counted from the first sample, wherever the file's clock began."""
    marks = raw.annotations
    begin = float(raw.first_time) if marks.orig_time is not None else 0.0
    return tuple(
        Annotation(float(onset) - begin, float(duration), str(text))
        for onset, duration, text in zip(marks.onset, marks.duration, marks.description, strict=True)
    )


def _reader(path: Path, raw: Any, picks: np.ndarray, factors: np.ndarray) -> Callable[[int, int], np.ndarray]:
    def read(first: int, last: int) -> np.ndarray:
        try:
            return np.ascontiguousarray(raw.get_data(picks, first, last).T * factors, dtype=np.float32)
        except Exception as error:  # a file cut short is noticed only here
            raise damaged(path, error) from error

    return read
