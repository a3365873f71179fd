"""The order in which Tab goes through a window: that in which it is read, whenever its widgets were made.

Qt goes by the order of making, which puts a tab that is built when it is first shown, or a message that comes up, behind
everything else. The window and the dialogs with many controls answer ``focusNextPrevChild`` with `move`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLayout, QScrollArea, QSplitter, QTabWidget, QWidget


def move(window: QWidget, forward: bool) -> bool:
    """Give the focus to the next stop of the window, or the one before, and bring it into view; round at the ends.

    Qt asks for it at Tab, and when what has the focus is hidden or disabled: its place is where the search begins.
    """
    focused = window.focusWidget()
    stops = list(stops_in(window, focused))
    if not any(stop is not focused for stop in stops):
        return False
    place = stops.index(focused) if focused in stops else (-1 if forward else 0)
    stop = stops[(place + (1 if forward else -1)) % len(stops)]
    stop.setFocus(Qt.FocusReason.TabFocusReason if forward else Qt.FocusReason.BacktabFocusReason)
    around = stop.parentWidget()
    while around is not None:
        if isinstance(around, QScrollArea):
            around.ensureWidgetVisible(stop)
        around = around.parentWidget()
    return True


def begin(page: QWidget) -> None:
    """Give the focus to what is read first of a part of a window."""
    first = next(stops_in(page), None)
    if first is not None:
        first.setFocus()


def stops_in(widget: QWidget, also: QWidget | None = None, reachable: bool = True) -> Iterator[QWidget]:
    """What Tab reaches now, in reading order; and `also`, which has the focus, even if Tab does not reach it (any more)."""
    for child in _read(widget):
        if child.isWindow():
            continue
        open_to_tab = reachable and not child.isHidden() and child.isEnabled()
        if not open_to_tab and also is not child and not (also and child.isAncestorOf(also)):
            continue
        tabbed = child.focusPolicy() & Qt.FocusPolicy.TabFocus and child.focusProxy() is None
        if child is also or (open_to_tab and tabbed):
            yield child
        yield from stops_in(child, also, open_to_tab)


def _read(widget: QWidget) -> list[QWidget]:
    """The children of a widget as a reader meets them: as they are laid out, then those that are in no layout."""
    children = [child for child in widget.children() if isinstance(child, QWidget)]
    places: dict[QWidget, tuple[int, ...]]
    if isinstance(widget, QSplitter):
        places = {child: (widget.indexOf(child),) for child in children if widget.indexOf(child) >= 0}
    elif isinstance(widget, QTabWidget):
        places = {widget.tabBar(): (0,)}
    else:
        layout = widget.layout()
        places = {child: place for child in children if layout and (place := _place_in(layout, child))}
    last = (sys.maxsize,)
    return sorted(children, key=lambda child: places.get(child, last))


def _place_in(layout: QLayout, widget: QWidget) -> tuple[int, ...]:
    """Where a widget is: its number, after those of the layouts that it is nested in; () if it is not there."""
    number = layout.indexOf(widget)
    if number >= 0:
        return (number,)
    for inner in layout.children():
        if isinstance(inner, QLayout) and (place := _place_in(inner, widget)):
            return (layout.indexOf(inner), *place)
    return ()
