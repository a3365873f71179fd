"""Colours, sizes and the style sheet, all from one table of tokens; light and dark, switched at once."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import IntEnum

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QPalette
from PySide6.QtWidgets import QAbstractSpinBox, QApplication

from models.resources import resource

# Categories (Okabe and Ito): the same thing has the same colour everywhere, in both themes. Marks only, never text.
BLUE, ORANGE, GREEN, PINK = "#0072B2", "#E69F00", "#009E73", "#CC79A7"
SKY, VERMILION, YELLOW, GREY = "#56B4E9", "#D55E00", "#F0E442", "#8A8A8A"
ON_MAP = "#FFFFFF"  # marks and words on viridis, which is dark in both themes
CATEGORIES = (BLUE, ORANGE, GREEN, PINK, SKY, VERMILION, YELLOW, GREY)
EMOTIONS = {"angry": VERMILION, "happy": ORANGE, "neutral": GREY, "sad": BLUE}

TINY, SMALL, MEDIUM, LARGE = 4, 8, 16, 24  # spacing, px
RADIUS = 6
HINT_PX, TEXT_PX, SECTION_PX, BIG_PX = 11, 13, 16, 22  # font sizes
INK_DARK, INK_LIGHT = "#0B0E11", "#FFFFFF"  # for words on a fill of any colour: see `ink_on`
EASE_MS = 120  # how long a bar takes to its new length

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
    return _current


def color(token: str) -> QColor:
    """A token of the theme (``accent``, ``muted`` …), or any ``#RRGGBB``."""
    return QColor(token if token.startswith("#") else getattr(_current, token))


def category(number: int) -> str:
    """The colour (``#RRGGBB``) of the item of that number, such as a track; they begin anew where there are many."""
    return CATEGORIES[number % len(CATEGORIES)]


def contrast(one: QColor, other: QColor) -> float:
    """The ratio of their luminances by WCAG 2: 1 (none) to 21 (black on white)."""

    def luminance(color: QColor) -> float:
        red, green, blue = (
            part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
            for part in (color.redF(), color.greenF(), color.blueF())
        )
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    low, high = sorted((luminance(one), luminance(other)))
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


def _mixed(one: QColor, other: QColor, share: float) -> QColor:
    """`share` of the other colour in one."""
    parts = ((one.red(), other.red()), (one.green(), other.green()), (one.blue(), other.blue()))
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
    """The one style sheet, its ``@tokens`` filled in."""
    text = _SHEET
    values = {item.name: getattr(theme, item.name) for item in fields(theme)}
    values |= {"radius": f"{RADIUS}px", "hint_px": f"{HINT_PX}px", "text_px": f"{TEXT_PX}px"}
    values |= {"section_px": f"{SECTION_PX}px", "big_px": f"{BIG_PX}px"}
    values["down"] = resource("icons", f"down-{theme.name}.svg").as_posix()
    values["check"] = resource("icons", f"check-{theme.name}.svg").as_posix()
    values["up"] = resource("icons", f"up-{theme.name}.svg").as_posix()
    for name in sorted(values, key=len, reverse=True):  # the longer first: @hint_back before @hint
        text = text.replace(f"@{name}", values[name])
    return text


# `role` and `kind` are dynamic properties: setProperty("role", "hint").
_SHEET = """
QToolTip { background: @page; color: @text; border: 1px solid @edge; padding: 4px 6px; }
QLabel { background: transparent; }
QLabel[role="hint"] { color: @muted; font-size: @hint_px; }
QLabel[role="caption"] { color: @muted; font-size: @hint_px; font-weight: 600; }
QLabel[role="title"] { font-size: @section_px; font-weight: 600; }
QLabel[role="big"] { font-size: @big_px; font-weight: 600; }
QLabel[role="figure"] { font-size: @big_px; }
QLabel[role="readout"] { background: @page; color: @text; border: 1px solid @line; border-radius: 4px; padding: 1px 6px;
  font-size: @hint_px; }
QLabel[role="problem"] { color: @error; font-size: @hint_px; }

QWidget[surface="page"] { background: @page; }
QWidget[surface="view"] { background: @view; }
QWidget[surface="card"] { background: @card; border-radius: @radius; }
QFrame[line="right"] { border: none; border-right: 1px solid @line; }
QFrame[line="left"] { border: none; border-left: 1px solid @line; }
QFrame[line="top"] { border: none; border-top: 1px solid @line; }
QFrame[line="bottom"] { border: none; border-bottom: 1px solid @line; }
QScrollArea { border: none; background: transparent; }

QPushButton { background: @field; color: @text; border: 1px solid @edge; border-radius: @radius;
  padding: 7px 14px; min-height: 18px; }
QPushButton, QToolButton, QCheckBox, QRadioButton { outline: none; }
QPushButton:hover { background: @hover; }
QPushButton:pressed, QPushButton:checked { background: @tint; border-color: @accent; }
QPushButton:focus { border: 2px solid @accent; padding: 6px 13px; }
QPushButton:disabled { color: @muted; background: @view; border-color: @line; }
QPushButton[kind="primary"] { background: @accent; color: @on_accent; border: 1px solid @accent;
  font-weight: 600; padding: 10px 14px; }
QPushButton[kind="primary"]:hover { background: @accent_hover; }
QPushButton[kind="primary"]:focus { border: 2px solid @text; padding: 9px 13px; }
QPushButton[kind="primary"]:disabled { background: @track; color: @muted; border-color: @track; }
QPushButton[kind="link"] { background: transparent; color: @accent; border: 1px solid transparent;
  padding: 2px 4px; min-height: 14px; text-align: left; }
QPushButton[kind="link"]:hover { text-decoration: underline; }
QPushButton[kind="link"]:focus { border: 1px solid @accent; padding: 2px 4px; }
QPushButton[kind="link"]:disabled { color: @muted; }
QPushButton[kind="small"] { padding: 3px 10px; min-height: 16px; }
QPushButton[kind="small"]:focus { padding: 2px 9px; }
QPushButton[kind="chip"] { padding: 3px 10px; min-height: 18px; border-radius: 13px; font-size: @hint_px; color: @text; }
QPushButton[kind="chip"]:focus { padding: 2px 9px; }
QPushButton[kind="segment"] { padding: 7px 10px; text-align: left; }
QPushButton[kind="segment"]:focus { padding: 6px 9px; }
QPushButton[kind="fold"], QPushButton[kind="fold"]:checked, QPushButton[kind="fold"]:pressed { background: transparent;
  color: @muted; border: 1px solid transparent; font-size: @hint_px; padding: 4px 2px 4px 0; min-height: 14px;
  text-align: left; }
QPushButton[kind="fold"]:hover { color: @text; }
QPushButton[kind="fold"]:focus { border: 1px solid @accent; padding: 4px 2px 4px 0; }

QToolButton { background: transparent; color: @text; border: 1px solid transparent; border-radius: @radius;
  padding: 4px; }
QToolButton:hover { background: @hover; }
QToolButton:pressed, QToolButton:checked { background: @tint; }
QToolButton:focus { border: 1px solid @accent; }
QToolButton[kind="fold"] { color: @muted; font-size: @hint_px; padding: 4px 2px; }
QToolButton[kind="fold"]:hover { color: @text; background: transparent; }
QToolButton[kind="drop"] { background: transparent; border: 1px dashed @edge; border-radius: @radius; }
QToolButton[kind="drop"]:hover, QToolButton[kind="drop"][over="true"] { background: @tint; border-color: @accent; }
QToolButton[kind="drop"]:focus { border: 2px solid @accent; }
QToolButton::menu-indicator { image: none; }

QComboBox, QLineEdit, QSpinBox, QDoubleSpinBox { background: @field; color: @text; border: 1px solid @edge;
  border-radius: @radius; padding: 6px 10px; min-height: 20px; selection-background-color: @accent;
  selection-color: @on_accent; }
QComboBox:hover, QLineEdit:hover, QSpinBox:hover, QDoubleSpinBox:hover { border-color: @muted; }
QComboBox:focus, QLineEdit:focus, QSpinBox:focus, QDoubleSpinBox:focus { border: 2px solid @accent; padding: 5px 9px; }
QComboBox:disabled, QLineEdit:disabled, QSpinBox:disabled, QDoubleSpinBox:disabled { color: @muted;
  background: @view; border-color: @line; }
QComboBox[problem="true"], QLineEdit[problem="true"], QPlainTextEdit[problem="true"] { border: 1px solid @error; }
QComboBox[kind="small"] { padding: 1px 8px; min-height: 18px; border-color: transparent; font-weight: 600;
  color: @muted; font-size: @hint_px; background: transparent; }
QComboBox[kind="small"]:hover { color: @text; border-color: @edge; }
QComboBox[kind="small"]:focus { padding: 0 7px; }
QCheckBox[role="hint"] { color: @muted; font-size: @hint_px; spacing: 5px; }
QFrame[surface="query"] { background: @field; border: 1px solid @edge; border-radius: @radius; }
QFrame[surface="query"][over="true"] { border: 2px solid @accent; }
QLineEdit[kind="query"], QLineEdit[kind="query"]:focus { border: none; background: transparent; padding: 0;
  font-size: @section_px; }
QComboBox { combobox-popup: 0; }
QLineEdit[kind="bare"], QLineEdit[kind="bare"]:hover { background: transparent; border: 1px solid transparent; padding: 0;
  min-height: 18px; }
QLineEdit[kind="bare"]:focus { border: 1px solid @accent; padding: 0; }
QToolButton[kind="letter"] { padding: 0; }
QToolButton[kind="letter"]:checked { border: 1px solid @accent; }
QComboBox::drop-down { border: none; width: 24px; }
QComboBox::down-arrow { image: url("@down"); width: 12px; height: 12px; }
QComboBox QAbstractItemView { background: @field; color: @text; border: 1px solid @edge; outline: none;
  selection-background-color: @tint; selection-color: @text; }
QComboBox QAbstractItemView::item { min-height: 26px; padding: 0 6px; }
QComboBox QAbstractItemView::item:selected { background: @tint; color: @text; }
QSpinBox, QDoubleSpinBox { padding: 6px 20px 6px 0; }
QSpinBox:focus, QDoubleSpinBox:focus { padding: 5px 19px 5px 0; }
QDialogButtonBox { dialogbuttonbox-buttons-have-icons: 0; }
QSpinBox::up-button, QDoubleSpinBox::up-button { subcontrol-origin: border; subcontrol-position: top right;
  width: 20px; border: none; background: transparent; }
QSpinBox::down-button, QDoubleSpinBox::down-button { subcontrol-origin: border; subcontrol-position: bottom right;
  width: 20px; border: none; background: transparent; }
QSpinBox::up-arrow, QDoubleSpinBox::up-arrow { image: url("@up"); width: 10px; height: 10px; }
QSpinBox::down-arrow, QDoubleSpinBox::down-arrow { image: url("@down"); width: 10px; height: 10px; }

QCheckBox, QRadioButton { spacing: 8px; padding: 3px; border: 1px solid transparent; border-radius: 4px; }
QCheckBox::indicator, QAbstractItemView::indicator { width: 14px; height: 14px; border: 1px solid @edge; border-radius: 3px;
  background: @field; }
QCheckBox::indicator:hover { border-color: @muted; }
QCheckBox::indicator:checked, QAbstractItemView::indicator:checked { background: @accent; border-color: @accent;
  image: url("@check"); }
QCheckBox::indicator:disabled { background: @view; border-color: @line; }
QCheckBox:focus, QRadioButton:focus { border: 1px solid @accent; }

QPlainTextEdit, QTextEdit, QTextBrowser { background: @field; color: @text; border: 1px solid @line; border-radius: @radius;
  padding: 4px; selection-background-color: @accent; selection-color: @on_accent; }
QPlainTextEdit:focus, QTextEdit:focus, QTextBrowser:focus { border: 1px solid @accent; }

QTextBrowser[kind="card"] { background: transparent; border: 1px solid transparent; padding: 0; }
QTextBrowser[kind="card"]:focus { border: 1px solid @accent; }
QPlainTextEdit[kind="bare"] { background: transparent; border: 1px solid transparent; padding: 0; }
QPlainTextEdit[kind="bare"]:focus { border: 1px solid @accent; }

QAbstractItemView { background: @card; alternate-background-color: @hover; color: @text; border: none;
  outline: none; selection-background-color: @tint; selection-color: @text; }
QAbstractItemView[kind="gallery"] { background: @view; }
QTableView, QTreeView, QListView { border: 1px solid transparent; border-radius: @radius; }
QTableView:focus, QTreeView:focus, QListView:focus { border: 1px solid @accent; }
QTableView { gridline-color: transparent; }
QTableView::item, QTreeView::item { padding: 3px 6px; border: none; }
QTableView::item:selected, QTreeView::item:selected, QListView::item:selected { background: @tint; color: @text; }
QHeaderView { background: @card; border: none; }
QHeaderView::section { background: @card; color: @muted; border: none; border-bottom: 1px solid @line;
  padding: 5px 6px; font-size: @hint_px; font-weight: 600; }
QHeaderView::up-arrow { image: url("@up"); width: 8px; height: 8px; subcontrol-origin: margin;
  subcontrol-position: top center; }
QHeaderView::down-arrow { image: url("@down"); width: 8px; height: 8px; subcontrol-origin: margin;
  subcontrol-position: top center; }
QTableCornerButton::section { background: @card; border: none; }

QMenuBar { background: transparent; color: @muted; }
QMenuBar::item { background: transparent; padding: 6px 9px; border-radius: 4px; }
QMenuBar::item:selected { background: @hover; color: @text; }
QMenu { background: @page; color: @text; border: 1px solid @edge; padding: 4px; }
QMenu::item { padding: 6px 28px 6px 24px; border-radius: 4px; }
QMenu::item:selected { background: @tint; color: @text; }
QMenu::item:disabled { color: @muted; }
QMenu::separator { height: 1px; background: @line; margin: 4px 8px; }

QProgressBar { background: @track; border: none; border-radius: 2px; max-height: 4px; min-height: 4px; }
QProgressBar::chunk { background: @accent; border-radius: 2px; }
QSlider::groove:horizontal { height: 3px; background: @track; border-radius: 1px; }
QSlider::sub-page:horizontal { background: @accent; border-radius: 1px; }
QSlider::handle:horizontal { background: @accent; width: 14px; height: 14px; margin: -6px 0; border-radius: 7px; }
QSlider::handle:horizontal:focus { background: @accent; border: 2px solid @text; margin: -7px 0; border-radius: 8px; }

QSplitter::handle { background: @line; }
QScrollBar:vertical { background: transparent; width: 10px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 10px; margin: 0; }
QScrollBar::handle { background: @edge; border-radius: 3px; margin: 2px; min-height: 28px; min-width: 28px; }
QScrollBar::handle:hover { background: @muted; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }

QTabWidget::pane { border: none; border-top: 1px solid @line; }
QTabWidget QTabBar::tab { background: transparent; color: @muted; padding: 7px 12px; border: none;
  border-bottom: 2px solid transparent; }
QTabWidget QTabBar::tab:selected { color: @text; border-bottom: 2px solid @accent; }
QTabWidget QTabBar::tab:hover { color: @text; }
QTabWidget QTabBar::tab:focus { background: @tint; }
QGroupBox { border: none; margin-top: 20px; font-weight: 600; }
QGroupBox::title { subcontrol-origin: margin; left: 0; color: @muted; }
"""
