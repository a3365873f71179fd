"""What the tab writes: envelopes, choices, subjects, the history, pictures."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFileDialog, QWidget

from app.i18n import tr
from app.tabs.eeg.session import EegSession
from models.checkpoint import cannot_write
from models.datafiles import write_whole
from models.eeg import tables
from models.eeg.annotations import write_annotations
from models.errors import UserError
from models.tables import write_csv

if TYPE_CHECKING:
    from app.tabs.eeg.work import DecodedRecording, TrackComparison

PICTURES = "SVG (*.svg);;PNG (*.png)"
ENVELOPES = "CSV (*.csv);;NPZ (*.npz);;NPY (*.npy);;WAV (*.wav)"
TABLE, HISTORY, SCRIPT = "CSV (*.csv)", "JSON (*.json)", "Python (*.py)"
MARKS = "CSV (*.csv);;MNE (*.txt);;BIDS (*.tsv)"
Save = Callable[[Path], None]


@dataclass(frozen=True)
class Export:
    """One entry of File › Export. proposal: a file's name; kinds: a file dialog's filter."""

    action: QAction
    proposal: str
    kinds: str
    save: Save
    possible: Callable[[], bool]


class EegExports(QObject):
    """The actions for File › Export, and what each writes. refused(error): what went wrong."""

    refused = Signal(object)  # UserError

    def __init__(self, session: EegSession, save_map: Save, save_traces: Save, parent: QWidget) -> None:
        """save_map, save_traces: write these pictures."""
        super().__init__(parent)
        self._session, self._window = session, parent
        self._exports: dict[str, Export] = {}

        def decoded() -> bool:
            return session.result is not None

        words = tr("Decoded envelope as CSV, NPZ, NPY or WAV…")
        self._add("envelope", words, "envelope.csv", ENVELOPES, self._envelope, decoded)
        words = tr("Choices of the talker as CSV…")
        self._add("choices", words, "talker.csv", TABLE, self._choices, lambda: session.talker is not None)
        judged = tr("Subjects as CSV…")
        self._add(
            "subjects", judged, "subjects.csv", TABLE, self._subjects, lambda: session.evaluation is not None
        )
        words = tr("History of the preprocessing as JSON…")
        self._add("history", words, "history.json", HISTORY, self._history, decoded)
        words = tr("Preprocessing as MNE code…")
        self._add("script", words, "preprocessing.py", SCRIPT, self._script, decoded)
        words = tr("Annotations as CSV, TXT or TSV…")
        self._add(
            "annotations",
            words,
            "annotations.csv",
            MARKS,
            self._annotations,
            lambda: bool(session.annotations.every),
        )
        self._add("map", tr("Scalp map as SVG or PNG…"), "scalp.svg", PICTURES, save_map, decoded)
        words = tr("Traces as SVG or PNG…")
        self._add("traces", words, "traces.svg", PICTURES, save_traces, lambda: session.opened is not None)

    def offered(self) -> list[QAction]:
        """All of them; those that have nothing to write are disabled."""
        for export in self._exports.values():
            export.action.setEnabled(export.possible())
        return [export.action for export in self._exports.values()]

    def ask(self, key: str) -> None:
        """Ask where to, and write."""
        export = self._exports[key]
        name, _ = QFileDialog.getSaveFileName(self._window, tr("Export"), export.proposal, export.kinds)
        if name:
            self.save(key, Path(name))

    def save(self, key: str, path: Path) -> None:
        """Write one of them; what goes wrong is said in the tab."""
        try:
            self._exports[key].save(path)
        except UserError as error:
            self.refused.emit(error)
        except OSError as error:
            self.refused.emit(cannot_write(path, error))

    def _add(
        self, key: str, words: str, proposal: str, kinds: str, save: Save, possible: Callable[[], bool]
    ) -> None:
        action = QAction(words, self._window)
        action.triggered.connect(lambda _checked=False: self.ask(key))
        self._exports[key] = Export(action, proposal, kinds, save, possible)

    def _envelope(self, path: Path) -> None:
        if self._session.result is not None:
            save_envelope(path, self._session.result, self._session.track_comparison)

    def _choices(self, path: Path) -> None:
        talker = self._session.talker
        if talker is not None:
            write_csv(path, tables.attention_rows(talker.attention, talker.names))

    def _subjects(self, path: Path) -> None:
        if self._session.evaluation is not None:
            write_csv(path, tables.subject_rows(self._session.evaluation))

    def _history(self, path: Path) -> None:
        if self._session.result is not None:
            self._session.result.decoding.history.save(path)

    def _script(self, path: Path) -> None:
        from models.eeg.mne_code import script

        result, recording = self._session.result, self._session.recording
        if result is not None and recording is not None:
            write_whole(path, script(recording, result.decoding.history).encode())

    def _annotations(self, path: Path) -> None:
        write_annotations(path, self._session.annotations.every)


def save_envelope(path: Path, result: DecodedRecording, comparison: TrackComparison | None) -> None:
    """As CSV (with the true one where it is known), NPZ (with rate and history), NPY, or WAV at the decoder's rate. Raises UserError."""
    decoding = result.decoding
    suffix = path.suffix.lower()
    if suffix == ".csv":
        decoded, true = decoding.envelope, None
        if comparison is not None:
            decoded, true = comparison.decoded, comparison.comparison.true
        write_csv(path, tables.envelope_rows(decoded, true, decoding.sample_rate))
    elif suffix == ".npy":
        buffer = io.BytesIO()
        np.save(buffer, decoding.envelope)
        write_whole(path, buffer.getvalue())
    elif suffix == ".wav":
        import soundfile

        buffer = io.BytesIO()
        soundfile.write(buffer, decoding.envelope, decoding.sample_rate, format="WAV", subtype="FLOAT")
        write_whole(path, buffer.getvalue())
    else:
        write_whole(path, tables.decoded_bytes(decoding.envelope, decoding))
