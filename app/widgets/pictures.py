"""Pictures of what a widget paints: SVG to be edited, PNG at 300 dpi to be printed."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import QObject, QPoint, QRect, QSize
from PySide6.QtGui import QContextMenuEvent, QImage, QPainter
from PySide6.QtWidgets import QApplication, QFileDialog, QMenu, QWidget

from app.i18n import tr
from models.errors import UserError

DPI = 300
Save = Callable[[Path], None]


def save_picture(path: Path, size: QSize, paint: Callable[[QPainter], None], title: str = "") -> None:
    """By the suffix ``.svg``, with its title (the file's name where there is none), or ``.png``. Raises OSError."""
    if path.suffix.lower() == ".svg":
        from PySide6.QtSvg import QSvgGenerator

        with open(path, "ab"):  # says why where it cannot be written; Qt would not
            pass
        generator = QSvgGenerator()
        generator.setFileName(str(path))
        generator.setTitle(title or path.stem)
        generator.setSize(size)
        generator.setViewBox(QRect(QPoint(0, 0), size))
        painter = QPainter(generator)
        paint(painter)
        painter.end()
        return
    image = QImage(size * (DPI / 96), QImage.Format.Format_ARGB32)
    image.setDevicePixelRatio(DPI / 96)
    painter = QPainter(image)
    paint(painter)
    painter.end()
    if not image.save(str(path)):
        raise OSError(None, tr("The picture could not be written."), str(path))


class Picture(QWidget):
    """A widget that paints itself and can be exported by a right-click: as SVG, as PNG, and its figures as CSV.

    Errors go to the nearest parent that can show them.
    """

    picture_name = "picture"  # what a file is proposed to be called

    def paint(self, painter: QPainter) -> None:
        """Draw everything, on the screen or into a file. Override."""
        raise NotImplementedError(type(self).__name__)

    def figures(self) -> tuple[Sequence[str], Iterable[Sequence[object]]] | None:
        """What is shown, as (headings, rows); None where there are none. Override."""
        return None

    def save(self, path: Path) -> None:
        """As SVG or as PNG at 300 dpi. Raises OSError."""
        save_picture(path, self.size(), self.paint)

    def save_csv(self, path: Path) -> None:
        """Raises OSError."""
        result = self.figures()
        if result is None:
            return
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(result[0])
            writer.writerows(result[1])

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = self.make_menu()
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(event.globalPos())

    def make_menu(self) -> QMenu:
        """What right-click offers."""
        menu = QMenu(self)
        csv_too = self.save_csv if self.figures() is not None else None
        add_exports(menu, self, self.picture_name, {"csv": csv_too, "svg": self.save, "png": self.save})
        copy = menu.addAction(tr("Copy picture"))
        copy.triggered.connect(lambda: QApplication.clipboard().setPixmap(self.grab()))
        return menu


def add_exports(menu: QMenu, widget: QWidget, name: str, saves: Mapping[str, Save | None]) -> None:
    """*Export as CSV…* and so on, for each suffix of `saves`; where it has no function there is nothing to be saved.

    `name` is what a file is proposed to be called. Errors go to the nearest parent of the widget that can show them.
    """
    words = {"csv": tr("Export as CSV…"), "svg": tr("Export as SVG…"), "png": tr("Export as PNG…")}
    for suffix, save in saves.items():
        action = menu.addAction(words[suffix])
        action.setEnabled(save is not None)
        if save is not None:
            action.triggered.connect(
                lambda _on=False, kind=suffix, save=save: _ask_and_save(widget, name, kind, save)
            )


def _ask_and_save(widget: QWidget, name: str, suffix: str, save: Save) -> None:
    proposal = f"{name}.{suffix}".replace("/", "-")
    chosen, _ = QFileDialog.getSaveFileName(widget, tr("Export"), proposal, f"{suffix.upper()} (*.{suffix})")
    if not chosen:
        return
    path = Path(chosen if chosen.lower().endswith(f".{suffix}") else f"{chosen}.{suffix}")
    try:
        save(path)
    except OSError as error:
        say_not_saved(widget, path, error)


def say_not_saved(widget: QWidget, path: Path, error: OSError) -> None:
    """Have the nearest parent that can show errors say that a file could not be written."""
    raised = UserError(
        "{name} could not be written.",
        "{reason}.",
        "Choose another folder, or free some space.",
        name=path.name,
        reason=error.strerror or str(error),
    )
    owner: QObject | None = widget.parent()
    while owner is not None:
        if hasattr(owner, "show_error"):
            owner.show_error(raised)
            return
        owner = owner.parent()
    raise raised
