"""Pictures of what a widget paints: SVG to be edited, PNG at 300 dpi to be printed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QPoint, QRect, QSize
from PySide6.QtGui import QImage, QPainter

from app.i18n import tr

DPI = 300


def save_picture(path: Path, size: QSize, paint: Callable[[QPainter], None]) -> None:
    """By the suffix ``.svg`` or ``.png``. Raises OSError."""
    if path.suffix.lower() == ".svg":
        from PySide6.QtSvg import QSvgGenerator

        with open(path, "ab"):  # says why where it cannot be written; Qt would not
            pass
        generator = QSvgGenerator()
        generator.setFileName(str(path))
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
