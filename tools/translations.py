"""Keep the catalogues in step with the source: ``python tools/translations.py`` extracts and compiles.

``--check`` changes nothing and fails where a sentence is missing, untranslated, obsolete or has other ``{names}``.
Sentences are read from the syntax tree: ``tr("…")``, ``plural("…", "…", n)``, the literals of ``UserError(…)`` and
``progress.update(done, total, "…")``, remarks (``Remark("…")``, ``found.skip(path, "…")``), titles, descriptions, units' groups and choices of settings, pictures of a run,
``open_title`` and ``open_filter`` of tabs; titles and summaries of the checkpoints that ship, what ``resources/models.yaml`` says of models. Needs Babel.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from babel.messages import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("app", "models")
LANGUAGES = ("zh_CN",)
# function → how many leading arguments are sentences
NAMED = {
    "tr": 1,
    "translate": 1,
    "UserError": 3,
    "Unagreed": 3,
    "Remark": 1,
    "_refused": 1,
    "Refusal": 2,
    "Finding": 1,
    "Remedy": 1,
    "contradiction": 1,
    "Matrix": 1,
    "Lines": 3,
    "Points": 3,
    "Bars": 2,
    "Gallery": 1,  # pictures of a run
}
CLASS_LITERALS = {"open_title", "open_filter", "title", "metric_title"}


@dataclass
class Sentence:
    """A sentence of the program: where it stands, and its plural where it has one."""

    places: set[tuple[str, int]] = field(default_factory=set)
    plural: str = ""


def extract() -> dict[str, Sentence]:
    """Every sentence of the source and where it stands."""
    result: dict[str, Sentence] = {}
    for folder in SOURCES:
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            for line, text, many in sentences(ast.parse(path.read_text("utf-8"))):
                if re.search(r"[^\W\d_]", text):  # signs alone need no translation
                    sentence = result.setdefault(text, Sentence())
                    sentence.places.add((name, line))
                    sentence.plural = sentence.plural or many
    for entry in yaml.safe_load((ROOT / "resources/models.yaml").read_text("utf-8"))["models"]:
        for text in filter(None, (entry["title"], entry["terms"], entry["tried"])):
            result.setdefault(text, Sentence()).places.add(("resources/models.yaml", 1))
    for path in sorted((ROOT / "resources/checkpoints").glob("*/checkpoint.json")):
        titles = json.loads(path.read_text("utf-8"))
        for text in filter(None, (titles["title"], titles.get("summary"))):
            result.setdefault(text, Sentence()).places.add((path.relative_to(ROOT).as_posix(), 1))
    return result


def sentences(tree: ast.AST) -> Iterator[tuple[int, str, str]]:
    """(line, sentence, its plural or nothing) of one module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            for text, many in _of_call(node):
                yield node.lineno, text, many
        elif isinstance(node, ast.ClassDef):
            for item in node.body:
                targets = item.targets if isinstance(item, ast.Assign) else []
                if any(isinstance(target, ast.Name) and target.id in CLASS_LITERALS for target in targets):
                    for text in _literals(item.value):  # type: ignore[attr-defined]
                        yield item.lineno, text, ""
        elif isinstance(node, ast.AnnAssign) and _function_name(node.value) in ("setting", "Field"):
            for text in _choices(node.annotation):
                yield node.lineno, text, ""


def _of_call(call: ast.Call) -> Iterator[tuple[str, str]]:
    name = _function_name(call)
    if name in NAMED:
        for argument in call.args[: NAMED[name]]:
            for text in _literals(argument):
                yield text, ""
    elif name == "plural" and len(call.args) >= 2:
        yield from zip(_literals(call.args[0]), _literals(call.args[1]), strict=False)
    elif name == "update" and len(call.args) >= 3:
        for text in _literals(call.args[2]):
            yield text, ""
    elif name == "skip" and len(call.args) >= 2:
        for text in _literals(call.args[1]):
            yield text, ""
    elif name == "setting":
        for argument in call.args[1:3]:
            for text in _literals(argument):
                yield text, ""
    if name in ("Lines", "Bars"):  # their legends
        for argument in call.args:
            for key in argument.keys if isinstance(argument, ast.Dict) else []:
                for text in _literals(key) if key is not None else []:
                    yield text, ""
    if name == "Message":
        for keyword in call.keywords:
            if keyword.arg == "text":
                for text in _literals(keyword.value):
                    yield text, ""
    worded = {
        "setting": ("title", "description", "group"),
        "redefault": ("title", "description"),
        "Field": ("title",),
    }
    if name in worded:
        for keyword in call.keywords:
            wanted = worded[name]
            unit = keyword.arg == "unit" and any(len(text) > 3 for text in _literals(keyword.value))
            if keyword.arg in wanted or unit:  # "epochs" is a word, "ms" a symbol
                for text in _literals(keyword.value):
                    yield text, ""


def _function_name(node: ast.expr | None) -> str:
    if not isinstance(node, ast.Call):
        return ""
    if isinstance(node.func, ast.Name):
        return node.func.id
    return node.func.attr if isinstance(node.func, ast.Attribute) else ""


def _literals(node: ast.expr) -> Iterator[str]:
    """The strings an expression can be: a literal, or the branches of ``a if b else c``."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value:
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _literals(node.body)
        yield from _literals(node.orelse)


def _choices(annotation: ast.expr) -> Iterator[str]:
    """The strings of ``Literal["a", "b"]`` that read as words, for the combos of forms."""
    for node in ast.walk(annotation):
        if (
            isinstance(node, ast.Subscript)
            and isinstance(node.value, ast.Name)
            and node.value.id == "Literal"
        ):
            for item in ast.walk(node.slice):
                if isinstance(item, ast.Constant) and isinstance(item.value, str) and item.value:
                    yield item.value


def catalogue_file(language: str) -> Path:
    """Where the translations into a language are kept."""
    return ROOT / "resources" / "translations" / language / "LC_MESSAGES" / "polyphony.po"


def read(language: str) -> Catalog:
    """The catalogue of a language; an empty one where there is none yet."""
    path = catalogue_file(language)
    if not path.exists():
        return Catalog(locale=language, project="Polyphony", charset="utf-8")
    with open(path, "rb") as file:
        return read_po(file, locale=language)


def updated(language: str, sentences: dict[str, Sentence]) -> Catalog:
    """A catalogue of exactly the sentences of the source, with the translations there are."""
    old = read(language)
    new = Catalog(locale=language, project="Polyphony", charset="utf-8", fuzzy=False)
    for text in sorted(sentences):
        sentence = sentences[text]
        key: str | tuple[str, str] = (text, sentence.plural) if sentence.plural else text
        kept = old.get(text)
        words = kept.string if kept is not None and not kept.fuzzy else ""
        if sentence.plural and isinstance(words, str):
            words = (words,) * new.num_plurals
        elif not sentence.plural and isinstance(words, tuple | list):
            words = words[0]
        files = sorted({name for name, _ in sentence.places})
        new.add(key, words, locations=[(name, 0) for name in files])
    return new


def problems(language: str, sentences: dict[str, Sentence]) -> list[str]:
    """What is wrong with a catalogue, a line each."""
    result = []
    old = read(language)
    known = {
        message.id[0] if isinstance(message.id, tuple | list) else message.id for message in old if message.id
    }
    result += [f"missing: {text}" for text in sorted(set(sentences) - known)]
    result += [f"obsolete: {text}" for text in sorted(known - set(sentences))]
    for message in old:
        if not message.id:
            continue
        text = message.id[0] if isinstance(message.id, tuple | list) else message.id
        words = message.string if isinstance(message.string, tuple | list) else (message.string,)
        if not all(words) or message.fuzzy:
            result.append(f"untranslated: {text}")
        elif any(_names(word or "") != _names(text) for word in words):
            result.append(f"other names in braces: {text} → {words[0]}")
    return result


def _names(text: str) -> set[str]:
    return set(re.findall(r"{(\w+)[^}]*}", text))


def write(language: str, catalogue: Catalog) -> None:
    """Keep the catalogue of a language, and what the program reads of it."""
    path = catalogue_file(language)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        write_po(file, catalogue, width=110, omit_header=False, include_lineno=False)
    with open(path.with_suffix(".mo"), "wb") as file:
        write_mo(file, catalogue)


def main(arguments: list[str] | None = None) -> int:
    """Bring all catalogues up to date, or check them; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--check", action="store_true", help="change nothing, fail if anything is amiss")
    options = parser.parse_args(arguments)
    result = extract()
    failed = False
    for language in LANGUAGES:
        if not options.check:
            write(language, updated(language, result))
        wrong = problems(language, result)
        for line in wrong:
            print(f"{language}: {line}")
        print(f"{language}: {len(result)} sentences, {len(wrong)} to mend")
        failed = failed or bool(wrong)
    return 1 if failed and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
