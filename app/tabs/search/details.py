"""The chosen picture at the right: large, with its words, its likeness, its code, and what can be done with it."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from app import theme
from app.i18n import plural, tr, tr_error
from app.tabs.search.grid import GridItem, score_words, why_words
from app.tabs.search.thumbnails import Thumbnail
from app.tabs.search.tile import fitted, paint_absence
from app.widgets.code_bits import CodeBits
from app.widgets.labels import Caption, Elided, Hint
from app.widgets.plain import plain_label, tip
from app.widgets.scrolled import ScrolledColumn

HEIGHT = 150  # of the picture


class PictureView(QWidget):
    """One picture, whole, in the middle."""

    def __init__(self, height: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(height)
        self.picture: Thumbnail | None = None

    def show_picture(self, picture: Thumbnail | None) -> None:
        """Draw this picture, or that there is none: its file is gone, or cannot be read. None: draw nothing."""
        self.picture = picture
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.picture is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        room = QRectF(self.rect())
        if self.picture.image is None:
            paint_absence(painter, room, self.picture.gone)
        else:
            image = self.picture.image
            painter.drawImage(fitted(image, room, self.devicePixelRatioF()), image)
        painter.end()


class Details(ScrolledColumn):
    """`show_picture` fills it. wanted(action): one of `open`, `folder`, `path`, `picture`, `more`, `less`, `captions`, `why`, `unfold`."""

    wanted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SMALL)
        self.view = PictureView(HEIGHT)
        self.title = plain_label()
        self.title.setWordWrap(True)
        self.title.setFont(theme.font(theme.TEXT_PX, True))
        self.title.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.figures = Hint()
        self.figures.linkActivated.connect(self.wanted)
        self.path = Elided(mode=Qt.TextElideMode.ElideMiddle)
        self.path.setProperty("role", "hint")
        self.about = Elided()
        self.about.setProperty("role", "hint")
        self.problem = plain_label(role="problem")
        self.problem.setWordWrap(True)
        self.others = Hint()
        self.credit = Hint()
        self.code_title = Caption(tr("Code"))
        self.code_title.setToolTip(tr("Each square is a bit; filled is 1"))
        self.bits = CodeBits()
        self.legend = Hint()
        for widget in (
            self.view,
            self.title,
            self.figures,
            self.path,
            self.about,
            self.credit,
            self.problem,
            self.code_title,
            self.bits,
            self.legend,
        ):
            column.addWidget(widget)
        column.addSpacing(theme.TINY)
        column.addLayout(self._make_links())
        column.addWidget(self.others)
        column.addStretch(1)
        self.setWidget(inner)
        inner.setProperty("surface", "page")
        self.shown: GridItem | None = None

    def _make_links(self) -> QVBoxLayout:
        """What can be done with the picture."""
        links = QVBoxLayout()
        links.setSpacing(2)
        self.buttons: dict[str, QPushButton] = {}
        for key, words, explained in (
            ("open", tr("Open"), tr("In the system's viewer (Return)")),
            ("folder", tr("Show in folder"), tr("In the system's file manager")),
            ("path", tr("Copy path"), tr("Copy where the file is (Ctrl+C)")),
            ("picture", tr("Copy picture"), tr("The picture itself (Ctrl+Shift+C)")),
            ("why", tr("Why it matched"), tr("Where in the picture the answer lies (Space, then W)")),
            ("more", tr("More like this"), tr("Add it to what is asked for (+)")),
            ("less", tr("Less like this"), tr("Turn away from it (−)")),
            ("captions", tr("Find captions for it"), tr("Search the captions with this picture")),
        ):
            button = QPushButton(words)
            button.setProperty("kind", "link")
            button.setToolTip(explained)
            button.clicked.connect(lambda _on=False, which=key: self.wanted.emit(which))
            links.addWidget(button, 0, Qt.AlignmentFlag.AlignLeft)
            self.buttons[key] = button
        return links

    def sizeHint(self) -> QSize:
        return QSize(200, 500)

    def show_picture(self, shown: GridItem, bits: int, picture: Thumbnail | None) -> None:
        """bits: the length of a code."""
        self.shown = shown
        self.title.setText(shown.words)
        lines = []
        if shown.score is not None:
            words = tr(
                "distance {d} of {bits} · similarity {score}",
                d=shown.distance,
                bits=bits,
                score=score_words(shown.score),
            )
            lines.append(words)
        if shown.percentile is not None:
            lines.append(tr("more alike than {n} % of what chance finds", n=f"{shown.percentile:.0f}"))
        if shown.why:
            lines.append(why_words(shown))
        if shown.duplicates:
            count = len(shown.duplicates)
            behind = plural("{n} near-duplicate behind it", "{n} near-duplicates behind it", count)
            lines.append(f'<a href="unfold">{behind}</a>')
        self.figures.setText("<br>".join(lines))
        self.figures.setVisible(bool(lines))
        self.path.setText(f"{shown.path.parent.name}/{shown.path.name}")
        self.about.setText(shown.about)
        self.about.setVisible(bool(shown.about))
        self.view.setToolTip(tip(str(shown.path)))
        self.buttons["path"].setToolTip(tip(tr("Copy {path} (Ctrl+C)", path=shown.path)))
        self.buttons["why"].setEnabled(shown.score is not None)
        others = [text for text in shown.captions if text != shown.words]
        self.others.setText("<br>".join(_plain(text) for text in others[:6]))
        self.others.setVisible(bool(others))
        self.credit.setText(_credit(shown.attribution))
        self.credit.setVisible(bool(shown.attribution))
        self.show_image(picture)

    def show_image(self, picture: Thumbnail | None) -> None:
        """The picture itself has been read, or could not be."""
        self.view.show_picture(picture)
        problem = picture.problem if picture is not None else None
        self.problem.setText(
            " ".join(item for item in tr_error(problem) if item) if problem is not None else ""
        )
        self.problem.setVisible(problem is not None)
        there = not (picture is not None and picture.gone)
        for key in ("open", "picture", "captions"):
            self.buttons[key].setEnabled(there)

    def show_codes(self, query: np.ndarray | None, own: np.ndarray | None) -> None:
        """bool [bits] each: the query's above the picture's."""
        self.bits.show_codes(query, own)
        for widget in (self.code_title, self.bits, self.legend):
            widget.setVisible(own is not None)
        both = query is not None and own is not None
        self.legend.setText(tr("query above, picture below · ringed: they differ") if both else "")
        self.legend.setVisible(both)


def _plain(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


def _credit(attribution: str) -> str:
    """An attribution whose address can be followed."""
    words = []
    for word in attribution.split():
        if word.startswith(("http://", "https://")):
            words.append(f'<a href="{_plain(word)}">{tr("source")}</a>')
        else:
            words.append(_plain(word))
    return " ".join(words)
