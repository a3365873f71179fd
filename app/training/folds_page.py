"""What each fold of a cross-validation came to on what it had not met, as bars around their mean."""

from __future__ import annotations

import math
import statistics

from PySide6.QtWidgets import QVBoxLayout, QWidget

from app import theme
from app.i18n import tr
from app.training.watched import WatchedRun
from app.training.words import metric_words
from app.widgets.group_bars import GroupBars
from app.widgets.plain import plain_label


class FoldsPage(QWidget):
    """A bar a fold that was judged; it grows while the others are trained."""

    def __init__(self) -> None:
        super().__init__()
        self._run: WatchedRun | None = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.MEDIUM, theme.SMALL, theme.MEDIUM, theme.MEDIUM)
        layout.setSpacing(theme.MEDIUM)
        self.hint = plain_label("", "hint")
        self.hint.setWordWrap(True)
        self.bars = GroupBars(tr("What the folds came to"))
        layout.addWidget(self.hint)
        layout.addWidget(self.bars, 1)

    def show_run(self, run: WatchedRun | None) -> None:
        """Another run is chosen, or none."""
        self._run = run
        self.refresh()

    def refresh(self) -> None:
        """Bring the bars up to date; nothing where the run is no cross-validation."""
        run = self._run
        if run is None or run.folding is None:
            return
        values = [value for value in run.judged_folds if math.isfinite(value)]
        self.hint.setText(
            tr(
                "Each bar is a fold: {figure} on what was left out of its training.",
                figure=metric_words(run.metric),
            )
            if values
            else ""
        )
        if not values:
            self.bars.show_nothing(tr("Bars come as the folds are judged."))
            return
        names = [run.record.folds.get(number, str(number)) for number in range(1, len(run.judged_folds) + 1)]
        rows = [
            (name, value, 0)
            for name, value in zip(names, run.judged_folds, strict=True)
            if math.isfinite(value)
        ]
        spread = statistics.stdev(values) if len(values) > 1 else 0.0
        self.bars.set_values(rows, statistics.fmean(values), spread, full=_full(values))


def _full(values: list[float]) -> float:
    """What a whole bar stands for: 1, or where all are far smaller the next tenth."""
    largest = max(values)
    return 1.0 if largest >= 0.5 else max(0.1, math.ceil(largest * 10) / 10)
