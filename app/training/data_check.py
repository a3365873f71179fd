"""What the data of a config comes to, found out by a process of its own before anything is trained."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import yaml
from PySide6.QtCore import QObject, QProcess, Signal
from PySide6.QtWidgets import QLabel, QWidget

from app.i18n import series, tr, translate
from models.errors import UserError
from models.resources import own_command, resource

MOST_SKIPPED = 5


class DataCheck(QObject):
    """One check at a time. `done` gives what the task found, `failed` a UserError: the data cannot be trained on."""

    done = Signal(object)  # as a dict Qt would sort it
    failed = Signal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._process: QProcess | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    @property
    def running(self) -> bool:
        return self._process is not None

    def start(self, system: str, config: dict[str, Any]) -> None:
        """Look into the data that `config` names; a check under way is given up."""
        self.stop()
        self._folder = tempfile.TemporaryDirectory(prefix="polyphony-check-")
        path = Path(self._folder.name) / "config.yaml"
        path.write_text(yaml.safe_dump(config, allow_unicode=True), "utf-8")
        process = self._process = QProcess(self)
        program, words = (
            own_command()[0],
            [*own_command()[1:], "check", system, "--config", str(path), "--json", "--quiet"],
        )
        process.finished.connect(lambda code, _status: self._ended(process, code))
        process.errorOccurred.connect(
            lambda _error: (
                self._ended(process, 1) if process.state() == QProcess.ProcessState.NotRunning else None
            )
        )
        process.setWorkingDirectory(str(resource().parent))
        process.start(program, words)

    def stop(self) -> None:
        """Give the check up."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.waitForFinished(2000)
            process.deleteLater()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def _ended(self, process: QProcess, code: int) -> None:
        if process is not self._process:
            return
        output = bytes(process.readAllStandardOutput().data()).decode("utf-8", "replace")
        trouble = bytes(process.readAllStandardError().data()).decode("utf-8", "replace")
        self.stop()
        lines = [line for line in output.splitlines() if line.startswith("{")]
        values = json.loads(lines[-1]) if lines else {}
        if code == 0 and "parts" in values:
            self.done.emit(values)
        elif "error" in values:
            error = values["error"]
            self.failed.emit(UserError(error["what"], error["why"], error["remedy"]))
        else:
            reason = (trouble.strip().splitlines() or ["?"])[-1]
            self.failed.emit(
                UserError(
                    "The data could not be checked.",
                    "{reason}.",
                    "Start without the check, or see the log.",
                    reason=reason,
                )
            )


class DataWords(QLabel):
    """The counts of a check: a line a part, then what is skipped."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "hint")
        self.setWordWrap(True)
        self.hide()

    def show_counts(self, check: dict[str, Any]) -> None:
        """How much of the data is in each split, what was left out and why, as `check_data` gives it."""
        words = {"train": tr("Training"), "validation": tr("Validation"), "test": tr("Test"), "": tr("Data")}
        lines = []
        for part, counts in check["parts"].items():
            counted = series(f"{value} {translate(str(what))}" for what, value in counts.items())
            lines.append(f"{words.get(part, translate(part))}: {counted}")
        lines += check.get("remarks", [])
        skipped = check["skipped"]
        if skipped:
            lines.append(tr("Skipped: {n}", n=len(skipped)))
            lines += [f"  {what}: {why}" for what, why in skipped[:MOST_SKIPPED]]
            if len(skipped) > MOST_SKIPPED:
                lines.append("  …")
        self.setText("\n".join(lines))
        self.show()

    def say(self, words: str) -> None:
        """Show a sentence in place of counts; nothing hides the label."""
        self.setText(words)
        self.setVisible(bool(words))
