"""KL of every module on a logarithmic scale: latents that collapsed are seen at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app import theme
from app.i18n import digits, tr
from app.tabs.reverberation.module_names import full_name, module_color
from app.widgets.described import Description
from app.widgets.pictures import Picture
from models.reverberation.wiring import PROCESSOR_NAMES, ROLE_NAMES, Wiring, documented

COLLAPSED = 0.01  # nats a feature: below it a latent tells next to nothing of its input
LOW, HIGH = 1e-5, 10.0
NAMES = (*ROLE_NAMES, *PROCESSOR_NAMES)
LEFT, RIGHT, FOOT, TOP = 170, 62, 34, 8


class KLBars(Picture):
    """Bars: pass 2 of roles, and processors; ticks: pass 1. chosen(name): a click, or the arrow keys."""

    chosen = Signal(str)
    picture_name = "kl"

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._kl: np.ndarray | None = None  # [45]
        self._wiring = documented()
        self.selected = ""
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(300)
        self.setAccessibleName(tr("KL of every module"))
        self._description = Description(self, self.in_words)
        theme.notifier.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(640, 460)

    def set_kl(self, kl: np.ndarray | None, wiring: Wiring) -> None:
        """kl: [45], nats a feature and step: of the roles in pass 1, in pass 2, and of the processors."""
        self._kl, self._wiring = kl, wiring
        self._description.changed()
        self.update()

    def in_words(self) -> str:
        """The KL of every module, in nats a feature and step."""
        if self._kl is None:
            return ""
        return "; ".join(f"{full_name(name)} {self.value(name):.2g}" for name in NAMES)

    def value(self, name: str) -> float:
        """What the bar shows."""
        assert self._kl is not None
        return float(self._kl[len(ROLE_NAMES) + NAMES.index(name)])

    def collapsed(self) -> list[str]:
        """Modules whose latents tell next to nothing."""
        return [] if self._kl is None else [name for name in NAMES if self.value(name) < COLLAPSED]

    def select(self, name: str) -> None:
        """Mark a module without telling."""
        self.selected = name
        self.update()

    # Drawing ----------------------------------------------------------------------------------------------

    def _x(self, value: float) -> float:
        share = (np.log10(max(value, LOW)) - np.log10(LOW)) / (np.log10(HIGH) - np.log10(LOW))
        return LEFT + min(max(float(share), 0.0), 1.0) * (self.width() - LEFT - RIGHT)

    def _row(self) -> float:
        return (self.height() - FOOT - TOP) / len(NAMES)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        self.paint(painter)
        painter.end()

    def paint(self, painter: QPainter) -> None:
        painter.fillRect(self.rect(), theme.color("card"))
        painter.setFont(theme.font(theme.HINT_PX))
        bottom = self.height() - FOOT
        for power in range(-5, 2):
            x = self._x(10.0**power)
            painter.setPen(QPen(theme.color("line"), 1))
            painter.drawLine(round(x), TOP, round(x), bottom)
            painter.setPen(theme.color("muted"))
            words = f"{10.0**power:g}" if power >= -2 else f"10{'⁻' + '⁰¹²³⁴⁵'[-power]}"
            painter.drawText(QRectF(x - 30, bottom + 2, 60, 14), Qt.AlignmentFlag.AlignCenter, words)
        painter.setPen(theme.color("muted"))
        box = QRectF(LEFT, bottom + 16, self.width() - LEFT - RIGHT, 16)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, tr("KL (nats a feature and step)"))
        limit = self._x(COLLAPSED)
        painter.setPen(QPen(theme.color("text"), 1, Qt.PenStyle.DashLine))
        painter.drawLine(round(limit), TOP, round(limit), bottom)
        for number, name in enumerate(NAMES):
            self._paint_row(painter, number, name)
        if self.hasFocus():
            painter.setPen(QPen(theme.color("accent"), 1))
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))

    def _paint_row(self, painter: QPainter, number: int, name: str) -> None:
        height = self._row()
        top = TOP + number * height
        painter.setPen(theme.color("accent" if name == self.selected else "text"))
        words = painter.fontMetrics().elidedText(full_name(name), Qt.TextElideMode.ElideRight, LEFT - 20)
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRectF(4, top, LEFT - 14, height), right, words)
        if self._kl is None:
            return
        value = self.value(name)
        bar = QRectF(LEFT, top + 2, max(1.0, self._x(value) - LEFT), max(2.0, height - 4))
        ink = module_color(name, self._wiring)
        if value < COLLAPSED:  # hatched, so that colour does not say it alone
            painter.setPen(QPen(ink, 1))
            painter.setBrush(Qt.BrushStyle.BDiagPattern)
            brush = painter.brush()
            brush.setColor(ink)
            painter.setBrush(brush)
            painter.drawRect(bar)
            painter.setBrush(Qt.BrushStyle.NoBrush)
        else:
            painter.fillRect(bar, ink)
        if name in ROLE_NAMES:
            x = self._x(float(self._kl[number]))
            painter.setPen(QPen(theme.color("text"), 2))
            painter.drawLine(round(x), round(bar.top()), round(x), round(bar.bottom()))
        painter.setPen(theme.color("muted"))
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        figure = f"{value:.3f}" if value >= 0.001 else digits(value, ".0e")
        painter.drawText(QRectF(self.width() - RIGHT + 6, top, RIGHT - 6, height), left, figure)

    def figures(self) -> tuple[Sequence[str], Iterable[Sequence[object]]] | None:
        """A row a module: KL of pass 1 (roles only) and of pass 2 or of the processor."""
        if self._kl is None:
            return None
        first = dict(zip(ROLE_NAMES, self._kl.tolist(), strict=False))
        rows = [(name, first.get(name, ""), self.value(name)) for name in NAMES]
        return ("module", "kl_1", "kl_2"), rows

    # Hands ------------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.chosen.emit(self._name_at(event.position().y()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}
        if event.key() in steps:
            at = NAMES.index(self.selected) if self.selected in NAMES else -1
            self.chosen.emit(NAMES[(at + steps[Qt.Key(event.key())]) % len(NAMES)])
        else:
            super().keyPressEvent(event)

    def _name_at(self, y: float) -> str:
        return NAMES[min(max(int((y - TOP) / self._row()), 0), len(NAMES) - 1)]

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and self._kl is not None:
            name = self._name_at(event.pos().y())
            words = [
                full_name(name),
                tr("KL {value} nats a feature and step", value=digits(self.value(name))),
            ]
            if name in ROLE_NAMES:
                words.append(tr("{value} in pass 1", value=digits(self._kl[ROLE_NAMES.index(name)])))
            QToolTip.showText(event.globalPos(), "\n".join(words), self)
            return True
        return super().event(event)
