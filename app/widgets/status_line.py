"""The bottom line: device · what the tab does · progress and Cancel · latency."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QPushButton

from app import motion, theme
from app.i18n import tr
from app.services import Services
from app.widgets.labels import Elided

HEIGHT = 27


class StatusLine(QFrame):
    """Shows what `Services` knows; `show_tab` says whose sentence to show."""

    def __init__(self, services: Services) -> None:
        super().__init__()
        self._services = services
        self._system = ""
        self.setProperty("surface", "page")
        self.setProperty("line", "top")
        self.setFixedHeight(HEIGHT)
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.MEDIUM, 0, theme.MEDIUM, 0)
        row.setSpacing(theme.LARGE)
        self.device = QLabel()
        self.state = Elided()
        self.progress_text = Elided(mode=Qt.TextElideMode.ElideMiddle)
        self.progress_text.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedWidth(120)
        self.bar.setAccessibleName(tr("Progress"))
        self.cancel = QPushButton(tr("Cancel"))
        self.cancel.setProperty("kind", "link")
        self.cancel.setToolTip(tr("Stop what is being computed"))
        self.latency = QLabel()
        for label in (self.device, self.state, self.progress_text, self.latency):
            label.setProperty("role", "hint")
        self.device.setAccessibleName(tr("Device"))
        row.addWidget(self.device)
        row.addWidget(self.state, 1)
        row.addWidget(self.progress_text, 1)
        row.addWidget(self.bar)
        row.addWidget(self.cancel)
        row.addWidget(self.latency)
        self.cancel.clicked.connect(self._cancel)
        services.tasks_changed.connect(self._show_tasks)
        services.status_changed.connect(self._show_status)
        services.settings.changed.connect(self._show_status)
        self._show_tasks()
        self._show_status()

    def show_tab(self, system: str) -> None:
        """Show the words of another system's tab."""
        self._system = system
        self._show_status()

    def _show_status(self, _key: str = "") -> None:
        words, why = self._device_words()
        if self.device.text() != words:
            self.device.setText(words)
        self.device.setToolTip(why)
        self.device.setAccessibleDescription(why)
        self.state.setText(self._services.status(self._system))
        self.latency.setText(self._services.latency)
        self.latency.setVisible(bool(self._services.latency))

    def _device_words(self) -> tuple[str, str]:
        """(what computes and its memory, why it is that)."""
        services = self._services
        used, note, choice = services.device_used, services.device_note, services.device
        if not used:
            words = tr("device: automatic") if choice == "auto" else _called(choice)
            return words, tr("The processor that computes; choose it in Settings.")
        words = " · ".join(part for part in (_called(used), services.memory_text) if part)
        if note:
            return f"{words} ⚠", note
        if used == "cpu" and choice == "cpu":
            return words, tr("The CPU computes: it was chosen in Settings.")
        if used == "cpu":
            return words, tr("The CPU computes: this machine has no graphics card that can be used.")
        return words, tr(
            "The processor that computes, and its memory in use by all programs; choose it in Settings."
        )

    def _show_tasks(self) -> None:
        tasks = self._services.tasks
        for widget in (self.progress_text, self.bar, self.cancel):
            widget.setVisible(bool(tasks))
        if not tasks:
            self.progress_text.setText("")
            return
        task = tasks[-1]
        text = task.text() if not task.cancelled else tr("Stopping…")
        if len(tasks) > 1:
            text = tr("{n} tasks · {text}", n=len(tasks), text=text)
        if task.step.total:
            text += f" · {round(100 * task.step.fraction)} %"
            self.bar.setRange(0, 1000)
            self.bar.setValue(round(1000 * task.step.fraction))
        else:
            motion.show_busy(self.bar)
        self.progress_text.setText(text)
        self.cancel.setEnabled(not task.cancelled)

    def _cancel(self) -> None:
        if self._services.tasks:
            self._services.tasks[-1].cancel()


def _called(device: str) -> str:
    """As people write it: ``CPU``; a card by the name that torch gives it, which Settings and the terminal take."""
    return "CPU" if device == "cpu" else device
