"""Words in the person's language: English in the source, the rest in gettext catalogues.

Sentences are written as literals, ``tr("{n} files", n=3)``: that is how ``tools/translations.py`` finds them.
"""

from __future__ import annotations

import gettext
from collections.abc import Iterable
from typing import TYPE_CHECKING

from models.errors import UserError, fill
from models.progress import Step
from models.resources import resource

if TYPE_CHECKING:
    from PySide6.QtCore import QTranslator
    from PySide6.QtWidgets import QApplication

DOMAIN = "polyphony"
LANGUAGES = {"system": "System language", "en": "English", "zh_CN": "简体中文"}

_catalogue: gettext.NullTranslations = gettext.NullTranslations()
_language = "en"
_qt_translators: list[QTranslator] = []


def install(choice: str = "system") -> str:
    """Load the catalogue for ``system``, ``en`` or ``zh_CN``; returns the language that is now spoken."""
    global _catalogue, _language
    _language = _of_system() if choice == "system" else choice
    if _language not in LANGUAGES:
        _language = "en"
    folder = str(resource("translations"))
    _catalogue = gettext.translation(DOMAIN, folder, [_language], fallback=True)
    return _language


def install_qt(app: QApplication) -> None:
    """Let Qt's own buttons and dialogs speak the same language."""
    from PySide6.QtCore import QLibraryInfo, QLocale, QTranslator

    for translator in _qt_translators:
        app.removeTranslator(translator)
    _qt_translators.clear()
    QLocale.setDefault(QLocale("zh_CN" if _language == "zh_CN" else "en_GB"))
    if _language == "en":
        return
    translator = QTranslator(app)
    folder = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
    if translator.load(f"qtbase_{_language}", folder):
        app.installTranslator(translator)
        _qt_translators.append(translator)
    gaps = _gaps(app)
    app.installTranslator(gaps)
    _qt_translators.append(gaps)


def _gaps(app: QApplication) -> QTranslator:
    """What Qt's own catalogue lacks, or says in a word that people do not use: of its file dialog."""
    from PySide6.QtCore import QTranslator

    words = {
        "&Look in:": tr("&Look in:"),
        "Files of &type:": tr("Files of &type:"),
        "Size": tr("Size"),
    }

    class Gaps(QTranslator):
        def isEmpty(self) -> bool:
            return False

        def translate(
            self, context: str, source: str, disambiguation: str | None = None, n: int = -1
        ) -> str | None:
            """The words of the dialog and of the model behind it; None leaves the rest to Qt."""
            return words.get(source) if context in ("QFileDialog", "QFileSystemModel") else None

    return Gaps(app)


def language() -> str:
    """The language in force, as its catalogue is called: ``en``, ``zh_CN``."""
    return _language


def translate(text: str) -> str:
    """The text as the catalogue has it, its ``{names}`` not filled in."""
    return _catalogue.gettext(text) if text else ""


def tr(text: str, /, **values: object) -> str:
    """The text in the person's language, its ``{names}`` filled from `values`."""
    return fill(translate(text), values, translate)


def plural(singular: str, many: str, n: int, /, **values: object) -> str:
    """`singular` or `many` by the language's rule for `n`, which fills ``{n}``."""
    return fill(_catalogue.ngettext(singular, many, n), {"n": n, **values}, translate)


def digits(value: float, spec: str = ".3g") -> str:
    """A figure as it is shown: ``digits(-0.5, "+.3f")`` has a minus sign, where Python writes a hyphen; nothing is −0.0."""
    words = format(value, spec)
    return format(0.0, spec) if set(words) <= set("-0.") else words.replace("-", "−")


def series(parts: Iterable[str]) -> str:
    """Names or words one after another, as the person's language lists them: ``a, b``, or ``a、b``."""
    between = tr("{before}, {after}", before="", after="")
    return between.join(parts)


def tr_error(error: UserError) -> tuple[str, str, str]:
    """(what, why, remedy) in the person's language."""
    return error.sentences(translate)


def tr_step(step: Step) -> str:
    """What long work says it is doing, in the person's language."""
    return tr(step.message, **step.values)


def _of_system() -> str:
    from PySide6.QtCore import QLocale

    languages = QLocale.system().uiLanguages()
    return "zh_CN" if languages and languages[0].startswith("zh") else "en"
