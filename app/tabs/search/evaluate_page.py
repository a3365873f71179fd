"""Evaluate: how well models find, on pictures with captions and labels; lengths of codes and models side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.i18n import plural, tr, translate
from app.tabs.paged import Page, PagedTab
from app.tabs.search.engine import WORKER
from app.tabs.search.figures import (
    PICTURES_TO_WORDS,
    WORDS_TO_PICTURES,
    CurvePlot,
    FiguresTable,
    MapPlot,
    legend,
    the,
    write_figures,
)
from app.tabs.search.places import BUNDLED
from app.widgets.data_choice import SAMPLE, DataChoice
from app.widgets.figure_card import FigureCard
from app.widgets.labels import Caption, Hint
from app.widgets.plain import tip
from app.widgets.section import Segments
from models.checkpoint import read_info
from models.errors import UserError
from models.progress import Cancelled
from models.search.samples import bundled_hash_models

if TYPE_CHECKING:
    from models.search.judging import Judgement

ROW_PX = 24


class EvaluatePage(Page):
    """The ticked models on one data set: cards for the chosen one, plots and a table for all."""

    def __init__(self, tab: PagedTab) -> None:
        super().__init__(tab)
        self.judgements: list[Judgement] = []
        self._choices: list[str] = []  # of the judgements
        self._make_controls()
        self._make_view()
        self.list_models()
        self._show()

    # What the tab asks ------------------------------------------------------------------------------------

    def words(self) -> str:
        return tr("Evaluate")

    def ready(self) -> bool:
        return bool(self.data.path)

    def act(self) -> None:
        self.tab.start(self._evaluate())

    def try_sample(self) -> None:
        """The emoji that no training has seen, with codes of all lengths."""
        self.data.choose(SAMPLE)
        for row in range(self.models.count()):
            item = self.models.item(row)
            if item.data(Qt.ItemDataRole.UserRole) in self._bundled:
                item.setCheckState(Qt.CheckState.Checked)
        self.act()

    def accept_paths(self, paths: list[Path]) -> None:
        if paths:
            self.data.choose(str(paths[0]))

    def model_changed(self) -> None:
        self.list_models()

    def export_actions(self) -> list[QAction]:
        self._export.setEnabled(bool(self.judgements))
        return [self._export]

    def state(self) -> dict[str, Any]:
        return {"data": self.data.path, "ticked": self.ticked()}

    def restore(self, state: dict[str, Any]) -> None:
        self.list_models()
        ticked = state.get("ticked")
        if isinstance(ticked, list):
            for row in range(self.models.count()):
                item = self.models.item(row)
                on = item.data(Qt.ItemDataRole.UserRole) in ticked
                item.setCheckState(Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)
        self.data.restore(state.get("data"))

    # Work -------------------------------------------------------------------------------------------------

    def ticked(self) -> list[str]:
        """The models that are compared."""
        items = [self.models.item(row) for row in range(self.models.count())]
        return [
            str(item.data(Qt.ItemDataRole.UserRole))
            for item in items
            if item.checkState() == Qt.CheckState.Checked
        ]

    async def _evaluate(self) -> None:
        self.tab.clear_messages()
        choices = self.ticked() or [self.tab.models.choice]
        for card in self.cards:
            card.setEnabled(False)
        try:
            with self.services.task(tr("Evaluating")) as task, self.tab.busy(task):
                worker = self.services.worker(WORKER)
                result = await worker.run(
                    _judge, choices, self.data.path, self.services.device, progress=task
                )
        except Cancelled:
            self.tab.show_message("hint", tr("Stopped."), key="stopped")
            self._show()
            return
        except UserError as error:
            self._show()
            self.tab.show_error(error)
            return
        self.judgements, self._choices = result, choices
        self._show()
        self._say_what_is_missing()
        self.tab.show_remarks(result[0].overlap.remarks, key="known")

    def _say_what_is_missing(self) -> None:
        first = self.judgements[0]
        if all(item.metrics is None for item in first.judged):
            words = tr(
                "MAP needs labels: a column “labels” in the list of captions. Recall of the own picture is shown."
            )
            self.tab.show_message("hint", words, heading=tr("This data has no labels."), key="labels")
        if first.skipped:
            words = plural(
                "{n} picture or caption was left out.",
                "{n} pictures or captions were left out.",
                first.skipped,
            )
            self.tab.show_message("warning", words, key="skipped")

    # Showing ----------------------------------------------------------------------------------------------

    def list_models(self) -> None:
        """The chosen model, those of other lengths, and those that were used before."""
        before = dict.fromkeys(self.ticked())
        self.models.clear()
        self._bundled = [
            BUNDLED if bits == 64 else str(folder)
            for bits, folder in bundled_hash_models().items()
            if folder.is_dir()
        ]
        chosen = self.tab.models.choice
        for choice in dict.fromkeys([*self._bundled, *self.tab.models.kept, chosen]):
            item = QListWidgetItem(_title(choice))
            item.setData(Qt.ItemDataRole.UserRole, choice)
            item.setToolTip(tip(choice))
            item.setSizeHint(QSize(0, ROW_PX))
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            on = choice in before or choice == chosen
            item.setCheckState(Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)
            self.models.addItem(item)
        rows = min(7, self.models.count())
        self.models.setFixedHeight(rows * ROW_PX + 6)

    def _show(self) -> None:
        way = self.way.current
        for card in self.cards:
            card.setEnabled(True)
            card.set("–")
        self.map_plot.show_figures(self.judgements, way)
        self.curves.show_figures(self.judgements, way)
        self.table.show_figures(self.judgements, way)
        self.legend.setText(legend(self.judgements))
        if not self.judgements:
            self.about.setText(
                tr("Figures appear here. Choose data and models at the left, or try the sample.")
            )
            return
        number = self._choices.index(self.tab.models.choice) if self.tab.models.choice in self._choices else 0
        judgement = self.judgements[number]
        self.about.setText(
            tr(
                "{model} on {data}: {queries} questions, {items} answers to choose from · bars: the best and the worst that breaking ties could give · “with other half” is how figures are published, and no search can ask so",
                model=translate(judgement.model),
                data=judgement.data,
                queries=f"{judgement.queries:,}",
                items=f"{judgement.items:,}",
            )
        )
        single, real = the(judgement, way, "single"), the(judgement, way, "real")
        if single is not None and single.metrics is not None:
            result = single.metrics
            ties = tr("{low} to {high} by ties", low=f"{result.worst_map:.3f}", high=f"{result.best_map:.3f}")
            self.cards[0].set(f"{result.mean_average_precision:.3f}", ties)
            self.cards[2].set(f"{result.chance:.3f}", tr("share of fitting answers"))
        if real is not None and real.metrics is not None:
            self.cards[1].set(f"{real.metrics.mean_average_precision:.3f}", tr("what embeddings reach"))
        if single is not None and single.own is not None:
            own = single.own
            span = f"{own.worst:.3f} – {own.best:.3f}"
            self.cards[3].set(
                f"{own.recall_at_10:.3f}",
                tr("chance {chance} · {span}", span=span, chance=f"{own.chance:.3f}"),
            )

    # Making -----------------------------------------------------------------------------------------------

    def _make_controls(self) -> None:
        self.data = DataChoice(
            tr("Drop pictures with captions"),
            tr("A folder, or features: .pkl .npz .safetensors"),
            tr("The emoji that ship, those held out"),
        )
        self.data.chosen.connect(self.tab.refresh_action)
        self.tab.takes_from(self.data.zone, folders=True)
        self.controls.addWidget(self.data)
        row = QHBoxLayout()
        file = QPushButton(tr("Choose features…"))
        file.setProperty("kind", "link")
        file.setToolTip(tr("Embeddings that were extracted before"))
        file.clicked.connect(self._choose_file)
        sample = Hint(f'<a href="sample">{tr("Try the sample")}</a>')
        sample.linkActivated.connect(lambda _link: self.try_sample())
        row.addWidget(sample)
        row.addStretch(1)
        row.addWidget(file)
        self.controls.addLayout(row)
        self.controls.addWidget(Caption(tr("Compare")))
        self.models = QListWidget()
        self.models.setAccessibleName(tr("Models that are compared"))
        self.models.setToolTip(tr("Tick the models to be compared"))
        self.controls.addWidget(self.models)
        self._export = QAction(tr("Figures as CSV and JSON…"), self)
        self._export.triggered.connect(self._save)

    def _choose_file(self) -> None:
        kinds = tr("Features") + " (*.pkl *.npz *.safetensors)"
        name, _ = QFileDialog.getOpenFileName(
            self, tr("Choose features"), "", f"{kinds};;{tr('All files (*)')}"
        )
        if name:
            self.data.choose(name)

    def _make_view(self) -> None:
        top = QHBoxLayout()
        self.way = Segments(
            {WORDS_TO_PICTURES: tr("Words → pictures"), PICTURES_TO_WORDS: tr("Pictures → words")},
            tr("Direction"),
        )
        self.way.chosen.connect(lambda _way: self._show())
        top.addWidget(self.way)
        top.addStretch(1)
        self.view.addLayout(top)
        cards = QHBoxLayout()
        cards.setSpacing(theme.SMALL)
        names = (tr("MAP@50, asked alone"), tr("Ceiling"), tr("Chance"), tr("Own item in top ten"))
        self.cards = [FigureCard(name) for name in names]
        for card in self.cards:
            cards.addWidget(card, 1)
        self.view.addLayout(cards)
        plots = QHBoxLayout()
        plots.setSpacing(theme.MEDIUM)
        self.map_plot, self.curves, self.legend = MapPlot(), CurvePlot(), Hint()
        self.legend.setWordWrap(False)
        for plot in (self.map_plot, self.curves):
            box = QWidget()
            column = QVBoxLayout(box)
            column.setContentsMargins(0, theme.SMALL, 0, 0)
            column.setSpacing(theme.TINY)
            row = QHBoxLayout()
            row.addWidget(Hint(plot.name))
            row.addStretch(1)
            if plot is self.curves:
                row.addWidget(self.legend)
            column.addLayout(row)
            column.addWidget(plot, 1)
            plots.addWidget(box, 1)
        self.view.addLayout(plots, 3)
        self.about = Hint()
        self.view.addWidget(self.about)
        self.table = FiguresTable()
        self.view.addWidget(self.table, 2)

    def _save(self) -> None:
        name = QFileDialog.getExistingDirectory(self, tr("Folder for the figures"))
        if name:
            self.save_figures(Path(name))

    def save_figures(self, folder: Path) -> None:
        """``figures.json``, ``figures.csv`` and ``curves.csv``."""
        try:
            write_figures(folder, self.judgements)
        except UserError as error:
            self.tab.show_error(error)


def _title(choice: str) -> str:
    folder = bundled_hash_models()[64] if choice == BUNDLED else Path(choice)
    try:
        info = read_info(folder, "search")
    except UserError:
        return folder.name
    if folder.name in ("best", "last"):
        return f"{folder.parent.name} · {folder.name}"
    return translate(info.title) or folder.name


def _judge(choices: list[str], data: str, device: str, progress: Any) -> list[Judgement]:
    """In the worker's thread."""
    from models.search.judging import judge

    return judge(choices, data, device, progress)
