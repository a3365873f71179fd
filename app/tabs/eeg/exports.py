"""What the tab writes: envelopes, choices, subjects, the history, pictures."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFileDialog

from app.i18n import tr
from models.checkpoint import cannot_write
from models.datafiles import write_whole
from models.eeg import tables
from models.errors import UserError
from models.tables import write_csv

if TYPE_CHECKING:
    from app.tabs.eeg.decoding import EegDecoding
    from app.tabs.eeg.work import Heard, Look

PICTURES = "SVG (*.svg);;PNG (*.png)"
ENVELOPES = "CSV (*.csv);;NPZ (*.npz);;NPY (*.npy);;WAV (*.wav)"


class Exports:
    """The actions for File › Export, and what each writes."""

    def __init__(self, tab: EegDecoding) -> None:
        self._tab = tab
        self._rows: dict[str, tuple[QAction, str, str, Callable[[Path], None]]] = {}
        for key, words, proposal, kinds, save in (
            (
                "envelope",
                tr("Decoded envelope as CSV, NPZ, NPY or WAV…"),
                "envelope.csv",
                ENVELOPES,
                self._envelope,
            ),
            ("choices", tr("Choices of the talker as CSV…"), "talker.csv", "CSV (*.csv)", self._choices),
            ("subjects", tr("Subjects as CSV…"), "subjects.csv", "CSV (*.csv)", self._subjects),
            (
                "history",
                tr("History of the preprocessing as JSON…"),
                "history.json",
                "JSON (*.json)",
                self._history,
            ),
            ("map", tr("Scalp map as SVG or PNG…"), "scalp.svg", PICTURES, self._map),
            ("traces", tr("Traces as SVG or PNG…"), "traces.svg", PICTURES, self._traces),
        ):
            action = QAction(words, tab)
            action.triggered.connect(lambda _checked=False, key=key: self.ask(key))
            self._rows[key] = (action, proposal, kinds, save)

    def offered(self) -> list[QAction]:
        """All of them; those that have nothing to write are disabled."""
        tab = self._tab
        decoded = tab.look is not None
        has = {
            "envelope": decoded, "choices": tab.choice is not None, "subjects": tab.scalp.evaluation is not None,
            "history": decoded, "map": decoded, "traces": tab.opened is not None,
        }  # fmt: skip
        for key, (action, *_) in self._rows.items():
            action.setEnabled(has[key])
        return [action for action, *_ in self._rows.values()]

    def ask(self, key: str) -> None:
        """Ask where to, and write."""
        _, proposal, kinds, _ = self._rows[key]
        name, _ = QFileDialog.getSaveFileName(self._tab, tr("Export"), proposal, kinds)
        if name:
            self.save(key, Path(name))

    def save(self, key: str, path: Path) -> None:
        """Write one of them; what goes wrong is said in the tab."""
        try:
            self._rows[key][3](path)
        except UserError as error:
            self._tab.show_error(error)
        except OSError as error:
            self._tab.show_error(cannot_write(path, error))

    def _envelope(self, path: Path) -> None:
        if self._tab.look is not None:
            save_envelope(path, self._tab.look, self._tab.heard)

    def _choices(self, path: Path) -> None:
        choice = self._tab.choice
        if choice is not None:
            write_csv(path, tables.attention_rows(choice.attention, choice.names))

    def _subjects(self, path: Path) -> None:
        if self._tab.scalp.evaluation is not None:
            write_csv(path, tables.subject_rows(self._tab.scalp.evaluation))

    def _history(self, path: Path) -> None:
        if self._tab.look is not None:
            self._tab.look.decoding.history.save(path)

    def _map(self, path: Path) -> None:
        self._tab.scalp.map.save(path)

    def _traces(self, path: Path) -> None:
        self._tab.browser.traces.save(path)


def save_envelope(path: Path, look: Look, heard: Heard | None) -> None:
    """As CSV (with the true one where it is known), NPZ (with rate and history), NPY, or WAV at the decoder's rate. Raises UserError."""
    decoding = look.decoding
    suffix = path.suffix.lower()
    if suffix == ".csv":
        decoded, true = decoding.envelope, None
        if heard is not None:
            decoded, true = heard.decoded, heard.comparison.true
        rows = tables.envelope_rows(decoded, true, decoding.sample_rate)
        write_csv(path, rows)
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
