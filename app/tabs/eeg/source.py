"""What is decoded and what may have been heard: the part of a file, and the tracks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.i18n import plural, tr
from app.tabs.eeg.work import Opened, Part, Track
from app.widgets.labels import Hint
from models.eeg.recordings import Recording

NOT_KNOWN = -1
SOUNDS = (".wav", ".flac", ".mp3", ".ogg", ".aiff", ".aif")


class PartChoice(QComboBox):
    """Which recording of a file that holds several. part_chosen(number)."""

    part_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Trial"))
        self.setToolTip(tr("Which trial of the file is shown and decoded"))
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.currentIndexChanged.connect(lambda index: self.part_chosen.emit(index) if index >= 0 else None)
        self.hide()

    def show_parts(self, parts: Sequence[Part]) -> None:
        self.blockSignals(True)
        self.clear()
        for part in parts:
            self.addItem(part_words(part, parts))
        self.setCurrentIndex(0 if parts else -1)
        self.blockSignals(False)
        self.setVisible(len(parts) > 1)


class Tracks(QWidget):
    """What was heard: one track to compare with, or several to choose between.

    chosen(paths): files were picked. removed(number). truth_changed(): it is known, or not, which was listened to.
    shifted_wanted(): a made-up second talker is asked for.
    """

    chosen = Signal(list)
    removed = Signal(int)
    truth_changed = Signal()
    shifted_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.TINY)
        title = QLabel(tr("What was heard"))
        self.list = _List()
        self.list.setAccessibleName(tr("What was heard"))
        title.setBuddy(self.list)
        self.list.delete_pressed.connect(self._remove)
        row = QHBoxLayout()
        row.setSpacing(theme.SMALL)
        self.add = QPushButton(tr("Add sound…"))
        self.add.setProperty("kind", "small")
        self.add.setToolTip(
            tr("A sound file, or its envelope as NPY or NPZ; several are candidates to choose between")
        )
        self.add.clicked.connect(self._choose)
        self.remove = QPushButton(tr("Remove"))
        self.remove.setProperty("kind", "small")
        self.remove.setToolTip(tr("Take the selected track away"))
        self.remove.clicked.connect(self._remove)
        row.addWidget(self.add)
        row.addWidget(self.remove)
        row.addStretch(1)
        self.shifted = Hint(f'<a href="shifted">{tr("Try a made-up second talker")}</a>')
        self.shifted.setToolTip(
            tr("The same envelope, shifted by half its length: can the decoder tell them apart?")
        )
        self.shifted.linkActivated.connect(lambda _link: self.shifted_wanted.emit())
        self.truth = QComboBox()
        self.truth.setAccessibleName(tr("Listened to"))
        self.truth.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.truth.setToolTip(
            tr("Which of the tracks was listened to, where that is known: then choices are right or wrong")
        )
        self.truth.currentIndexChanged.connect(lambda _index: self.truth_changed.emit())
        for widget in (title, self.list):
            column.addWidget(widget)
        column.addLayout(row)
        column.addWidget(self.shifted)
        column.addWidget(self.truth)
        self.show_tracks([], False)

    def show_tracks(self, tracks: Sequence[Track], can_shift: bool) -> None:
        held = self.known
        self.list.clear()
        for number, track in enumerate(tracks):
            item = QListWidgetItem(track.name)
            item.setToolTip(str(track.path) if track.path is not None else tr("comes with the recording"))
            item.setData(
                Qt.ItemDataRole.DecorationRole,
                theme.color(theme.CATEGORIES[number % 8]) if len(tracks) > 1 else None,
            )
            self.list.addItem(item)
        if not tracks:
            item = QListWidgetItem(tr("nothing chosen"))
            item.setFlags(Qt.ItemFlag.NoItemFlags)
            self.list.addItem(item)
        self.list.setFixedHeight(10 + 24 * min(4, max(1, len(tracks))))
        self.remove.setEnabled(bool(tracks))
        self.shifted.setVisible(can_shift)
        self.truth.blockSignals(True)
        self.truth.clear()
        self.truth.addItem(tr("not known which was listened to"), NOT_KNOWN)
        for number, track in enumerate(tracks):
            self.truth.addItem(tr("{name} was listened to", name=track.name), number)
        self.truth.setCurrentIndex(max(0, self.truth.findData(NOT_KNOWN if held is None else held)))
        self.truth.blockSignals(False)
        self.truth.setVisible(len(tracks) > 1)

    @property
    def known(self) -> int | None:
        """The track that was listened to; None where that is not known."""
        number = self.truth.currentData()
        return None if number is None or number == NOT_KNOWN else int(number)

    def know(self, number: int | None) -> None:
        self.truth.setCurrentIndex(max(0, self.truth.findData(NOT_KNOWN if number is None else number)))

    def _choose(self) -> None:
        kinds = tr("Sounds and envelopes (*.wav *.flac *.mp3 *.ogg *.npy *.npz)")
        names, _ = QFileDialog.getOpenFileNames(
            self, tr("What was heard"), "", f"{kinds};;{tr('All files (*)')}"
        )
        if names:
            self.chosen.emit([Path(name) for name in names])

    def _remove(self) -> None:
        if self.remove.isEnabled():
            self.removed.emit(max(0, self.list.currentRow()))


class _List(QListWidget):
    delete_pressed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setIconSize(QSize(10, 10))
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.delete_pressed.emit()
        else:
            super().keyPressEvent(event)


def is_track(path: Path) -> bool:
    """Whether a file is something that was heard rather than a recording: a sound, or an array that is called an envelope."""
    named = path.suffix.lower() in (".npy", ".npz") and "envelope" in path.stem.lower()
    return path.suffix.lower() in SOUNDS or named


def part_words(part: Part, parts: Sequence[Part]) -> str:
    """``subject 2 · trial 3``, ``trial 3``."""
    several = sum(one.subject == part.subject for one in parts) > 1
    named = tr("subject {name}", name=part.subject) if part.subject else ""
    return " · ".join(filter(None, (named, tr("trial {n}", n=part.number) if several else "")))


def about_words(opened: Opened, recording: Recording, rate: int | None) -> str:
    """``64 channels · 512 → 64 Hz · 48:10``."""
    hz = f"{recording.sample_rate:g}"
    if rate is not None and rate != recording.sample_rate:
        hz = f"{hz} → {rate}"
    said = [
        plural("{n} channel", "{n} channels", len(recording.channel_names)),
        tr("{rate} Hz", rate=hz),
        duration_words(recording.duration_s),
    ]
    if len(opened.parts) > 1:
        said.append(plural("{n} trial", "{n} trials", len(opened.parts)))
    return " · ".join(said)


def duration_words(seconds: float) -> str:
    """``48:10``, ``1:02:05``."""
    whole = round(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"
