"""Voices that a person keeps: those in the lanes by name, the others to be found again or deleted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QToolButton, QVBoxLayout, QWidget

from app import theme
from app.i18n import tr
from app.tabs.base import Tab
from app.tabs.separation.session import SeparationSession
from app.widgets.labels import Dot, Elided, Hint

if TYPE_CHECKING:
    from models.voice_profiles import VoiceProfile


class VoicesBox(QWidget):
    """A button for the voice of each track, one to look for a sample, and the kept voices with buttons to find and to delete
    each."""

    def __init__(self, tab: Tab, session: SeparationSession) -> None:
        super().__init__()
        self._tab, self._session = tab, session
        self._finds: list[QToolButton] = []
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.TINY)
        about = tr("Name a speaker, then keep the voice: it is recognised in other recordings.")
        column.addWidget(Hint(about))
        self._tracks, self._kept = QVBoxLayout(), QVBoxLayout()
        for rows in (self._tracks, self._kept):
            rows.setSpacing(theme.TINY)
            column.addLayout(rows)
        self.sample = QPushButton(tr("Find a voice by a sample…"))
        self.sample.setProperty("kind", "link")
        self.sample.setToolTip(tr("Choose some seconds of a person alone; the track with that voice is told"))
        self.sample.clicked.connect(self._ask_for_sample)
        column.addWidget(self.sample)
        for signal in (session.opened, session.tracks_changed, session.assessed, session.names_changed):
            signal.connect(self._show_tracks)
        session.voices_changed.connect(self._show_kept)
        self._show_tracks()

    def list_voices(self) -> None:
        """Read what is kept."""
        self._tab.start(self._session.list_voices())

    def showEvent(self, event: QShowEvent) -> None:
        """Another tab may have kept or deleted voices while this one was out of sight."""
        super().showEvent(event)
        self.list_voices()

    def _show_tracks(self) -> None:
        _empty(self._tracks)
        assessment = self._session.assessment
        self.sample.setEnabled(assessment is not None)
        voices = () if assessment is None else assessment.lane_voices
        for number, voice in enumerate(voices):
            if voice is not None:
                name = self._session.name(number)
                keep = _button(tr("Keep"), tr("Keep the voice of {name}", name=name))
                keep.clicked.connect(lambda _on=False, track=number: self.keep(track))
                known = self._session.recognised[number]
                words = (
                    name
                    if known is None
                    else tr("{name}, likeness {share}", name=name, share=f"{known.likeness:.2f}")
                )
                self._tracks.addWidget(_row(words, theme.category(number), keep))
        for find in self._finds:
            find.setEnabled(assessment is not None)

    def _show_kept(self) -> None:
        _empty(self._kept)
        self._finds = []
        for profile in self._session.voices:
            find = _button(tr("Find"), tr("Find the kept voice of {name} in the tracks", name=profile.name))
            find.clicked.connect(lambda _on=False, item=profile: self.look_for(item))
            about = tr("Delete the kept voice of {name}, here and in Emotion", name=profile.name)
            delete = _button(tr("Delete"), about)
            delete.clicked.connect(lambda _on=False, item=profile: self.delete(item))
            if profile.embedding is None:
                find.setEnabled(False)
                words = tr("kept: {name} (Emotion)", name=profile.name)
            else:
                self._finds.append(find)
                find.setEnabled(self._session.assessment is not None)
                words = tr("kept: {name}", name=profile.name)
            self._kept.addWidget(_row(words, "", find, delete))

    def keep(self, track: int) -> None:
        """Keep the voice of a track, 0 is the first."""
        self._tab.start(self._keep(track))

    async def _keep(self, track: int) -> None:
        await self._session.keep_voice(track)
        text = tr("The voice of {name} is kept on this computer.", name=self._session.name(track))
        self._tab.show_message("hint", text, key="voices")

    def delete(self, profile: VoiceProfile) -> None:
        """Delete a kept voice."""
        self._tab.start(self._session.delete_voice(profile))

    def look_for(self, wanted: Path | VoiceProfile) -> None:
        """Tell which track has the voice of a sample, or a kept one."""
        self._tab.start(self._session.find_voice(wanted))

    def _ask_for_sample(self) -> None:
        title = tr("Choose a sample of the voice")
        name, _ = QFileDialog.getOpenFileName(self, title, "", self._tab.file_filter())
        if name:
            self.look_for(Path(name))


def _button(words: str, about: str) -> QToolButton:
    button = QToolButton()
    button.setText(words)
    button.setToolTip(about)
    button.setAccessibleName(about)
    return button


def _row(words: str, color: str, *buttons: QToolButton) -> QWidget:
    row = QWidget()
    line = QHBoxLayout(row)
    line.setContentsMargins(0, 0, 0, 0)
    line.setSpacing(theme.TINY)
    if color:
        line.addWidget(Dot(color))
    label = Elided(mode=Qt.TextElideMode.ElideRight)
    label.setText(words)
    line.addWidget(label, 1)
    for button in buttons:
        line.addWidget(button)
    return row


def _empty(rows: QVBoxLayout) -> None:
    while (item := rows.takeAt(0)) is not None:
        widget = item.widget()
        if widget is not None:
            widget.hide()
            widget.deleteLater()
