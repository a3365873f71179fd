"""The figures of an evaluation, drawn: confusion or reliability at the left, bars of whom one chooses at the right."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from app import theme
from app.i18n import tr
from app.tabs.emotion.words import emotion_words
from app.widgets.combo import ElidedCombo
from app.widgets.confusion import ConfusionMatrix
from app.widgets.group_bars import GroupBars, Row
from app.widgets.reliability import Reliability

if TYPE_CHECKING:
    from models.emotion.speakers import Evaluation


class FiguresView(QWidget):
    """Two pictures side by side, each with a list of what it shows."""

    def __init__(self) -> None:
        super().__init__()
        self._evaluation: Evaluation | None = None
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.MEDIUM)
        self.matrix, self.reliability, self.bars = (
            ConfusionMatrix(),
            Reliability(),
            GroupBars(tr("Figures of the speakers")),
        )
        self.left = ElidedCombo(tr("Left picture"), tr("What the left picture shows"))
        self.left.addItems([tr("Confusion, rows are the true emotion"), tr("Reliability of the certainty")])
        self.left.currentIndexChanged.connect(self._turn)
        self.right = ElidedCombo(tr("Bars"), tr("What the bars show, and of whom"))
        for words, of, metric in _choices():
            self.right.addItem(words, (of, metric))
        self.right.currentIndexChanged.connect(lambda _index: self._show_bars())
        self._stack = QStackedWidget()
        self._stack.addWidget(self.matrix)
        self._stack.addWidget(self.reliability)
        for chooser, picture in ((self.left, self._stack), (self.right, self.bars)):
            column = QVBoxLayout()
            column.setSpacing(theme.SMALL)
            column.addWidget(chooser)
            column.addWidget(picture, 1)
            row.addLayout(column, 1)

    def show_figures(self, evaluation: Evaluation | None, unsure_below: float = 0.0) -> None:
        """None: nothing was judged."""
        self._evaluation = evaluation
        if evaluation is None:
            self.matrix.show_nothing()
            self.reliability.show_nothing()
        else:
            self.matrix.set_values(
                evaluation.confusion, [emotion_words(label) for label in evaluation.labels]
            )
            self.reliability.set_values(evaluation.bins, unsure_below)
        self._show_bars()

    def choose_bars(self, of: str, metric: str) -> None:
        """As if a person had chosen them."""
        places = [self.right.itemData(number) for number in range(self.right.count())]
        self.right.setCurrentIndex(places.index((of, metric)))

    def _turn(self, place: int) -> None:
        self._stack.setCurrentIndex(place)

    def _show_bars(self) -> None:
        of, metric = self.right.currentData()
        rows = bars_of(self._evaluation, of, metric) if self._evaluation is not None else []
        if not rows:
            nothing = tr("Drop a labelled data set, or try the sample: here is how well it goes for whom.")
            self.bars.show_nothing(nothing if self._evaluation is None else tr("The data does not say this."))
            return
        values = np.array([value for _, value, _ in rows])
        self.bars.set_values(
            rows, float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else 0.0
        )


def _choices() -> list[tuple[str, str, str]]:
    return [
        (tr("Recall of every speaker"), "speaker", "uar"),
        (tr("Accuracy of every speaker"), "speaker", "accuracy"),
        (tr("Weighted F1 of every speaker"), "speaker", "weighted_f1"),
        (tr("Recall of every emotion"), "emotion", "recall"),
        (tr("Precision of every emotion"), "emotion", "precision"),
        (tr("Recall by sex"), "sex", "uar"),
        (tr("Accuracy by sex"), "sex", "accuracy"),
        (tr("Weighted F1 by sex"), "sex", "weighted_f1"),
        (tr("Recall by session"), "session", "uar"),
        (tr("Accuracy by session"), "session", "accuracy"),
        (tr("Weighted F1 by session"), "session", "weighted_f1"),
    ]


def bars_of(evaluation: Evaluation, of: str, metric: str) -> list[Row]:
    """(name, value of 0…1, utterances) of every speaker, emotion, sex or session; those without a value are left out."""
    if of == "emotion":
        counts = evaluation.confusion.sum(axis=1 if metric == "recall" else 0)
        values: dict[str, float] = getattr(evaluation, metric)
        rows = zip(evaluation.labels, counts, strict=True)
        return [
            (emotion_words(label), values[label], int(n)) for label, n in rows if math.isfinite(values[label])
        ]
    if of == "speaker":
        return [(item.speaker, getattr(item, metric), item.n) for item in evaluation.by_speaker]
    groups = evaluation.by_sex if of == "sex" else evaluation.by_session
    sexes = {"F": tr("female"), "M": tr("male")} if of == "sex" else {}
    return [(sexes.get(item.name, item.name), getattr(item, metric), item.n) for item in groups]
