"""Messages at the top of the view they concern: error, warning, hint, each with what can be done about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.i18n import tr, tr_error
from models.errors import UserError

Level = Literal["error", "warning", "hint"]
Action = tuple[str, Callable[[], object]]
MOST = 3  # messages at a time; the oldest gives way


class Message(QFrame):
    """One message. Its level shows in the shape of the sign, in its colour and in its accessible name."""

    def __init__(
        self, level: Level, heading: str, text: str, actions: list[Action], key: str, closable: bool = True
    ) -> None:
        super().__init__()
        self.level, self.key, self.heading, self.text = level, key, heading, text
        self.buttons: list[QPushButton] = []
        self.setAutoFillBackground(False)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, theme.SMALL, theme.SMALL, theme.SMALL)
        row.setSpacing(12)
        row.addWidget(_Sign(level), 0, Qt.AlignmentFlag.AlignTop)
        words = QVBoxLayout()
        words.setSpacing(2)
        self.labels = []
        for line, bold in ((heading, bool(text)), (text, False)):
            if line:
                label = QLabel(line)
                label.setWordWrap(True)
                label.setTextFormat(Qt.TextFormat.PlainText)
                label.setFont(theme.font(theme.TEXT_PX, bold))
                label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
                label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
                words.addWidget(label)
                self.labels.append(label)
        if actions:
            line_of_buttons = QHBoxLayout()
            line_of_buttons.setSpacing(theme.SMALL)
            line_of_buttons.setContentsMargins(0, 6, 0, 2)
            for title, function in actions:
                button = QPushButton(title)
                button.setProperty("kind", "small")
                button.clicked.connect(lambda _checked=False, call=function: call())
                line_of_buttons.addWidget(button)
                self.buttons.append(button)
            line_of_buttons.addStretch(1)
            words.addLayout(line_of_buttons)
        row.addLayout(words, 1)
        self.close_button = QToolButton()
        self.close_button.setText("✕")
        self.close_button.setToolTip(tr("Dismiss"))
        self.close_button.setAccessibleName(tr("Dismiss"))
        self.close_button.setVisible(closable)
        row.addWidget(self.close_button, 0, Qt.AlignmentFlag.AlignTop)
        kinds = {"error": tr("Error"), "warning": tr("Warning"), "hint": tr("Hint")}
        self.setAccessibleName(f"{kinds[level]}: {heading} {text}".strip())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color(f"{self.level}_back"))
        painter.drawRoundedRect(QRectF(self.rect()), theme.RADIUS, theme.RADIUS)
        painter.end()


class MessageBar(QWidget):
    """The messages of one view, newest on top. Takes no space while there are none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(theme.SMALL)
        self._messages: list[Message] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)
        self.hide()

    @property
    def messages(self) -> list[Message]:
        return list(self._messages)

    def show_message(
        self,
        level: Level,
        text: str,
        actions: list[Action] | None = None,
        *,
        heading: str = "",
        key: str = "",
        closable: bool = True,
    ) -> Message:
        """Show a message; one with the same `key` is replaced. An action that is chosen takes its message away."""
        if not heading:
            heading, text = text, ""
        key = key or heading
        self.clear(key)
        message = Message(level, heading, text, [], key, closable) if not actions else None
        if message is None:
            held: list[Message] = []
            wrapped = [(title, self._closing(held, call)) for title, call in actions or []]
            message = Message(level, heading, text, wrapped, key, closable)
            held.append(message)
        message.close_button.clicked.connect(lambda: self.clear(key))
        self._layout.insertWidget(0, message)
        self._messages.insert(0, message)
        for old in self._messages[MOST:]:
            self._remove(old)
        self.show()
        return message

    def show_error(
        self, error: UserError, actions: list[Action] | None = None, key: str = "error"
    ) -> Message:
        """What happened in bold; why, and what to do about it, below."""
        what, why, remedy = tr_error(error)
        rest = " ".join(part for part in (why, remedy) if part)
        return self.show_message("error", rest or what, actions, heading=what if rest else "", key=key)

    def clear(self, key: str | None = None) -> None:
        """Take away the message of that key, or all."""
        for message in [item for item in self._messages if key is None or item.key == key]:
            self._remove(message)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self._messages:
            self._remove(self._messages[0])
        else:
            super().keyPressEvent(event)

    def _closing(self, held: list[Message], call: Callable[[], object]) -> Callable[[], object]:
        def act() -> None:
            for message in held:
                if message in self._messages:
                    self._remove(message)
            call()

        return act

    def _remove(self, message: Message) -> None:
        self._messages.remove(message)
        self._layout.removeWidget(message)
        message.hide()
        message.deleteLater()
        self.setVisible(bool(self._messages))


class _Sign(QWidget):
    """A disc with a cross, a triangle or a disc with an i."""

    def __init__(self, level: Level) -> None:
        super().__init__()
        self.level = level
        self.setFixedSize(18, 20)

    def sizeHint(self) -> QSize:
        return QSize(18, 20)

    def paintEvent(self, event: QPaintEvent) -> None:
        color = QColor(
            {"error": theme.current().error, "warning": theme.current().warning}.get(
                self.level, theme.current().accent
            )
        )
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(color, 1.5))
        if self.level == "warning":
            path = QPainterPath(QPointF(9, 2.5))
            path.lineTo(16.5, 16)
            path.lineTo(1.5, 16)
            path.closeSubpath()
            painter.drawPath(path)
            painter.drawLine(QPointF(9, 7), QPointF(9, 11))
            painter.drawPoint(QPointF(9, 13.4))
        else:
            painter.drawEllipse(QRectF(1.5, 2.5, 15, 15))
            if self.level == "error":
                painter.drawLine(QPointF(6.2, 7.2), QPointF(11.8, 12.8))
                painter.drawLine(QPointF(11.8, 7.2), QPointF(6.2, 12.8))
            else:
                painter.drawLine(QPointF(9, 9.4), QPointF(9, 13.6))
                painter.drawPoint(QPointF(9, 6.6))
        painter.end()
