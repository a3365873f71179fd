"""The top row: flat tabs with a dot in their system's colour, the menus, and the settings button."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFocusEvent, QFontMetrics, QKeyEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QMenuBar, QSizePolicy, QTabBar, QToolButton

from app import theme
from app.i18n import tr

HEIGHT = 44
DOT = 9
PADS = (18, 10, 4)  # at either side of a tab: the widest that fits


class FlatTabBar(QTabBar):
    """Painted by hand: a dot, the words (bold when chosen), a line under the chosen one, a ring when focused."""

    def __init__(self) -> None:
        super().__init__()
        self._ring = False
        self.pad = PADS[0]
        self.setDrawBase(False)
        self.setExpanding(False)
        self.setUsesScrollButtons(False)
        self.setElideMode(Qt.TextElideMode.ElideNone)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(tr("Systems"))
        theme.notifier.changed.connect(self.update)

    def add(self, title: str, color: str, tooltip: str) -> int:
        """Another tab, with the colour of its system; its index."""
        index = self.addTab(title)
        self.setTabData(index, color)
        self.setTabToolTip(index, tooltip)
        return index

    def set_pad(self, pad: int) -> None:
        """How much room stands at either side of each tab's words, px."""
        if pad != self.pad:
            self.pad = pad
            self.setTabText(0, self.tabText(0))  # has Qt lay the tabs out again
            self.updateGeometry()

    def width_at(self, pad: int) -> int:
        """How wide all tabs are with so much room at their sides, px."""
        return sum(self._text_width(index) + DOT + 8 + 2 * pad for index in range(self.count()))

    def tabSizeHint(self, index: int) -> QSize:
        return QSize(self._text_width(index) + DOT + 8 + 2 * self.pad, HEIGHT)

    def minimumTabSizeHint(self, index: int) -> QSize:
        return self.tabSizeHint(index)

    def paintEvent(self, event: QPaintEvent) -> None:
        now = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        under_mouse = self.tabAt(self.mapFromGlobal(self.cursor().pos())) if self.underMouse() else -1
        for index in range(self.count()):
            box = QRectF(self.tabRect(index))
            chosen = index == self.currentIndex()
            painter.setFont(theme.font(theme.TEXT_PX, chosen))
            middle = box.center().y() - 1
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color(self.tabData(index)))
            painter.drawEllipse(QPointF(box.left() + self.pad + DOT / 2, middle), DOT / 2, DOT / 2)
            painter.setPen(theme.color("text" if chosen or index == under_mouse else "muted"))
            words = box.adjusted(self.pad + DOT + 8, 0, 0, -2)
            painter.drawText(
                words, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, self.tabText(index)
            )
            if chosen:
                painter.fillRect(
                    QRectF(box.left(), box.bottom() - 2, box.width(), 2), theme.color(now.accent)
                )
                if self._ring and self.hasFocus():
                    painter.setPen(QPen(theme.color(now.accent), 1))
                    painter.setBrush(Qt.BrushStyle.NoBrush)
                    painter.drawRoundedRect(box.adjusted(4.5, 6.5, -4.5, -7.5), theme.RADIUS, theme.RADIUS)
        painter.end()

    def focusInEvent(self, event: QFocusEvent) -> None:
        keys = (
            Qt.FocusReason.TabFocusReason,
            Qt.FocusReason.BacktabFocusReason,
            Qt.FocusReason.ShortcutFocusReason,
        )
        self._ring = event.reason() in keys  # whoever uses the mouse needs no ring
        super().focusInEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        self._ring = True
        super().keyPressEvent(event)

    def _text_width(self, index: int) -> int:
        return QFontMetrics(theme.font(theme.TEXT_PX, True)).horizontalAdvance(self.tabText(index))


class Header(QFrame):
    """Tabs at the left, menus and settings at the right, one line under all."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("surface", "page")
        self.setProperty("line", "bottom")
        self.setFixedHeight(HEIGHT)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 0, 12, 0)
        row.setSpacing(0)
        self.tabs = FlatTabBar()
        self.menus = QMenuBar()
        self.menus.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)
        self.settings_button = QToolButton()
        self.settings_button.setText("⚙")
        self.settings_button.setFont(theme.font(theme.SECTION_PX))
        self.settings_button.setFixedSize(32, 32)
        self.settings_button.setToolTip(tr("Settings (Ctrl+,)"))
        self.settings_button.setAccessibleName(tr("Settings"))
        self.menu_button = QToolButton()  # holds the menus where there is no room for the bar
        self.menu_button.setText("☰")
        self.menu_button.setFixedSize(32, 32)
        self.menu_button.setToolTip(tr("Menus"))
        self.menu_button.setAccessibleName(tr("Menus"))
        self.menu_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.menu_button.hide()
        row.addWidget(self.tabs, 0, Qt.AlignmentFlag.AlignBottom)
        row.addStretch(1)
        row.addWidget(self.menus, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self.menu_button, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addSpacing(theme.SMALL)
        row.addWidget(self.settings_button, 0, Qt.AlignmentFlag.AlignVCenter)

    def minimumSizeHint(self) -> QSize:
        """The header never makes the window wider than the screen: `resizeEvent` sees to what is shown."""
        return QSize(1, HEIGHT)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """The tabs with the most room that there is; where that is too little, the menus go behind one button."""
        beside = 24 + theme.SMALL + self.settings_button.width()
        bar, button = self.menus.sizeHint().width(), self.menu_button.width()
        room = self.width() - beside
        folded = self.tabs.width_at(PADS[1]) + bar > room
        self.menus.setVisible(not folded)
        self.menu_button.setVisible(folded)
        if folded and self.menu_button.menu() is None:
            menu = QMenu(self.menu_button)
            menu.addActions(self.menus.actions())
            self.menu_button.setMenu(menu)
        room -= button if folded else bar
        self.tabs.set_pad(next((pad for pad in PADS if self.tabs.width_at(pad) <= room), PADS[-1]))
