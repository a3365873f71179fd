"""At the right: the scalp, the subjects, the history of preprocessing, the model's card."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.i18n import digits, plural, tr
from app.tabs.eeg.session import EegSession
from app.widgets.dots import DotRow, Dots
from app.widgets.labels import Caption, Hint
from app.widgets.scalp import ScalpMap

SALIENCY, POWER, EXCITATION = "saliency", "power", "excitation"


class ScalpPage(QScrollArea):
    """The map, and r by subject. `body` takes what else belongs here."""

    def __init__(self, session: EegSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        inner = QWidget()
        self.body = QVBoxLayout(inner)
        self.body.setContentsMargins(0, 0, 0, 0)
        self.body.setSpacing(theme.SMALL)
        self.what = QComboBox()
        self.what.setAccessibleName(tr("Scalp map"))
        for number, (key, words, tip) in enumerate(_maps()):
            self.what.addItem(words, key)
            self.what.setItemData(number, tip, Qt.ItemDataRole.ToolTipRole)
        self.what.currentIndexChanged.connect(lambda _index: self._show_map())
        self.map = ScalpMap(tr("Scalp map"))
        self.about = Hint()
        self.subjects_caption = Caption(tr("Subjects"))
        self.subjects = Dots(tr("r by subject"))
        self.kinds = Hint()
        for widget in (self.what, self.map, self.about, self.subjects_caption, self.subjects, self.kinds):
            self.body.addWidget(widget)
        self.setWidget(inner)
        session.part_changed.connect(self._show_part)
        session.decoded.connect(self._show_result)
        session.compared.connect(self._show_heard)
        session.evaluated.connect(self._show_subjects)
        self._show_nothing()

    def _show_part(self) -> None:
        opened, recording = self._session.opened, self._session.recording
        assert opened is not None
        assert recording is not None
        self.map.set_places(recording.channel_names, opened.places)
        self._show_nothing()

    def _show_nothing(self) -> None:
        self.about.setText(tr("After decoding: which electrodes the decoder relies on."))
        self._offer_excitation(False)
        self._show_rows([], "")

    def _show_result(self) -> None:
        result = self._session.result
        assert result is not None
        self.map.set_places(result.decoding.channel_names, result.places)
        self._offer_excitation(result.reliance.excitation is not None)
        self._show_map()

    def choose(self, key: str) -> None:
        """``saliency``, ``power`` or ``excitation``."""
        self.what.setCurrentIndex(max(0, self.what.findData(key)))

    def _offer_excitation(self, has: bool) -> None:
        """A linear decoder has none."""
        model = self.what.model()
        assert isinstance(model, QStandardItemModel)
        model.item(2).setEnabled(has)
        if not has and self.what.currentData() == EXCITATION:
            self.what.setCurrentIndex(0)

    def _show_map(self) -> None:
        result = self._session.result
        if result is None:
            return
        self.map.set_values(None)
        names = result.decoding.channel_names
        self.map.set_marked([number for number, name in enumerate(names) if name in result.bad])
        if self.what.currentData() == POWER:
            self.map.set_values(result.power, "dB")
            self.about.setText(tr("Power from 0.5 to 32 Hz, in dB of 1 µV²."))
        elif self.what.currentData() == EXCITATION and result.reliance.excitation is not None:
            self.map.set_values(result.reliance.excitation)
            self.about.setText(tr("Squeeze-and-excitation by electrode; the largest is 1."))
        else:
            self.map.set_values(result.reliance.saliency, limits=(0.0, 1.0))
            said = tr("Relative to the electrode that matters most.")
            gate = result.reliance.gate
            if gate is not None:
                said += " " + tr("The gate stands open by {share} %.", share=f"{100 * gate:.0f}")
            self.about.setText(said)

    def _show_subjects(self) -> None:
        """r of each subject on the held-back part of a data set."""
        result = self._session.evaluation
        assert result is not None
        kinds = "; ".join(remark.translated(tr) for remark in (*result.kinds, *result.remarks))
        mean = tr("mean r {r}, by chance {null}", r=_r(result.r), null=_r(result.chance))
        rows = [
            DotRow(subject.subject, subject.r, *subject.interval, *subject.chance_band)
            for subject in result.subjects
        ]
        self._show_rows(rows, f"{mean} · {kinds}")

    def _show_heard(self) -> None:
        """The one recording that there is."""
        heard, opened = self._session.heard, self._session.opened
        if heard is None or opened is None or len(opened.parts) > 1:
            return
        result, name = heard.comparison, opened.parts[0].subject or tr("this one")
        words = tr("r with its 95 % interval; grey is what envelopes with scrambled phases give.")
        self._show_rows([DotRow(name, result.r, *result.interval, *result.chance_band)], words)

    def _show_rows(self, rows: list[DotRow], words: str) -> None:
        self.subjects_caption.setVisible(bool(rows))
        self.kinds.setVisible(bool(rows))
        self.subjects.show_rows(rows)
        self.kinds.setText(words)


class HistoryPage(QWidget):
    """What was done to the EEG, step by step. replay_wanted(path): a saved one is to be run again. save_wanted()."""

    replay_wanted = Signal(object)
    save_wanted = Signal()

    def __init__(self, session: EegSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SMALL)
        told = tr(
            "What was done to the recording, in this order. It can be saved and run again on the same recording."
        )
        self.words = Hint(told)
        self.steps = QListWidget()
        self.steps.setAccessibleName(tr("Steps of the preprocessing"))
        self.steps.setWordWrap(True)
        self.source = QLabel()
        self.source.setProperty("role", "hint")
        self.source.setTextFormat(Qt.TextFormat.PlainText)
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
        self.forget.clicked.connect(session.forget_history)
        self.forget.hide()
        column.addWidget(self.words)
        column.addWidget(self.steps, 1)
        column.addWidget(self.source)
        column.addLayout(row)
        column.addWidget(self.forget)

        for signal in (session.part_changed, session.decoded):
            signal.connect(self._show)
        session.history_changed.connect(self._show_source)

    def _show(self) -> None:
        result = self._session.result
        self.steps.clear()
        self.save.setEnabled(result is not None)
        if result is None:
            return
        history = result.decoding.history
        for number, (step, line) in enumerate(zip(history.steps, history.told(), strict=True), 1):
            item = QListWidgetItem(f"{number}  {step_words(step)}")
            item.setToolTip(escape(line))
            self.steps.addItem(item)

    def _show_source(self) -> None:
        """Which saved history is in force."""
        path = self._session.history_path
        self.source.setVisible(path is not None)
        self.forget.setVisible(path is not None)
        self.source.setText(tr("As {name} says.", name=path.name) if path is not None else "")

    def _choose(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, tr("Saved history"), "", "JSON (*.json)")
        if name:
            self.replay_wanted.emit(Path(name))


def _maps() -> tuple[tuple[str, str, str], ...]:
    """(key, words, what it is) of every map."""
    relies = tr("How much the decoded envelope changes with each electrode")
    opens = tr("How far squeeze-and-excitation opens the features that look at each electrode")
    return (
        (SALIENCY, tr("What it relies on"), relies),
        (POWER, tr("Power"), tr("Power of the preprocessed EEG at each electrode")),
        (EXCITATION, tr("Excitation"), opens),
    )


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
