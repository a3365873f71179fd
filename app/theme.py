"""Colours, sizes and fonts, all from one table of tokens; light and dark, switched at once."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import IntEnum

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QPalette
from PySide6.QtWidgets import QAbstractSpinBox, QApplication, QMessageBox

from app.style_sheet import filled
from models.resources import resource

# Categories (Okabe and Ito): the same thing has the same colour everywhere, in both themes. Marks only, never text.
BLUE, ORANGE, GREEN, PINK = "#0072B2", "#E69F00", "#009E73", "#CC79A7"
SKY, VERMILION, YELLOW, GREY = "#56B4E9", "#D55E00", "#F0E442", "#8A8A8A"
ON_MAP = "#FFFFFF"  # marks and words on viridis, which is dark in both themes
CATEGORIES = (BLUE, ORANGE, GREEN, PINK, SKY, VERMILION, YELLOW, GREY)
EMOTIONS = {
    "angry": VERMILION,
    "happy": ORANGE,
    "neutral": GREY,
    "sad": BLUE,
    "fearful": PINK,
    "disgusted": GREEN,
    "surprised": YELLOW,
    "calm": SKY,
    "bored": "#7A5C3E",
    "excited": "#785EF0",
    "frustrated": "#882255",
}  # the last three, which no category has: brown, violet and wine stay apart in every kind of colour blindness

TINY, SMALL, MEDIUM, LARGE = 4, 8, 16, 24  # spacing, px
RADIUS = 6
HINT_PX, TEXT_PX, SECTION_PX, BIG_PX = 11, 13, 16, 22  # font sizes
INK_DARK, INK_LIGHT = "#0B0E11", "#FFFFFF"  # for words on a fill of any colour: see `ink_on`

CHOICES = ("system", "light", "dark")


class Z(IntEnum):
    """What lies over what in a plot: curves are at 0."""

    GRID = -100
    TINT = -30  # of the whole view
    BAND = -20  # a part of the axis
    SPREAD = -10  # around a curve
    MARK = 20
    CURSOR = 50


@dataclass(frozen=True)
class Theme:
    """One theme's colours, as ``#RRGGBB``."""

    name: str
    page: str  # columns, dock, bars
    view: str  # behind the view
    card: str  # what lies on the view: plots, cards
    field: str  # behind what can be typed
    line: str  # 12 % contrast
    edge: str  # round fields and buttons
    text: str
    muted: str  # small grey text, at least 4.5 : 1
    accent: str
    accent_hover: str
    on_accent: str
    tint: str  # selected, chosen
    hover: str
    track: str  # behind bars
    grid: str
    wave: str  # a waveform that is nobody's in particular
    error: str
    error_back: str
    warning: str
    warning_back: str
    hint_back: str
    share_none: str  # of a table whose cells are coloured by a share: none …
    share_all: str  # … and all

    @property
    def dark(self) -> bool:
        return self.name == "dark"


LIGHT = Theme(
    name="light",
    page="#FFFFFF",
    view="#F5F6F8",
    card="#FFFFFF",
    field="#FFFFFF",
    line="#E1E4E8",
    edge="#CDD2D8",
    text="#1C2126",
    muted="#5F6871",
    accent="#0072B2",
    accent_hover="#005F94",
    on_accent="#FFFFFF",
    tint="#E6F1F8",
    hover="#F0F2F5",
    track="#E6E8EB",
    grid="#E6E8EB",
    wave="#69737D",
    error="#A8201A",
    error_back="#FCEBEA",
    warning="#7A5200",
    warning_back="#FFF5DC",
    hint_back="#E6F1F8",
    share_none="#EEF4F9",
    share_all=BLUE,
)
DARK = Theme(
    name="dark",
    page="#1C2025",
    view="#15181C",
    card="#1F2429",
    field="#23282E",
    line="#2F353C",
    edge="#444C55",
    text="#E4E7EA",
    muted="#A3ADB7",
    accent="#56B4E9",
    accent_hover="#7CC5EF",
    on_accent="#0C1A24",
    tint="#1F3442",
    hover="#282E34",
    track="#30363D",
    grid="#2C3238",
    wave="#9AA5B1",
    error="#FF9C94",
    error_back="#3A2220",
    warning="#F2C572",
    warning_back="#382E1A",
    hint_back="#1F3442",
    share_none="#23282E",
    share_all=SKY,
)


class _Notifier(QObject):
    changed = Signal()


notifier = _Notifier()  # `changed` fires after a switch, when the palette and style sheet are in force
_current = LIGHT
_choice = "system"
_following = False


def current() -> Theme:
    """The theme that is in force."""
    return _current


def color(token: str) -> QColor:
    """A token of the theme (``accent``, ``muted`` …), or any ``#RRGGBB``."""
    return QColor(token if token.startswith("#") else getattr(_current, token))


def category(number: int) -> str:
    """The colour (``#RRGGBB``) of the item of that number, such as a track; they begin anew where there are many."""
    return CATEGORIES[number % len(CATEGORIES)]


def contrast(first: QColor, second: QColor) -> float:
    """The ratio of their luminances by WCAG 2: 1 (none) to 21 (black on white)."""

    def luminance(color: QColor) -> float:
        red, green, blue = (
            part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
            for part in (color.redF(), color.greenF(), color.blueF())
        )
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


def ink_on(background: QColor) -> QColor:
    """What can be read on a fill of any colour: the dark or the light ink, whichever stands out more."""
    dark, white = QColor(INK_DARK), QColor(INK_LIGHT)
    return dark if contrast(dark, background) >= contrast(white, background) else white


def mark(category: str, ground: str = "card", least: float = 3.0) -> QColor:
    """A category's colour for thin lines and small marks: in its hue, as far from the ground as can be seen.

    category: a token or ``#RRGGBB``. It is mixed with the text's colour until its contrast to the ground is `least`.
    """
    pure, behind, text = color(category), color(ground), color("text")
    result = pure
    for step in range(1, 20):
        if contrast(result, behind) >= least:
            break
        result = _mixed(pure, text, step / 20)
    return result


def stroke(category: str, ground: str) -> QColor:
    """The colour of a curve: in the dark a thin line of a deep colour needs more of the text's than a patch does."""
    return mark(category, ground, 4.5) if current().dark else color(category)


def _mixed(first: QColor, second: QColor, share: float) -> QColor:
    """`share` of the other colour in one."""
    parts = ((first.red(), second.red()), (first.green(), second.green()), (first.blue(), second.blue()))
    return QColor(*(round((1 - share) * ours + share * theirs) for ours, theirs in parts))


def apply(app: QApplication, choice: str = "system") -> None:
    """Use the ``light`` or ``dark`` theme, or follow the ``system``."""
    global _current, _choice, _following
    _choice = choice if choice in CHOICES else "system"
    hints = QGuiApplication.styleHints()
    if not _following:
        hints.colorSchemeChanged.connect(_follow)
        _following = True
    dark = _choice == "dark" or (_choice == "system" and hints.colorScheme() == Qt.ColorScheme.Dark)
    _current = DARK if dark else LIGHT
    if app.style().name() != "fusion":
        app.setStyle("Fusion")
    app.setPalette(_palette(_current))
    app.setStyleSheet(style_sheet(_current))
    for (
        box
    ) in app.topLevelWidgets():  # Qt lays its buttons out anew, and the first one would answer to Return
        if isinstance(box, QMessageBox) and box.isVisible() and box.defaultButton() is not None:
            box.setDefaultButton(box.defaultButton())
    notifier.changed.emit()


def _follow(_scheme: Qt.ColorScheme) -> None:
    app = QApplication.instance()
    if _choice == "system" and isinstance(app, QApplication):
        apply(app, "system")


def use_font(app: QApplication) -> None:
    """The system's font at our size, with Chinese behind it, and figures that all have one width."""
    font = QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont)
    known = set(QFontDatabase.families())
    wanted = [
        font.family(),
        "Noto Sans",
        "Segoe UI",
        "DejaVu Sans",
        "Microsoft YaHei",
        "PingFang SC",
        "Noto Sans CJK SC",
    ]
    families = [name for name in wanted if name in known] or [font.family()]
    font.setFamilies(list(dict.fromkeys(families)))
    font.setPixelSize(TEXT_PX)
    font.setFeature(QFont.Tag("tnum"), 1)
    app.setFont(font)


def font(pixels: int = TEXT_PX, bold: bool = False) -> QFont:
    """The application's font at another size."""
    made = QFont(QApplication.font())
    made.setPixelSize(pixels)
    made.setBold(bold)
    return made


def pad(box: QAbstractSpinBox) -> None:
    """Give a spin box the distance from its left edge that other fields have; style sheets cannot."""
    box.lineEdit().setTextMargins(SMALL, 0, 0, 0)


def fixed_font(pixels: int = HINT_PX + 1) -> QFont:
    """A fixed-width font, for logs and files."""
    made = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
    made.setFamilies([made.family(), "DejaVu Sans Mono", "Noto Sans Mono", "Noto Sans CJK SC"])
    made.setPixelSize(pixels)
    return made


def _palette(theme: Theme) -> QPalette:
    role = QPalette.ColorRole
    palette = QPalette()
    colors = {
        role.Window: theme.page,
        role.WindowText: theme.text,
        role.Base: theme.field,
        role.AlternateBase: theme.hover,
        role.Text: theme.text,
        role.Button: theme.page,
        role.ButtonText: theme.text,
        role.BrightText: theme.error,
        role.Highlight: theme.accent,
        role.HighlightedText: theme.on_accent,
        role.Link: theme.accent,
        role.LinkVisited: theme.accent,
        role.ToolTipBase: theme.page,
        role.ToolTipText: theme.text,
        role.PlaceholderText: theme.muted,
        role.Light: theme.page,
        role.Midlight: theme.line,
        role.Mid: theme.edge,
        role.Dark: theme.edge,
        role.Shadow: theme.edge,
        role.Accent: theme.accent,
    }
    for which, value in colors.items():
        palette.setColor(which, QColor(value))
    for which in (role.WindowText, role.Text, role.ButtonText):
        faded = QColor(theme.muted)
        faded.setAlpha(150)
        palette.setColor(QPalette.ColorGroup.Disabled, which, faded)
    return palette


def style_sheet(theme: Theme) -> str:
    """The one style sheet in a theme's colours."""
    values = {item.name: getattr(theme, item.name) for item in fields(theme)}
    values |= {"radius": f"{RADIUS}px", "hint_px": f"{HINT_PX}px", "text_px": f"{TEXT_PX}px"}
    values |= {"section_px": f"{SECTION_PX}px", "big_px": f"{BIG_PX}px"}
    for picture in ("down", "check", "up"):
        values[picture] = resource("icons", f"{picture}-{theme.name}.svg").as_posix()
    return filled(values)
