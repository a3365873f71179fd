"""Evaluate: a labelled data set and a checkpoint, and the figures of the field."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QPushButton

from app import theme
from app.i18n import plural, tr
from app.tabs.emotion.degrees import agreement_words
from app.tabs.emotion.figures_view import FiguresView
from app.tabs.emotion.recognizers import Recognizers
from app.tabs.paged import Page, PagedTab
from app.widgets.combo import ElidedCombo
from app.widgets.data_choice import SAMPLE, DataChoice
from app.widgets.figure_card import FigureCard
from app.widgets.labels import Hint
from models.errors import UserError
from models.progress import Cancelled, Progress

if TYPE_CHECKING:
    from models.emotion.significance import Comparison
    from models.emotion.speakers import Evaluation

WORKER = "emotion files"


class EvaluatePage(Page):
    """Figures as cards, the confusion matrix, and every speaker's own figure with mean and spread."""

    def __init__(self, tab: PagedTab, recognizers: Recognizers) -> None:
        super().__init__(tab)
        self._recognizers = recognizers
        self.evaluation: Evaluation | None = None
        self._items: list[dict[str, Any]] = []
        self._comparison: Comparison | None = None
        self._other, self._unsure_below = "", 0.0
        self._make_controls()
        self._make_view()
        self._show(None)

    # What the tab asks ------------------------------------------------------------------------------------

    def words(self) -> str:
        return tr("Evaluate")

    def ready(self) -> bool:
        return bool(self.data.path)

    def act(self) -> None:
        self.tab.start(self._evaluate())

    def try_sample(self) -> None:
        self.data.choose(SAMPLE)
        self.act()

    def accept_paths(self, paths: list[Path]) -> None:
        if paths:
            self.data.choose(str(paths[0]))

    def shown(self) -> None:
        """The models that can be compared with are those of the list above."""
        chosen, models = self.other.currentData(), self.tab.models
        self.other.clear()
        self.other.addItem(tr("Compare with no other model"), "")
        for choice in ("bundled", *models.kept):
            if choice != models.choice:
                self.other.addItem(tr("Compare with {title}", title=models.title(choice)), choice)
        self.other.setCurrentIndex(max(0, self.other.findData(chosen)))

    def model_changed(self) -> None:
        self._dim()
        self.shown()

    def export_actions(self) -> list[QAction]:
        self._export.setEnabled(self.evaluation is not None)
        return [self._export]

    def state(self) -> dict[str, Any]:
        return {"data": self.data.path}

    def restore(self, state: dict[str, Any]) -> None:
        self.data.restore(state.get("data"))

    # Work -------------------------------------------------------------------------------------------------

    async def _evaluate(self) -> None:
        self.tab.clear_messages()
        self._dim()
        worker = self.services.worker(WORKER)
        try:
            with self.services.task(tr("Evaluating")) as task, self.tab.busy(task):
                other = self.other.currentData() or ""
                recognizer = await self._recognizers.get(WORKER, task)
                whole = task.part(0, 0.5) if other else task
                evaluation, items = await worker.run(
                    _evaluate_with, recognizer, self.data.path, progress=whole
                )
                self._comparison, self._other = None, other
                if other:
                    work = (evaluation, other, self.data.path, self.services.device)
                    self._comparison = await worker.run(_compare_with, *work, progress=task.part(0.5, 1))
                self._unsure_below = recognizer.unsure_below
        except Cancelled:
            self.tab.show_message("hint", tr("Stopped."), key="stopped")
            return
        self._items = items
        self._show(evaluation)
        self.tab.show_remarks(evaluation.remarks, key="known")

    def _data_chosen(self) -> None:
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
            self.figures.show_figures(None)
            self._compared.hide()
            self._agreed.hide()
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
        self.figures.show_figures(evaluation, self._unsure_below)
        self._agreed.setText(agreement_words(evaluation.degrees))
        self._agreed.setVisible(bool(evaluation.degrees))
        self._say_comparison()

    def _say_comparison(self) -> None:
        """What two models on the same utterances come to, tested over utterances and over speakers."""
        comparison = self._comparison
        self._compared.setVisible(comparison is not None)
        if comparison is None:
            return
        speakers = plural("over {n} speaker", "over {n} speakers", comparison.speakers)
        self._compared.setText(
            tr(
                "{other} minus this model: recall {difference} {speakers}, p = {p} by permutation over speakers. Right alone: this model {first}, the other {second} of {n}; p = {mcnemar} by McNemar.",
                other=self.tab.models.title(self._other),
                difference=f"{comparison.difference:+.3f}",
                speakers=speakers,
                p=f"{comparison.permutation_p:.3f}",
                first=comparison.only_first,
                second=comparison.only_second,
                n=comparison.n,
                mcnemar=f"{comparison.mcnemar_p:.3f}",
            )
        )

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
        self.data = DataChoice(
            tr("Drop a labelled data set"),
            tr("A corpus folder, a folder an emotion, or a CSV"),
            tr("The clips that ship"),
        )
        self.data.chosen.connect(self._data_chosen)
        self.tab.takes_from(self.data.zone, folders=True)
        self.controls.addWidget(self.data)
        table = QPushButton(tr("Choose a CSV…"))
        table.setProperty("kind", "link")
        table.setToolTip(tr("A table with the columns path, emotion, speaker"))
        table.clicked.connect(self._choose_table)
        self.controls.addWidget(table)
        self.other = ElidedCombo(
            tr("Compare with"), tr("Another model on the same clips, with paired tests of the difference")
        )
        self.controls.addWidget(self.other)
        self.sample_link("")
        self._export = QAction(tr("Figures as CSV and JSON…"), self)
        self._export.triggered.connect(self._save)

    def _choose_table(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, tr("Choose a CSV"), "", "CSV (*.csv *.tsv *.txt)")
        if name:
            self.data.choose(name)

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
        self._agreed = Hint("")
        self._agreed.hide()
        self.view.addWidget(self._agreed)
        self._compared = Hint("")
        self._compared.hide()
        self.view.addWidget(self._compared)
        self.figures = FiguresView()
        self.view.addWidget(self.figures, 1)


def _compare_with(
    evaluation: Evaluation, other: str, data: str, device: str, progress: Progress
) -> Comparison:
    """In the worker's thread: another model on the same clips."""
    from models.emotion.evaluation import compared_with

    return compared_with(evaluation, other, data, device, progress)


def _evaluate_with(recognizer: Any, data: str, progress: Any) -> Any:
    """In the worker's thread."""
    from models.emotion.evaluation import evaluate_with

    return evaluate_with(recognizer, data, progress)
