"""The editors of a config form: one a kind of field. Each takes and gives plain values."""

from __future__ import annotations

import re
import types
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import yaml
from pydantic.fields import FieldInfo
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QWidget,
)

from app.i18n import tr, translate
from models.errors import fill

Edited = Callable[[], None]
LONG_TEXT = 1000  # a text that may be so long gets several lines


class Editor:
    """What all editors can: `widget` to lay out, `focus` to type in, `get` and `set` plain values."""

    widget: QWidget
    focus: QWidget
    wide = False  # whether it takes the room there is

    def get(self) -> Any:
        """The value that the controls say, as the config takes it."""
        raise NotImplementedError

    def set(self, value: Any) -> None:
        """Show a value of the config in the controls."""
        raise NotImplementedError

    def mark_problem(self, wrong: bool) -> None:
        """Frame the editor, or no longer."""
        words = "true" if wrong else "false"
        if self.focus.property("problem") != words:
            self.focus.setProperty("problem", words)
            self.focus.style().unpolish(self.focus)
            self.focus.style().polish(self.focus)


class _Check(Editor):
    def __init__(self, edited: Edited) -> None:
        self.box = self.widget = self.focus = QCheckBox()
        self.box.toggled.connect(lambda _on: edited())

    def get(self) -> Any:
        return self.box.isChecked()

    def set(self, value: Any) -> None:
        self.box.setChecked(bool(value))


class _Choice(Editor):
    def __init__(self, choices: tuple[Any, ...], optional: bool, edited: Edited) -> None:
        self.box = self.widget = self.focus = QComboBox()
        self.box.setMinimumWidth(160)
        if optional and None not in choices:
            choices = (None, *choices)
        for choice in choices:
            self.box.addItem(tr("none") if choice is None else translate(str(choice)), choice)
        self.box.currentIndexChanged.connect(lambda _index: edited())

    def get(self) -> Any:
        return self.box.currentData()

    def set(self, value: Any) -> None:
        index = next((i for i in range(self.box.count()) if self.box.itemData(i) == value), -1)
        if index < 0 and value is not None:  # a value of another version: shown, and said to be wrong
            self.box.addItem(str(value), value)
            index = self.box.count() - 1
        self.box.setCurrentIndex(index)


class _Text(Editor):
    def __init__(self, optional: bool, edited: Edited) -> None:
        self.line = self.widget = self.focus = QLineEdit()
        self.optional = optional
        self.line.setMinimumWidth(260)
        self.line.textChanged.connect(lambda _text: edited())

    def get(self) -> Any:
        text = self.line.text().strip()
        return None if self.optional and not text else text

    def set(self, value: Any) -> None:
        self.line.setText("" if value is None else str(value))
        self.line.setCursorPosition(0)


class _Number(_Text):
    """Typed freely, so that the message can say what is wrong instead of the figure being changed silently."""

    def __init__(self, whole: bool, optional: bool, edited: Edited) -> None:
        super().__init__(optional, edited)
        self.whole = whole
        self.line.setFixedWidth(160)

    def get(self) -> Any:
        text = self.line.text().strip().replace("−", "-")
        if not text and self.optional:
            return None
        for kind in (int, float):
            try:
                value = kind(text)
            except ValueError:
                continue
            return value
        return text

    def set(self, value: Any) -> None:
        super().set(value_words(value))


class _List(_Text):
    """Values with commas between. Words stay words, even ``03``."""

    wide = True

    def __init__(self, words: bool, optional: bool, edited: Edited) -> None:
        super().__init__(optional, edited)
        self.words = words

    def get(self) -> Any:
        text = self.line.text().strip()
        if not text:
            return None if self.optional else []
        parts = [part.strip() for part in text.split(",") if part.strip()]
        return parts if self.words else [yaml.safe_load(part) for part in parts]

    def set(self, value: Any) -> None:
        super().set(", ".join(map(str, value)) if isinstance(value, list | tuple) else value)


class _Yaml(_Text):
    """Anything else, as one line of YAML."""

    wide = True

    def get(self) -> Any:
        try:
            return yaml.safe_load(self.line.text())
        except yaml.YAMLError:
            return self.line.text()

    def set(self, value: Any) -> None:
        text = (
            ""
            if value is None
            else yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=1_000_000)
        )
        super().set(text.removesuffix("...\n").strip())


class _LongText(Editor):
    wide = True

    def __init__(self, edited: Edited) -> None:
        self.text = self.widget = self.focus = QPlainTextEdit()
        self.text.setFixedHeight(62)
        self.text.setTabChangesFocus(True)
        self.text.textChanged.connect(edited)

    def get(self) -> Any:
        return self.text.toPlainText()

    def set(self, value: Any) -> None:
        self.text.setPlainText("" if value is None else str(value))


class _PathText(_Text):
    """A line with a button that asks for the file or folder."""

    wide = True

    def __init__(self, folder: bool, optional: bool, edited: Edited) -> None:
        super().__init__(optional, edited)
        self.folder = folder
        self.widget = QWidget()
        row = QHBoxLayout(self.widget)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        self.button = QPushButton("…")
        self.button.setProperty("kind", "small")
        words = tr("Choose a folder") if folder else tr("Choose a file")
        self.button.setToolTip(words)
        self.button.setAccessibleName(words)
        self.button.clicked.connect(self._ask)
        row.addWidget(self.line, 1)
        row.addWidget(self.button)

    def _ask(self) -> None:
        start = self.line.text() or str(Path.home())
        if self.folder:
            name = QFileDialog.getExistingDirectory(self.widget, tr("Choose a folder"), start)
        else:
            name, _ = QFileDialog.getOpenFileName(self.widget, tr("Choose a file"), start)
        if name:
            self.line.setText(name)


def make(info: FieldInfo, extra: dict[str, Any], edited: Edited) -> Editor:
    """The editor that suits a field."""
    plain, optional = plain_type(info.annotation)
    choices = choices_of(plain)
    if choices:
        return _Choice(choices, optional, edited)
    if plain is bool and not optional:
        return _Check(edited)
    if plain in (int, float):
        return _Number(plain is int, optional, edited)
    if extra.get("path") or plain is Path:
        return _PathText(extra.get("path") != "file", optional, edited)
    if plain is str:
        return (
            _LongText(edited) if (_limit(info, "max_length") or 0) >= LONG_TEXT else _Text(optional, edited)
        )
    inner = get_args(plain)
    if get_origin(plain) in (list, tuple, set) and inner and inner[0] in (str, int, float):
        return _List(inner[0] is str, optional, edited)
    return _Yaml(optional, edited)


def plain_type(annotation: Any) -> tuple[Any, bool]:
    """(the type without None, whether None is allowed)."""
    if get_origin(annotation) in (Union, types.UnionType):
        parts = [part for part in get_args(annotation) if part is not type(None)]
        optional = len(parts) < len(get_args(annotation))
        return (parts[0] if len(parts) == 1 else annotation), optional
    return annotation, False


def choices_of(plain: Any) -> tuple[Any, ...]:
    """The values of a Literal or an Enum; empty for other types."""
    if get_origin(plain) is Literal:
        return get_args(plain)
    if isinstance(plain, type) and issubclass(plain, Enum):
        return tuple(item.value for item in plain)
    return ()


def limits_words(info: FieldInfo) -> str:
    """``1 to 100``, ``above 0``: what the field's limits allow."""
    low, above = _limit(info, "ge"), _limit(info, "gt")
    high, below = _limit(info, "le"), _limit(info, "lt")
    if low is not None and high is not None:
        return tr("{low} to {high}", low=value_words(low), high=value_words(high))
    parts = []
    for template, value in (
        (tr("at least {value}"), low),
        (tr("above {value}"), above),
        (tr("at most {value}"), high),
        (tr("below {value}"), below),
    ):
        if value is not None:
            parts.append(template.format(value=value_words(value)))
    return ", ".join(parts)


def problem_words(problem: Any) -> str:
    """What is wrong with a field, from one of pydantic's ``errors()``; the usual kinds in the person's language."""
    limits = {name: value_words(value) for name, value in problem.get("ctx", {}).items() if name != "error"}
    words = {
        "greater_than_equal": tr("At least {ge}.", **limits),
        "greater_than": tr("More than {gt}.", **limits),
        "less_than_equal": tr("At most {le}.", **limits),
        "less_than": tr("Less than {lt}.", **limits),
        "int_parsing": tr("A whole number is needed."),
        "int_type": tr("A whole number is needed."),
        "int_from_float": tr("A whole number is needed."),
        "float_parsing": tr("A number is needed."),
        "float_type": tr("A number is needed."),
        "finite_number": tr("A finite number is needed."),
        "missing": tr("This is needed."),
        "string_type": tr("This is needed."),
        "string_too_short": tr("This is needed."),
        "literal_error": tr("Choose one of the list."),
        "string_too_long": tr("At most {max_length} characters.", **limits),
    }.get(problem["type"])
    if words:
        return words
    if problem["type"] == "contradiction":
        template = translate(problem.get("ctx", {}).get("template", ""))
        text = fill(template, problem["ctx"])
        return f"{text[:1].upper()}{text[1:]}."
    text = problem["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return translate(f"{text[:1].upper()}{text[1:]}")


def value_words(value: Any) -> str:
    """A value as one would type it."""
    if isinstance(value, bool):
        return tr("on") if value else tr("off")
    if isinstance(value, float):
        return re.sub(r"e([+-])0+", r"e\1", f"{value:.10g}").replace("e+", "e")
    return "" if value is None else str(value)


def _limit(info: FieldInfo, name: str) -> Any:
    return next((getattr(item, name) for item in info.metadata if hasattr(item, name)), None)
