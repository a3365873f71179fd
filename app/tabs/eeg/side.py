"""At the right: the scalp, the subjects, the history of preprocessing, the model's card."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.i18n import digits, plural, tr
from app.widgets.dots import DotRow, Dots
from app.widgets.labels import Caption, Hint
from app.widgets.scalp import ScalpMap

if TYPE_CHECKING:
    from app.tabs.eeg.work import Heard, Look
    from models.eeg.preprocessing import History
    from models.eeg.scores import Evaluation


class ScalpPage(QScrollArea):
    """The map, and r by subject. `body` takes what else belongs here."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.look: Look | None = None
        self.evaluation: Evaluation | None = None
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        inner = QWidget()
        self.body = QVBoxLayout(inner)
        self.body.setContentsMargins(0, 0, 0, 0)
        self.body.setSpacing(theme.SMALL)
        self.what = QComboBox()
        self.what.setAccessibleName(tr("Scalp map"))
        for words, key, tip in (
            (
                tr("What it relies on"),
                "saliency",
                tr("How much the decoded envelope changes with each electrode"),
            ),
            (tr("Power"), "power", tr("Power of the preprocessed EEG at each electrode")),
            (
                tr("Excitation"),
                "excitation",
                tr("How far squeeze-and-excitation opens the features that look at each electrode"),
            ),
        ):
            self.what.addItem(words, key)
            self.what.setItemData(self.what.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self.what.currentIndexChanged.connect(lambda _index: self._show_map())
        self.map = ScalpMap(tr("Scalp map"))
        self.about = Hint()
        self.subjects_caption = Caption(tr("Subjects"))
        self.subjects = Dots(tr("r by subject"))
        self.kinds = Hint()
        for widget in (self.what, self.map, self.about, self.subjects_caption, self.subjects, self.kinds):
            self.body.addWidget(widget)
        self.setWidget(inner)
        self.show_nothing()

    def show_nothing(self) -> None:
        self.look = None
        self.map.set_places((), np.zeros((0, 2)))
        self.about.setText(tr("After decoding: which electrodes the decoder relies on."))
        self._offer_excitation(False)
        self.show_subjects(None)

    def show_places(self, names: tuple[str, ...], places: np.ndarray) -> None:
        self.look = None
        self.map.set_places(names, places)

    def show_look(self, look: Look) -> None:
        self.look = look
        self.map.set_places(look.decoding.channel_names, look.places)
        self._offer_excitation(look.reliance.excitation is not None)
        self._show_map()

    def choose(self, key: str) -> None:
        """``saliency``, ``power`` or ``excitation``."""
        self.what.setCurrentIndex(max(0, self.what.findData(key)))

    def _offer_excitation(self, has: bool) -> None:
        """A linear decoder has none."""
        model = self.what.model()
        assert isinstance(model, QStandardItemModel)
        model.item(2).setEnabled(has)
        if not has and self.what.currentData() == "excitation":
            self.what.setCurrentIndex(0)

    def _show_map(self) -> None:
        look = self.look
        if look is None:
            return
        self.map.set_values(None)
        names = look.decoding.channel_names
        self.map.set_marked([number for number, name in enumerate(names) if name in look.bad])
        if self.what.currentData() == "power":
            self.map.set_values(look.power, "dB")
            self.about.setText(tr("Power from 0.5 to 32 Hz, in dB of 1 µV²."))
        elif self.what.currentData() == "excitation" and look.reliance.excitation is not None:
            self.map.set_values(look.reliance.excitation)
            self.about.setText(tr("Squeeze-and-excitation by electrode; the largest is 1."))
        else:
            self.map.set_values(look.reliance.saliency, limits=(0.0, 1.0))
            said = tr("Relative to the electrode that matters most.")
            if look.reliance.gate is not None:
                said += " " + tr(
                    "The gate stands open by {share} %.", share=f"{100 * look.reliance.gate:.0f}"
                )
            self.about.setText(said)

    def show_subjects(self, evaluation: Evaluation | None) -> None:
        """r of each subject on the held-back part of a data set."""
        self.evaluation = evaluation
        self.subjects_caption.setVisible(evaluation is not None)
        self.kinds.setVisible(evaluation is not None)
        rows = []
        for one in evaluation.subjects if evaluation is not None else ():
            rows.append(DotRow(one.subject, one.r, *one.interval, *one.chance_band))
        self.subjects.show_rows(rows)
        if evaluation is not None:
            kinds = "; ".join(kind.said(tr) for kind in evaluation.kinds)
            mean = tr("mean r {r}, by chance {null}", r=_r(evaluation.r), null=_r(evaluation.chance))
            self.kinds.setText(f"{mean} · {kinds}")

    def show_heard(self, heard: Heard, name: str) -> None:
        """The one recording that there is."""
        self.evaluation = None
        found = heard.comparison
        self.subjects_caption.setVisible(True)
        self.kinds.setVisible(True)
        self.subjects.show_rows([DotRow(name, found.r, *found.interval, *found.chance_band)])
        self.kinds.setText(tr("r with its 95 % interval; grey is what shifted envelopes give."))


class HistoryPage(QWidget):
    """What was done to the EEG, step by step. replay_wanted(path): a saved one is to be run again."""

    replay_wanted = Signal(object)
    save_wanted = Signal()
    forgotten = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SMALL)
        self.words = Hint(
            tr(
                "What was done to the recording, in this order. It can be saved and run again on the same recording."
            )
        )
        self.steps = QListWidget()
        self.steps.setAccessibleName(tr("Steps of the preprocessing"))
        self.steps.setWordWrap(True)
        self.source = QLabel()
        self.source.setProperty("role", "hint")
        self.source.setWordWrap(True)
        self.source.hide()
        row = QHBoxLayout()
        self.save = QPushButton(tr("Save…"))
        self.save.setProperty("kind", "small")
        self.save.setToolTip(tr("Save the history as JSON"))
        self.save.clicked.connect(self.save_wanted)
        self.save.setEnabled(False)
        load = QPushButton(tr("Run a saved one…"))
        load.setProperty("kind", "small")
        load.setToolTip(tr("Preprocess as a saved history says"))
        load.clicked.connect(self._choose)
        row.addWidget(self.save)
        row.addWidget(load)
        row.addStretch(1)
        self.forget = QPushButton(tr("Preprocess anew"))
        self.forget.setProperty("kind", "link")
        self.forget.setToolTip(tr("Leave the saved history and find bad channels again"))
        self.forget.clicked.connect(self.forgotten)
        self.forget.hide()
        column.addWidget(self.words)
        column.addWidget(self.steps, 1)
        column.addWidget(self.source)
        column.addLayout(row)
        column.addWidget(self.forget)

    def show_history(self, history: History | None) -> None:
        self.steps.clear()
        self.save.setEnabled(history is not None)
        if history is not None:
            for number, (step, line) in enumerate(zip(history.steps, history.told(), strict=True), 1):
                self.steps.addItem(f"{number}  {step_words(step)}")
                self.steps.item(number - 1).setToolTip(line)

    def show_source(self, path: Path | None) -> None:
        """Which saved history is in force."""
        self.source.setVisible(path is not None)
        self.forget.setVisible(path is not None)
        self.source.setText(tr("As {name} says.", name=path.name) if path is not None else "")

    def _choose(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, tr("Saved history"), "", "JSON (*.json)")
        if name:
            self.replay_wanted.emit(Path(name))


def step_words(step: dict[str, Any]) -> str:
    """A step of the history for people; one of another version is told as it stands."""
    reasons = {"marked": tr("marked"), "missing": tr("missing"), "flat": tr("flat"), "noisy": tr("noisy")}
    if step["step"] == "pick":
        return plural("{n} channel picked", "{n} channels picked", len(step["channels"]))
    if step["step"] == "resample" and step["from_hz"] == step["to_hz"]:
        return tr("left at {rate:g} Hz", rate=step["to_hz"])
    if step["step"] == "resample":
        return tr("resampled from {before:g} to {after:g} Hz", before=step["from_hz"], after=step["to_hz"])
    if step["step"] == "interpolate":
        both = zip(step["channels"], step.get("reasons", [""] * len(step["channels"])), strict=True)
        names = ", ".join(f"{name} ({reasons.get(why, tr('not a number'))})" for name, why in both)
        return tr("bad channels mended from their neighbours: {names}", names=names)
    if step["step"] == "reference":
        return tr("re-referenced to the average of all channels")
    if step["step"] == "band-pass":
        return tr(
            "filtered to {low:g}–{high:g} Hz, the whole recording at once",
            low=step["low_hz"],
            high=step["high_hz"],
        )
    return str(step["step"])


def _r(value: float) -> str:
    return digits(value, ".3f")
