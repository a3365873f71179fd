"""What is decoded and what may have been heard: the part of a file, and the tracks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QIcon, QKeyEvent, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemView,
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
from app.tabs.eeg.bids_choice import BidsChoice
from app.tabs.eeg.session import EegSession
from app.tabs.eeg.work import OpenedFile, Part
from app.widgets.combo import ElidedCombo
from app.widgets.drop_zone import DropZone
from app.widgets.labels import Hint
from models.eeg.recordings import Recording

NOT_KNOWN = -1
LIST_PX, ROW_PX, MOST_ROWS = 10, 24, 4  # of the list of tracks: its edges, a row, rows at once
SWATCH_PX = 10
SOUNDS = (".wav", ".flac", ".mp3", ".ogg", ".aiff", ".aif")


class RecordingBox(QWidget):
    """The recording that is open: where to drop another, what it is, and which trial of it is shown.

    sample_wanted(), history_wanted(), annotations_wanted(): a link was followed.
    """

    sample_wanted = Signal()
    history_wanted = Signal()
    annotations_wanted = Signal()

    def __init__(self, session: EegSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.zone = DropZone(tr("Drop a recording"), ".bdf .edf .vhdr .fif .set .npz …")
        self.about = Hint()
        self.about.linkActivated.connect(self._follow)
        self.part = ElidedCombo(tr("Trial"), tr("Which trial of the file is shown and decoded"))
        self.part.currentIndexChanged.connect(lambda index: session.show_part(index) if index >= 0 else None)
        self.part.hide()
        self.sample = Hint(f'<a href="sample">{tr("Try the sample")}</a>')
        self.sample.linkActivated.connect(lambda _link: self.sample_wanted.emit())
        column = _column(self, theme.SMALL)
        self.bids = BidsChoice(session)
        for widget in (self.zone, self.bids, self.about, self.part, self.sample):
            column.addWidget(widget)
        session.part_changed.connect(self._show)
        for signal in (session.decoded, session.held.changed, session.annotations.changed):
            signal.connect(self._describe)

    def _show(self) -> None:
        opened = self._session.opened
        assert opened is not None
        self.zone.set_text(opened.path.name, tr("Drop another recording"))
        words = [part_words(part, opened.parts) for part in opened.parts]
        self.part.blockSignals(True)
        if [self.part.itemText(number) for number in range(self.part.count())] != words:
            self.part.clear()
            self.part.addItems(words)
        self.part.setCurrentIndex(self._session.number)
        self.part.blockSignals(False)
        self.part.setVisible(len(words) > 1)
        self._describe()

    def _describe(self) -> None:
        opened, recording, result = self._session.opened, self._session.recording, self._session.result
        if opened is None or recording is None:
            return
        words = about_words(opened, recording, self._session.rate)
        if result is not None and result.bad:
            words += " · " + plural("{n} bad channel mended", "{n} bad channels mended", len(result.bad))
        count = len(self._session.annotations.every)
        notes = plural("{n} annotation", "{n} annotations", count) if count else tr("annotations")
        links = f'<a href="history">{tr("history")}</a> · <a href="annotations">{notes}</a>'
        self.about.setText(f"{escape(words)} · {links}")

    def _follow(self, link: str) -> None:
        (self.annotations_wanted if link == "annotations" else self.history_wanted).emit()


class TracksBox(QWidget):
    """What was heard: one track to compare with, or several to choose between. chosen(paths): files were picked."""

    chosen = Signal(list)

    def __init__(self, session: EegSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        title = QLabel(tr("What was heard"))
        self.list = _List()
        self.list.setAccessibleName(tr("What was heard"))
        title.setBuddy(self.list)
        self.list.delete_pressed.connect(self._remove)
        self.add = _small(
            tr("Add sound…"),
            tr("A sound file, or its envelope as NPY or NPZ; several are candidates to choose between"),
            self._choose,
        )
        self.remove = _small(tr("Remove"), tr("Take the selected track away"), self._remove)
        self.shifted = Hint(f'<a href="shifted">{tr("Try a made-up second talker")}</a>')
        self.shifted.setToolTip(
            tr("The same envelope, shifted by half its length: can the decoder tell them apart?")
        )
        self.shifted.linkActivated.connect(lambda _link: session.try_shifted())
        self.truth = ElidedCombo(
            tr("Listened to"),
            tr("Which of the tracks was listened to, where that is known: then choices are right or wrong"),
        )
        self._truth_row = QWidget()
        label = QLabel(tr("Listened to"))
        label.setBuddy(self.truth)
        beside = QHBoxLayout(self._truth_row)
        beside.setContentsMargins(0, 0, 0, 0)
        beside.addWidget(label)
        beside.addWidget(self.truth, 1)
        self.truth.currentIndexChanged.connect(lambda _index: session.set_truth(self.known))
        column = _column(self, theme.TINY)
        column.addWidget(title)
        column.addWidget(self.list)
        row = QHBoxLayout()
        row.setSpacing(theme.SMALL)
        row.addWidget(self.add)
        row.addWidget(self.remove)
        row.addStretch(1)
        column.addLayout(row)
        column.addWidget(self.shifted)
        column.addWidget(self._truth_row)
        session.tracks_changed.connect(self._show)
        self._show()

    @property
    def known(self) -> int | None:
        """The track that was listened to; None where that is not known."""
        number = self.truth.currentData()
        return None if number is None or number == NOT_KNOWN else int(number)

    def know(self, number: int | None) -> None:
        """As a person says which it was."""
        self.truth.setCurrentIndex(max(0, self.truth.findData(NOT_KNOWN if number is None else number)))

    def _show(self) -> None:
        session, tracks = self._session, self._session.listed
        self.list.clear()
        for number, track in enumerate(tracks):
            item = QListWidgetItem(track.name)
            item.setToolTip(escape(str(track.path)) if track.path else tr("comes with the recording"))
            if len(tracks) > 1:
                item.setIcon(swatch(theme.category(number)))
            self.list.addItem(item)
        if not tracks:
            item = QListWidgetItem(tr("nothing chosen"))
            item.setFlags(Qt.ItemFlag.NoItemFlags)
            self.list.addItem(item)
        self.list.setFixedHeight(LIST_PX + ROW_PX * min(MOST_ROWS, max(1, len(tracks))))
        self.remove.setEnabled(bool(tracks))
        self.shifted.setVisible(session.can_shift and not session.shifted)
        self.truth.blockSignals(True)
        self.truth.clear()
        self.truth.addItem(tr("not known"), NOT_KNOWN)
        for number, track in enumerate(tracks):
            self.truth.addItem(track.name, number)
        self.know(session.truth)
        self.truth.blockSignals(False)
        self._truth_row.setVisible(len(tracks) > 1)
        self.truth.setEnabled(not session.shifted)

    def _choose(self) -> None:
        kinds = tr("Sounds and envelopes (*.wav *.flac *.mp3 *.ogg *.npy *.npz)")
        every = tr("All files (*)")
        names, _ = QFileDialog.getOpenFileNames(self, tr("What was heard"), "", f"{kinds};;{every}")
        if names:
            self.chosen.emit([Path(name) for name in names])

    def _remove(self) -> None:
        if self.remove.isEnabled():
            self._session.remove_track(max(0, self.list.currentRow()))


class _List(QListWidget):
    delete_pressed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setIconSize(QSize(SWATCH_PX, SWATCH_PX))
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.delete_pressed.emit()
        else:
            super().keyPressEvent(event)


def swatch(color: str) -> QIcon:
    """A square in a category's colour, which stays that colour where its row is selected."""
    square = QPixmap(SWATCH_PX, SWATCH_PX)
    square.fill(theme.color(color))
    icon = QIcon()
    for mode in QIcon.Mode:
        icon.addPixmap(square, mode)
    return icon


def _column(widget: QWidget, spacing: int) -> QVBoxLayout:
    column = QVBoxLayout(widget)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(spacing)
    return column


def _small(words: str, tooltip: str, call: Callable[[], object]) -> QPushButton:
    button = QPushButton(words)
    button.setProperty("kind", "small")
    button.setToolTip(tooltip)
    button.clicked.connect(lambda _on=False: call())
    return button


def is_track(path: Path) -> bool:
    """Whether a file is something that was heard rather than a recording: a sound, or an array that is called an envelope."""
    named = path.suffix.lower() in (".npy", ".npz") and "envelope" in path.stem.lower()
    return path.suffix.lower() in SOUNDS or named


def part_words(part: Part, parts: Sequence[Part]) -> str:
    """``subject 2 · trial 3``, ``trial 3``."""
    several = sum(item.subject == part.subject for item in parts) > 1
    named = tr("subject {name}", name=part.subject) if part.subject else ""
    return " · ".join(filter(None, (named, tr("trial {n}", n=part.number) if several else "")))


def about_words(opened: OpenedFile, recording: Recording, rate: int | None) -> str:
    """``64 channels · 512 → 64 Hz · 48:10``."""
    hz = f"{recording.sample_rate:g}"
    if rate is not None and rate != recording.sample_rate:
        hz = f"{hz} → {rate}"
    parts = [
        plural("{n} channel", "{n} channels", len(recording.channel_names)),
        tr("{rate} Hz", rate=hz),
        duration_words(recording.duration_s),
    ]
    if len(opened.parts) > 1:
        parts.append(plural("{n} trial", "{n} trials", len(opened.parts)))
    return " · ".join(parts)


def duration_words(seconds: float) -> str:
    """``48:10``, ``1:02:05``."""
    whole = round(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"
