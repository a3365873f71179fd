"""Settings declared once: a pydantic model whose fields have a title, a description, a unit and a range.

A form in the window, YAML, the command line and its help, and the messages about what is wrong are all made from the
same fields. No torch here: the window imports this.
"""

from __future__ import annotations

from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from models.errors import UserError

Model = TypeVar("Model", bound=BaseModel)


class Settings(BaseModel):
    """A group of settings: unknown keys are errors, assignments are checked."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True)


class Options(Settings):
    """How a model is used, once: what the verb ``use`` of a system takes as flags. Not changed after it is made."""

    model_config = ConfigDict(extra="forbid", frozen=True)


NO_OPTIONS = Options()  # of a verb that takes none


def setting(
    default: Any,
    title: str,
    description: str,
    *,
    unit: str = "",
    group: str = "",
    advanced: bool = False,
    path: Literal["", "file", "folder"] = "",
    **limits: Any,
) -> Any:
    """A field with all a form needs. `limits` are pydantic's: ge, gt, le, lt, min_length …"""
    extra: dict[str, Any] = {"unit": unit, "group": group, "advanced": advanced, "path": path}
    return Field(default, title=title, description=description, json_schema_extra=extra, **limits)


def contradiction(words: str, *fields: str, **values: Any) -> PydanticCustomError:
    """What a validator raises where fields contradict each other: a sentence, and the dotted names it is said at,
    which begin at the settings that the validator belongs to."""
    return PydanticCustomError("contradiction", words, {"fields": list(fields), "template": words, **values})


_LIMITS = ("gt", "ge", "lt", "le", "min_length", "max_length")
_HINTS = ("unit", "group", "advanced", "path")


def redefault(kind: type[BaseModel], name: str, default: Any, **changes: Any) -> Any:
    """The field `name` of another class of settings with another default, and its words and limits kept.

    changes: what else differs, such as ``description``, ``ge`` or ``advanced``. For subclasses that only choose otherwise:
    ``learning_rate: float = redefault(TrainingConfig, "learning_rate", 1e-3)``.
    """
    field = kind.model_fields[name]
    limits = {key: getattr(item, key) for item in field.metadata for key in _LIMITS if hasattr(item, key)}
    assert isinstance(field.json_schema_extra, dict)
    hints = field.json_schema_extra | {key: changes.pop(key) for key in _HINTS if key in changes}
    kept = {"title": field.title, "description": field.description, "json_schema_extra": hints}
    return Field(default, **(kept | limits | changes))


def validated(kind: type[Model], values: dict[str, Any]) -> Model:
    """The config, or a UserError that names every field that is wrong, and why."""
    values = {key: value for key, value in values.items() if key != "system"}
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise UserError(
            "The settings cannot be used.",
            "{problems}.",
            "Correct them and start again.",
            problems="; ".join(problems(error)),
        ) from error


def problems(error: ValidationError) -> list[str]:
    """One sentence a wrong field, such as ``augment.noise: should be at most 1 (got 3)``."""
    result = []
    for item in error.errors():
        place = ".".join(map(str, item["loc"])) or "settings"
        text = item["msg"].removeprefix("Value error, ").removeprefix("Input ")
        if item["type"] == "extra_forbidden":
            text = "is not a setting"
        if item["type"] == "contradiction":
            above = [str(part) for part in item["loc"]]
            names = item.get("ctx", {}).get("fields", [])
            place = " / ".join(".".join([*above, name]) for name in names) or place
        got = (
            ""
            if item["type"] in ("missing", "value_error", "contradiction")
            else f" (got {_short(item.get('input'))})"
        )
        result.append(f"{place}: {text[:1].lower()}{text[1:]}{got}")
    return result


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "…"
