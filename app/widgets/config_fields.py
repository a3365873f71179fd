"""The fields of a pydantic model in the words of its form: their titles and groups, in the person's language. No Qt widget."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from app.i18n import tr, translate

Place = tuple[str, ...]


@dataclass(frozen=True)
class Field:
    """A field that is no model itself. place: the names from the outermost model to it. group: what it stands under."""

    place: Place
    info: FieldInfo
    title: str
    group: str

    @property
    def extra(self) -> dict[str, Any]:
        """What the field says of itself for forms: its unit, whether it is advanced."""
        more = self.info.json_schema_extra
        return dict(more) if isinstance(more, dict) else {}


def fields_of(kind: type[BaseModel], above: Place = (), group: str = "") -> Iterator[Field]:
    """All of them, those of nested models under the title of their model, in the order of the form."""
    for name, info in kind.model_fields.items():
        inner = model_of(info.annotation)
        if inner is not None:
            yield from fields_of(inner, (*above, name), _title(name, info))
        else:
            field = Field((*above, name), info, _title(name, info), group)
            own = str(field.extra.get("group") or "")
            yield field if group else Field(field.place, info, field.title, translate(own) or tr("General"))


def titles_of(kind: type[BaseModel]) -> dict[str, str]:
    """Dotted name → title; with that name behind it where several fields have the same title."""
    titles = {".".join(field.place): field.title for field in fields_of(kind)}
    count = Counter(titles.values())
    return {name: title if count[title] == 1 else f"{title} ({name})" for name, title in titles.items()}


def model_of(annotation: Any) -> type[BaseModel] | None:
    """The model that a field holds; None where it holds something else."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return None


def _title(name: str, info: FieldInfo) -> str:
    return translate(info.title or name.replace("_", " ").capitalize())
