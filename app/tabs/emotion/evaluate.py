"""Evaluate: a labelled data set and a checkpoint, and the figures of the field."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app import theme
from app.i18n import plural, tr
from app.tabs.emotion.words import emotion_words
from app.tabs.paged import Page
from app.widgets.confusion import ConfusionMatrix
from app.widgets.drop_zone import DropZone
from app.widgets.figure_card import FigureCard
from app.widgets.labels import Elided
from app.widgets.speaker_bars import SpeakerBars
from models.errors import UserError
from models.progress import Cancelled

if TYPE_CHECKING:
    from app.tabs.emotion.tab import EmotionTab
    from models.emotion.speakers import Evaluation

WORKER = "emotion files"
SAMPLE = "sample"


class EvaluatePage(Page):
    """Figures as cards, the confusion matrix, and every speaker's own figure with mean and spread."""

    tab: EmotionTab

    def __init__(self, tab: EmotionTab) -> None:
        super().__init__(tab)
        self.data = ""
        self.evaluation: Evaluation | None = None
        self._items: list[dict[str, Any]] = []
        self._make_controls()
        self._make_view()
        self._show(None)

    # What the tab asks ------------------------------------------------------------------------------------

    def words(self) -> str:
        return tr("Evaluate")

    def ready(self) -> bool:
        return bool(self.data)

    def act(self) -> None:
        self.tab.start(self._evaluate())

    def try_sample(self) -> None:
        self._choose(SAMPLE)
        self.act()

    def accept_paths(self, paths: list[Path]) -> None:
        if paths:
            self._choose(str(paths[0]))

    def model_changed(self) -> None:
        self._dim()

    def export_actions(self) -> list[QAction]:
        self._export.setEnabled(self.evaluation is not None)
        return [self._export]

    def state(self) -> dict[str, Any]:
        return {"data": self.data}

    def restore(self, state: dict[str, Any]) -> None:
        data = str(state.get("data", ""))
        if data == SAMPLE or (data and Path(data).exists()):
            self._choose(data)

    # Work -------------------------------------------------------------------------------------------------

    async def _evaluate(self) -> None:
        self.tab.clear_messages()
        self._dim()
        worker = self.services.worker(WORKER)
        try:
            with self.services.task(tr("Evaluating")) as task, self.tab.busy(task):
                recognizer = await self.tab.recognizer(WORKER, task)
                evaluation, items = await worker.run(_evaluate_with, recognizer, self.data, progress=task)
        except Cancelled:
            self.tab.show_message("hint", tr("Stopped."), key="stopped")
            return
        self._items = items
        self._show(evaluation)
        self.tab.show_remarks(evaluation.remarks, key="known")

    def _choose(self, data: str) -> None:
        self.data = data
        self._chosen.setText(tr("The clips that ship") if data == SAMPLE else data)
        self._show(None)
        self.tab.refresh_action()

    def _dim(self) -> None:
        for card in self._cards.values():
            card.setEnabled(False)

    def _show(self, evaluation: Evaluation | None) -> None:
        self.evaluation = evaluation
        for card in self._cards.values():
            card.setEnabled(True)
        if evaluation is None:
            for card in self._cards.values():
                card.set("–")
            self._matrix.show_nothing()
            self._speakers.show_nothing()
            return
        count = plural("{n} utterance", "{n} utterances", evaluation.n)
        over = plural("over {n} speaker", "over {n} speakers", len(evaluation.by_speaker))
        spread = f"± {evaluation.speaker_sd['uar']:.3f} {over}"
        self._cards["uar"].set(f"{evaluation.uar:.3f}", spread)
        self._cards["accuracy"].set(f"{evaluation.accuracy:.3f}", count)
        self._cards["weighted_f1"].set(
            f"{evaluation.weighted_f1:.3f}", tr("macro {value}", value=f"{evaluation.macro_f1:.3f}")
        )
        self._cards["ece"].set(f"{evaluation.calibration_error:.3f}", tr("0 is perfect"))
        self._matrix.set_values(evaluation.confusion, [emotion_words(label) for label in evaluation.labels])
        rows = [(item.speaker, item.uar, item.n) for item in evaluation.by_speaker]
        self._speakers.set_values(rows, evaluation.speaker_mean["uar"], evaluation.speaker_sd["uar"])

    def _save(self) -> None:
        name = QFileDialog.getExistingDirectory(self, tr("Folder for the figures"))
        if name:
            self.save_figures(Path(name))

    def save_figures(self, folder: Path) -> None:
        """``figures.json``, ``speakers.csv``, ``items.csv``, as ``python -m models evaluate`` writes them."""
        from models.emotion.tables import write_evaluation

        if self.evaluation is None:
            return
        try:
            write_evaluation(folder, self.evaluation, self._items)
        except UserError as error:
            self.tab.show_error(error)

    # Making -----------------------------------------------------------------------------------------------

    def _make_controls(self) -> None:
        zone = DropZone(tr("Drop a labelled data set"), tr("A corpus folder, a folder an emotion, or a CSV"))
        zone.dropped.connect(self.tab.accept_paths)
        zone.clicked.connect(self.tab.choose_folder)
        self.controls.addWidget(zone)
        self._chosen = Elided(mode=Qt.TextElideMode.ElideMiddle)
        self._chosen.setProperty("role", "hint")
        self.controls.addWidget(self._chosen)
        table = QPushButton(tr("Choose a CSV…"))
        table.setProperty("kind", "link")
        table.setToolTip(tr("A table with the columns path, emotion, speaker"))
        table.clicked.connect(self._choose_table)
        self.controls.addWidget(table)
        self.sample_link("")
        self._export = QAction(tr("Figures as CSV and JSON…"), self)
        self._export.triggered.connect(self._save)

    def _choose_table(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, tr("Choose a CSV"), "", "CSV (*.csv *.tsv *.txt)")
        if name:
            self._choose(name)

    def _make_view(self) -> None:
        cards = QHBoxLayout()
        cards.setSpacing(theme.SMALL)
        titles = {
            "uar": tr("Unweighted average recall"),
            "accuracy": tr("Accuracy"),
            "weighted_f1": tr("Weighted F1"),
            "ece": tr("Calibration error"),
        }
        self._cards = {name: FigureCard(title) for name, title in titles.items()}
        for card in self._cards.values():
            cards.addWidget(card)
        self.view.addLayout(cards)
        row = QHBoxLayout()
        row.setSpacing(theme.MEDIUM)
        self._matrix, self._speakers = ConfusionMatrix(), SpeakerBars()
        for title, widget in (
            (tr("Confusion, rows are the true emotion"), self._matrix),
            (tr("Recall of every speaker"), self._speakers),
        ):
            box = QWidget()
            column = QVBoxLayout(box)
            column.setContentsMargins(0, theme.SMALL, 0, 0)
            column.setSpacing(theme.TINY)
            caption = QLabel(title)
            caption.setProperty("role", "hint")
            column.addWidget(caption)
            column.addWidget(widget, 1)
            row.addWidget(box, 1)
        self.view.addLayout(row, 1)


def _evaluate_with(recognizer: Any, data: str, progress: Any) -> Any:
    """In the worker's thread."""
    from models.emotion.evaluation import evaluate_with

    return evaluate_with(recognizer, data, progress)
