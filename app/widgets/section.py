"""Groups of the left column: a captioned section, and a fold that opens."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.i18n import tr
from app.widgets.labels import Caption


class Section(QWidget):
    """A caption and what belongs under it. Put widgets in with `add`."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(0, 0, 0, 0)
        self.body.setSpacing(theme.SMALL)
        self.caption = Caption(title)
        self.body.addWidget(self.caption)
        self.setAccessibleName(title)

    def add(self, widget: QWidget) -> QWidget:
        """Put a widget under the others."""
        self.body.addWidget(widget)
        return widget


class Fold(QWidget):
    """A line that opens: ``▸ Settings: window 3 s``. Closed, it says in a few words what is inside."""

    toggled = Signal(bool)

    def __init__(self, title: str, parent: QWidget | None = None, opened: bool = False) -> None:
        super().__init__(parent)
        self._title = title
        self._summary = ""
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(theme.TINY)
        self.button = QPushButton()
        self.button.setProperty("kind", "fold")
        self.button.setCheckable(True)
        self.button.setSizePolicy(
            self.button.sizePolicy().horizontalPolicy().Ignored, self.button.sizePolicy().verticalPolicy()
        )
        self.button.setToolTip(tr("Show or hide"))
        self.content = QWidget()
        self.body = QVBoxLayout(self.content)
        self.body.setContentsMargins(2, 0, 0, 0)
        self.body.setSpacing(theme.SMALL)
        layout.addWidget(self.button)
        layout.addWidget(self.content)
        self.button.toggled.connect(self._toggle)
        self.button.setChecked(opened)
        self._toggle(opened)

    def add(self, widget: QWidget) -> QWidget:
        """Put a widget under the others."""
        self.body.addWidget(widget)
        return widget

    def add_row(self, title: str, widget: QWidget, unit: str = "", tooltip: str = "") -> QWidget:
        """A labelled control with its unit; the label is its accessible name and its buddy."""
        row = QWidget()
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        label = QLabel(title)
        label.setBuddy(widget)
        if isinstance(widget, QAbstractSpinBox):
            theme.pad(widget)
        widget.setAccessibleName(f"{title} ({unit})" if unit else title)
        if tooltip:
            widget.setToolTip(tooltip)
            label.setToolTip(tooltip)
        line.addWidget(label, 1)
        line.addWidget(widget)
        if unit:
            unit_label = QLabel(unit)
            unit_label.setProperty("role", "hint")
            unit_label.setMinimumWidth(20)
            line.addWidget(unit_label)
        self.body.addWidget(row)
        return widget

    @property
    def opened(self) -> bool:
        return self.button.isChecked()

    def set_open(self, opened: bool) -> None:
        """Unfold or fold."""
        self.button.setChecked(opened)

    def set_summary(self, text: str) -> None:
        """What the closed fold says behind its title, such as ``window 3 s, hop 0.5 s``."""
        self._summary = text
        self._name()

    def _toggle(self, opened: bool) -> None:
        self.content.setVisible(opened)
        self._name()
        self.toggled.emit(opened)

    def _name(self) -> None:
        tail = tr(": {summary}", summary=self._summary) if self._summary and not self.opened else ""
        self.button.setText(f"{'▾' if self.opened else '▸'} {self._title}{tail}")
        self.button.setAccessibleName(f"{self._title}{tail}")


FEW_SEGMENTS = 4  # so many always stand in one row
SEGMENT_GAP_PX = 6


class Segments(QWidget):
    """A row of buttons of which one is chosen: Microphone · Files · Evaluate. Many stand in two rows where one has no room."""

    chosen = Signal(str)

    def __init__(self, choices: dict[str, str], name: str, parent: QWidget | None = None) -> None:
        """`choices`: key → words. `name` is what a screen reader calls the row."""
        super().__init__(parent)
        from PySide6.QtWidgets import QButtonGroup

        self.setAccessibleName(name)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(SEGMENT_GAP_PX)
        self._across = 0  # buttons in a row
        self._group = QButtonGroup(self)
        self._group.setExclusive(True)
        self.buttons: dict[str, QPushButton] = {}
        for key, words in choices.items():
            button = QPushButton(words)
            button.setProperty("kind", "segment")
            button.setCheckable(True)
            button.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
            button.setAccessibleName(f"{name}: {words}")
            self._group.addButton(button)
            self.buttons[key] = button
            button.toggled.connect(lambda on, which=key: self._toggled(which, on))
        self._arrange(len(self.buttons))
        next(iter(self.buttons.values())).setChecked(True)

    def sizeHint(self) -> QSize:
        return QSize(self._wide(len(self.buttons)), super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        return QSize(self._wide(self._fewest), super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        roomy = event.size().width() >= self._wide(len(self.buttons))
        self._arrange(len(self.buttons) if roomy else self._fewest)

    @property
    def _fewest(self) -> int:
        """Buttons in a row where there is little room."""
        return len(self.buttons) if len(self.buttons) <= FEW_SEGMENTS else -(-len(self.buttons) // 2)

    def _wide(self, across: int) -> int:
        """How much room rows of so many buttons need."""
        buttons = list(self.buttons.values())
        rows = [buttons[first : first + across] for first in range(0, len(buttons), across)]
        columns = [max(row[at].sizeHint().width() for row in rows if at < len(row)) for at in range(across)]
        return sum(columns) + SEGMENT_GAP_PX * (across - 1)

    def _arrange(self, across: int) -> None:
        if across == self._across:
            return
        self._across = across
        for number, button in enumerate(self.buttons.values()):
            self._grid.addWidget(button, number // across, number % across)
        for column in range(len(self.buttons)):
            self._grid.setColumnStretch(column, 1 if column < across else 0)
        self.updateGeometry()

    @property
    def current(self) -> str:
        return next(key for key, button in self.buttons.items() if button.isChecked())

    def choose(self, key: str) -> None:
        """Press the button of that key."""
        self.buttons[key].setChecked(True)

    def _toggled(self, key: str, on: bool) -> None:
        """Tab stops at the chosen button; the arrows go to the others. Qt sees to it only once the row has had the focus."""
        tabbed = Qt.FocusPolicy.StrongFocus if on else Qt.FocusPolicy.ClickFocus
        self.buttons[key].setFocusPolicy(tabbed)
        if on:
            self.chosen.emit(key)
