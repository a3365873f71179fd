"""A form made from a pydantic model: titles, units, ranges and messages all come from its fields."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from app import theme
from app.i18n import tr, translate
from app.widgets import config_editors as editors
from app.widgets.config_fields import Field, Place, fields_of, model_of
from app.widgets.labels import Caption

LABEL_WIDTH = 180


@dataclass
class Row:
    """One field in the form."""

    place: Place
    info: FieldInfo
    advanced: bool
    label: QLabel
    editor: editors.Editor
    unit: QLabel
    reset: QToolButton
    problem: QLabel

    holder: QWidget | None = None

    def show(self, shown: bool) -> None:
        """Show or hide label, control and problem alike."""
        self.label.setVisible(shown)
        if self.holder is not None:
            self.holder.setVisible(shown)
        self.problem.setVisible(shown and bool(self.problem.text()))


@dataclass
class _Group:
    box: QWidget
    grid: QGridLayout
    rows: list[Row]


class ConfigForm(QWidget):
    """Editors for every field, nested models as groups. Checked as one types; the message stands at its field.

    `changed` fires after every edit. `base` values are what "changed" is measured against.
    """

    changed = Signal()

    def __init__(self, kind: type[BaseModel], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.kind = kind
        self.rows: dict[Place, Row] = {}
        self.model: BaseModel | None = None
        self.other_problems: list[str] = []  # those that belong to no field
        self._groups: dict[str, _Group] = {}
        self._base: dict[str, Any] = {}
        self._advanced = False
        self._filling = False
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, theme.SMALL, 0)
        self._column.setSpacing(theme.MEDIUM)
        for field in fields_of(kind):
            self._add_row(field)
        self._column.addStretch(1)
        self.set_values({})
        self.show_advanced(False)

    # Values -----------------------------------------------------------------------------------------------

    def set_values(self, values: dict[str, Any], base: dict[str, Any] | None = None) -> None:
        """Fill the form from plain nested `values`; missing ones are the model's defaults."""
        self._filling = True
        try:
            self._base = self._complete(values if base is None else base)
            whole = self._complete(values)
            for row in self.rows.values():
                row.editor.set(_at(whole, row.place))
        finally:
            self._filling = False
        self._check()

    def values(self) -> dict[str, Any]:
        """What the form says, plain and nested, not checked."""
        result: dict[str, Any] = {}
        for place, row in self.rows.items():
            inner = result
            for name in place[:-1]:
                inner = inner.setdefault(name, {})
            inner[place[-1]] = row.editor.get()
        return result

    @property
    def valid(self) -> bool:
        return self.model is not None

    def changes(self) -> list[Row]:
        """The fields whose value differs from the base's."""
        if self.model is not None:
            now = self.model.model_dump(mode="json")
            return [row for row in self.rows.values() if _at(now, row.place) != _at(self._base, row.place)]
        return [row for row in self.rows.values() if row.editor.get() != _at(self._base, row.place)]

    def show_advanced(self, shown: bool) -> None:
        """Show or hide what few people need; a field with a problem is always shown."""
        self._advanced = shown
        for group in self._groups.values():
            visible = [row for row in group.rows if self._row_shown(row)]
            for row in group.rows:
                row.show(row in visible)
            group.box.setVisible(bool(visible))

    def _add_row(self, field: Field) -> None:
        place, info, title, extra = field.place, field.info, field.title, field.extra
        group = self._group(field.group)
        description = translate(info.description or "")
        unit_words = translate(str(extra.get("unit") or ""))
        editor = editors.make(info, extra, self._edited)
        limits = editors.limits_words(info)
        tip = "\n".join(part for part in (description, limits, ".".join(place)) if part)
        editor.focus.setAccessibleName(f"{title} ({unit_words})" if unit_words else title)
        editor.focus.setAccessibleDescription(f"{description} {limits}".strip())
        editor.focus.setToolTip(tip)
        label = QLabel(title)
        label.setToolTip(tip)
        label.setBuddy(editor.focus)
        label.setFixedWidth(LABEL_WIDTH)
        label.setWordWrap(True)
        unit = QLabel(unit_words)
        unit.setProperty("role", "hint")
        reset = QToolButton()
        reset.setText("↺")
        reset.setFixedSize(24, 24)
        reset.clicked.connect(lambda _checked=False, which=place: self._reset(which))
        problem = QLabel()
        problem.setProperty("role", "problem")
        problem.setWordWrap(True)
        problem.hide()
        row = Row(place, info, bool(extra.get("advanced")), label, editor, unit, reset, problem)
        line = 2 * len(group.rows)
        middle = Qt.AlignmentFlag.AlignVCenter
        holder = QWidget()
        inside = QHBoxLayout(holder)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(theme.SMALL)
        inside.addWidget(editor.widget, 1 if editor.wide else 0)
        inside.addWidget(unit)
        inside.addWidget(reset)
        if not editor.wide:
            inside.addStretch(1)
        row.holder = holder
        group.grid.addWidget(label, line, 0, middle)
        group.grid.addWidget(holder, line, 1)
        group.grid.addWidget(problem, line + 1, 1)
        group.rows.append(row)
        self.rows[place] = row

    def _group(self, name: str) -> _Group:
        if name not in self._groups:
            box = QWidget()
            column = QVBoxLayout(box)
            column.setContentsMargins(0, 0, 0, 0)
            column.setSpacing(theme.SMALL)
            column.addWidget(Caption(name))
            grid = QGridLayout()
            grid.setHorizontalSpacing(theme.SMALL)
            grid.setVerticalSpacing(3)
            grid.setColumnStretch(1, 1)
            column.addLayout(grid)
            self._column.addWidget(box)
            self._groups[name] = _Group(box, grid, [])
        return self._groups[name]

    # Checking ---------------------------------------------------------------------------------------------

    def _edited(self) -> None:
        if not self._filling:
            self._check()

    def _check(self) -> None:
        problems: dict[Place, str] = {}
        self.other_problems = []
        try:
            self.model = self.kind.model_validate(self.values())
        except ValidationError as error:
            self.model = None
            for item in error.errors():
                text = editors.problem_words(item)
                for place in self._places(item):
                    if place is None:
                        self.other_problems.append(text)
                    else:
                        problems.setdefault(place, text)
        changed = {row.place for row in self.changes()}
        for place, row in self.rows.items():
            text = problems.get(place, "")
            row.problem.setText(text)
            row.problem.setVisible(bool(text))
            row.editor.mark_problem(bool(text))
            differs = place in changed
            row.reset.setEnabled(differs)
            row.reset.setText("↺" if differs else "")
            before = editors.value_words(_at(self._base, place))
            row.reset.setToolTip(
                tr("Changed from {value}; click to go back", value=before) if differs else ""
            )
            row.reset.setAccessibleName(tr("Reset {title}", title=row.label.text()))
        if any(self.rows[place].advanced for place in problems):
            self.show_advanced(self._advanced)
        self.changed.emit()

    def _places(self, problem: Any) -> list[Place | None]:
        """Where a problem is said: at its field, or at each of the fields that contradict one another."""
        named = problem.get("ctx", {}).get("fields", []) if problem["type"] == "contradiction" else []
        if named:
            return [self._nearest((*problem["loc"], *name.split("."))) for name in named]
        return [self._nearest(tuple(str(part) for part in problem["loc"]))]

    def _nearest(self, place: Place) -> Place | None:
        while place and place not in self.rows:
            place = place[:-1]
        return place or None

    def _row_shown(self, row: Row) -> bool:
        return self._advanced or not row.advanced or bool(row.problem.text())

    def _reset(self, place: Place) -> None:
        self.rows[place].editor.set(_at(self._base, place))
        self._check()

    def _complete(self, values: dict[str, Any]) -> dict[str, Any]:
        """`values` over the model's defaults, as plain JSON-like values."""
        try:
            return self.kind.model_validate(values).model_dump(mode="json")
        except ValidationError:
            return _over(_defaults(self.kind), values)


def _defaults(kind: type[BaseModel]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name, info in kind.model_fields.items():
        inner = model_of(info.annotation)
        if inner is not None:
            result[name] = _defaults(inner)
        else:
            value = None if info.is_required() else info.get_default(call_default_factory=True)
            result[name] = value.value if isinstance(value, Enum) else value
    return result


def _over(base: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    result = dict(base)
    for name, value in values.items():
        inner = result.get(name)
        result[name] = _over(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return result


def _at(values: Any, place: Place) -> Any:
    for name in place:
        if not isinstance(values, dict):
            return None
        values = values.get(name)
    return values
