"""Names are data: shown as they are written, whatever they look like.

Qt takes a text with angle brackets for HTML in tooltips and labels, an ``&`` in a menu for the key to press, and pyqtgraph
every axis title for HTML.
"""

from __future__ import annotations

import html

from PySide6.QtGui import Qt
from PySide6.QtWidgets import QLabel


def tip(text: str) -> str:
    """For a tooltip: the same words, not to be taken for HTML."""
    return f"<qt>{markup(text)}</qt>" if Qt.mightBeRichText(text) else text


def markup(text: str) -> str:
    """For a text that is HTML: the same words within it."""
    return html.escape(text).replace("\n", "<br>")


def menu_words(text: str) -> str:
    """For a menu or a button: no letter of it is a key to press."""
    return text.replace("&", "&&")


def plain_label(text: str = "", role: str = "") -> QLabel:
    """A label that shows its text as it is written. role: one of the style sheet's, such as ``hint``."""
    label = QLabel()
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setText(text)
    if role:
        label.setProperty("role", role)
    return label
