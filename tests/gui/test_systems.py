"""The window's table of systems says the same as the models', and nothing that is not there."""

import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from app import i18n, systems, theme
from app.tabs.base import Tab
from models import systems as systems_of_models
from models.systems import SYSTEMS

ROOT = Path(__file__).resolve().parents[2]


def test_both_tables_have_the_same_systems_in_the_same_order():
    assert list(systems.NAMES) == list(SYSTEMS)


def test_both_tables_call_them_the_same():
    i18n.install("en")
    assert {entry.system: entry.title() for entry in systems.ENTRIES} == {
        name: systems_of_models.system(name).title for name in SYSTEMS
    }


@pytest.mark.parametrize("entry", systems.ENTRIES, ids=systems.NAMES)
def test_each_tab_is_where_the_table_says_and_of_that_system(entry):
    module, _, name = entry.place.partition(":")
    kind = getattr(import_module(module), name)
    assert issubclass(kind, Tab)
    assert kind.system == entry.system
    assert systems.entry(entry.system) is entry


def test_each_system_has_a_colour_of_its_own():
    colors = [entry.color for entry in systems.ENTRIES]
    assert len(set(colors)) == len(colors)
    assert set(colors) <= set(theme.CATEGORIES)


def test_the_import_contracts_name_every_system():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    named = {part.strip() for layer in layers for part in layer.split("|")}
    assert {f"models.{name}" for name in systems.NAMES} <= named
