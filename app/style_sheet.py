"""The one style sheet. ``@name`` stands for a token of the theme; `role`, `kind`, `surface` and `line` are dynamic
properties of widgets: ``setProperty("role", "hint")``."""

from __future__ import annotations

from collections.abc import Mapping


def filled(values: Mapping[str, str]) -> str:
    """The style sheet with the tokens' values filled in: colours, lengths, paths of pictures."""
    text = SHEET
    for name in sorted(values, key=len, reverse=True):  # the longer first: @hint_back before @hint
        text = text.replace(f"@{name}", values[name])
    return text


SHEET = """
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
  padding: 2px 4px 2px 0; min-height: 14px; text-align: left; }
QPushButton[kind="link"]:hover { text-decoration: underline; }
QPushButton[kind="link"]:focus { border: 1px solid @accent; padding: 2px 4px 2px 0; }
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
QToolButton:disabled { color: @muted; }
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
QComboBox[kind="small"] { padding: 1px 8px 1px 0; min-height: 18px; border-color: transparent; font-weight: 600;
  color: @muted; font-size: @hint_px; background: transparent; }
QComboBox[kind="small"]:hover { color: @text; }
QComboBox[kind="small"]:focus { border: 1px solid @accent; padding: 1px 8px 1px 0; }
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

QCheckBox, QRadioButton { spacing: 8px; padding: 3px 3px 3px 0; border: 1px solid transparent; border-radius: 4px; }
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
QListWidget::item { padding: 3px 6px; }
QHeaderView::section { background: @card; color: @muted; border: none; border-bottom: 1px solid @line;
  padding: 5px 9px; font-size: @hint_px; font-weight: 600; }
QHeaderView::up-arrow { image: url("@up"); width: 8px; height: 8px; subcontrol-origin: margin;
  subcontrol-position: top center; }
QHeaderView::down-arrow { image: url("@down"); width: 8px; height: 8px; subcontrol-origin: margin;
  subcontrol-position: top center; }
QHeaderView::section:vertical { color: @text; border: none; padding: 0 6px; font-weight: 400; }
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
QAbstractScrollArea::corner { background: transparent; border: none; }
QScrollBar:vertical { background: transparent; width: 10px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 10px; margin: 0; }
QScrollBar::handle { background: @edge; border-radius: 3px; margin: 2px; min-height: 28px; min-width: 28px; }
QScrollBar::handle:hover { background: @muted; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }

QTabWidget::pane { border: none; border-top: 1px solid @line; }
QTabWidget::tab-bar { left: 4px; }
QTabWidget QTabBar::tab { background: transparent; color: @muted; padding: 7px 12px; border: none;
  border-bottom: 2px solid transparent; }
QTabWidget QTabBar::tab:selected { color: @text; border-bottom: 2px solid @accent; }
QTabWidget QTabBar::tab:hover { color: @text; }
QTabWidget QTabBar::tab:focus { background: @tint; }
QGroupBox { border: none; margin-top: 20px; font-weight: 600; }
QGroupBox::title { subcontrol-origin: margin; left: 0; color: @muted; }
"""
