"""Which model: the bundled one, a checkpoint folder, or a model of the Hugging Face hub; with its card."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QInputDialog,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.i18n import tr, translate
from app.widgets.combo import SHORT, ElidedCombo
from app.widgets.labels import Hint
from app.widgets.plain import markup
from models import loading
from models.checkpoint import WEIGHTS, CheckpointInfo, read_info
from models.errors import UserError
from models.hub import catalogue
from models.hub.shelf import kept_names
from models.loading import BUNDLED, checkpoint_folder, is_hub_name

MOST_KEPT = 8
OTHERS_MODELS = ("emotion", "separation", "search")  # systems that can use models of others


class ModelChoice(QWidget):
    """A list of models and, under it, what the chosen one is. `changed` tells the choice: ``bundled``, a folder or a
    hub name."""

    changed = Signal(str)
    train_asked = Signal()
    card_asked = Signal()
    refused = Signal(object)  # UserError
    manager_asked = Signal(str)  # the system

    def __init__(
        self,
        system: str,
        hub_example: str = "",
        offers: dict[str, str] | None = None,
        parent: QWidget | None = None,
        also: Sequence[Path] = (),
        file_kinds: str = "",
    ) -> None:
        """hub_example: a name on the hub, where models of it can be used.
        offers: names of the hub that stand in the list with a few words each.
        also: checkpoints that ship besides the one called ``bundled``.
        file_kinds: a file dialog's filter, where single files of other programs can be used."""
        super().__init__(parent)
        self._offers = offers or {}
        self.system = system
        self._also = [str(item) for item in also]
        self._hub_example, self._file_kinds = hub_example, file_kinds
        self._kept: list[str] = []
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(theme.SMALL)
        row = QHBoxLayout()
        row.setSpacing(theme.TINY)
        self.box = ElidedCombo(tr("Model"), tr("The model that is used"))
        self.box.activated.connect(self._activated)
        self.card_button = QToolButton()
        self.card_button.setText("ⓘ")
        self.card_button.setToolTip(tr("Show the model's card"))
        self.card_button.setAccessibleName(tr("Show the model's card"))
        self.card_button.clicked.connect(self.card_asked)
        row.addWidget(self.box, 1)
        row.addWidget(self.card_button)
        layout.addLayout(row)
        self.about = Hint()
        self.about.linkActivated.connect(lambda _link: self.train_asked.emit())
        layout.addWidget(self.about)
        self._fill(BUNDLED)

    @property
    def choice(self) -> str:
        return str(self.box.currentData() or BUNDLED)

    @property
    def folder(self) -> str:
        """The folder of the chosen checkpoint, or the choice itself where it is a name on the hub."""
        return str(checkpoint_folder(BUNDLED, self.system)) if self.choice == BUNDLED else self.choice

    @property
    def kept(self) -> list[str]:
        """The choices besides the bundled model, newest first, for the next start."""
        return list(self._kept)

    def info(self) -> CheckpointInfo | None:
        """The chosen checkpoint's description; None for what is not a checkpoint of ours."""
        try:
            return loading.read_info(self.choice, self.system)
        except UserError:
            return None

    def card(self) -> CheckpointInfo:
        """What there is to be said about the chosen model: its description, or where it lies if it has none."""
        info = self.info()
        if info is not None:
            return info
        title = self.title(self.choice)
        lines = [tr("It brings no card of its own."), tr("Chosen: {name}", name=self.choice)]
        card = "\n\n".join([f"# {plain_markdown(title)}", *map(plain_markdown, lines)])
        return CheckpointInfo(system=self.system, title=title, card=card)

    def choose(self, choice: str) -> None:
        """Put a model into the list and choose it."""
        if choice != BUNDLED and choice not in self._also:
            self._kept = [choice, *(other for other in self._kept if other != choice)][:MOST_KEPT]
        self._fill(choice)
        self.changed.emit(choice)

    def restore(self, choice: str, kept: list[str]) -> None:
        """Of an earlier start; folders that are gone are left out."""
        self._kept = [item for item in kept if Path(item).exists() or is_hub_name(item)][:MOST_KEPT]
        self._fill(choice if choice in (*self._kept, *self._also) else BUNDLED)

    def _fill(self, current: str) -> None:
        self.box.clear()
        for choice in (BUNDLED, *self._also):
            title = self.title(choice)
            self.box.addItem(tr("{title} (bundled)", title=title), choice)
            self.box.setItemData(self.box.count() - 1, title, SHORT)
        for choice in self._kept:
            self.box.addItem(self.title(choice), choice)
        here = [name for name in kept_names(self.system) if name not in (*self._kept, *self._offers)]
        for choice in here:
            self.box.addItem(self.title(choice), choice)
        others = [name for name in self._offers if name not in self._kept]
        if others:
            self.box.insertSeparator(self.box.count())
        for name in others:
            self.box.addItem(self._offers[name], name)
            self.box.setItemData(self.box.count() - 1, name, Qt.ItemDataRole.ToolTipRole)
        self.box.insertSeparator(self.box.count())
        self.box.addItem(tr("Choose a checkpoint folder…"), "?folder")
        if self._file_kinds:
            self.box.addItem(tr("Choose a model file…"), "?file")
        if self._hub_example:
            self.box.addItem(tr("Name of a Hugging Face model…"), "?hub")
        if self.system in OTHERS_MODELS:
            self.box.addItem(tr("More models…"), "?manager")
        self.box.setCurrentIndex(max(0, self.box.findData(current)))
        self._last = self.box.currentIndex()
        self._describe()

    def title(self, choice: str) -> str:
        """What a choice is called in the list."""
        if choice in self._offers:
            return self._offers[choice]
        listed = catalogue.entry(choice)
        if listed is not None:
            return translate(listed.title)
        folder = Path(choice)
        try:
            folder = checkpoint_folder(choice, self.system)
            info = read_info(folder, self.system)
        except UserError:
            if choice == BUNDLED:
                return tr("model")
            return folder.name if folder.is_file() else choice
        if choice != BUNDLED and folder.name in ("best", "last"):
            return f"{folder.parent.name} · {folder.name}"
        return translate(info.title) or folder.name

    def _describe(self) -> None:
        info = self.info()
        train = f'<a href="train">{tr("Train…")}</a>'
        text = info.model_extra.get("summary", "") if info is not None and info.model_extra else ""
        self.about.setText(f"{markup(translate(str(text)))} {train}" if text else train)

    def _activated(self, index: int) -> None:
        data = str(self.box.itemData(index) or "")
        if data == "?folder":
            self.box.setCurrentIndex(self._last)
            name = QFileDialog.getExistingDirectory(self, tr("Choose a checkpoint folder"))
            if name:
                self._try(name)
        elif data == "?file":
            self.box.setCurrentIndex(self._last)
            name, _ = QFileDialog.getOpenFileName(self, tr("Choose a model file"), "", self._file_kinds)
            if name:
                self._try(name)
        elif data == "?hub":
            self.box.setCurrentIndex(self._last)
            title, label = (
                tr("Hugging Face model"),
                tr("Name on the hub, such as {example}", example=self._hub_example),
            )
            name, accepted = QInputDialog.getText(self, title, label)
            if accepted and name.strip():
                self._try(name.strip())
        elif data == "?manager":
            self.box.setCurrentIndex(self._last)
            self.manager_asked.emit(self.system)
        elif data in self._offers and data not in self._kept:
            self.choose(data)
        elif data:
            self._last = index
            self._describe()
            self.changed.emit(data)

    def _try(self, name: str) -> None:
        """Take what can be a model of this system; else say at once what it is not, and keep what was chosen."""
        try:
            if not self._may_be_used(name):
                self._check_checkpoint(name)
        except UserError as error:
            self.refused.emit(error)
            return
        self.choose(name)

    def _may_be_used(self, name: str) -> bool:
        """Whether it is written or laid out like a model of another program that the system reads: more is known only
        when it is loaded."""
        if self._hub_example and loading.hub_model(name) is not None:
            return True
        return bool(self._file_kinds) and loading.is_foreign_file(name)

    def _check_checkpoint(self, name: str) -> None:
        """Raises UserError where a folder holds no whole checkpoint of this system."""
        folder = loading.checkpoint_folder(name, self.system)
        read_info(folder, self.system)
        if not (folder / WEIGHTS).is_file():
            raise UserError(
                "{name} holds no weights.",
                "Its file {file} is missing.",
                "Copy the whole folder, or choose another checkpoint.",
                name=folder.name,
                file=WEIGHTS,
            )


def plain_markdown(text: str) -> str:
    """A name as it is, none of its signs taken for Markdown."""
    return re.sub(r"([\\`*_{}\[\]<>()#+\-.!|&])", r"\\\1", text)
