"""The ReverberationNet tab: what a mesh of roles and processors does with a person's own sequences."""

from app.tabs.reverberation.tab import ReverberationTab

__all__ = ["ReverberationTab"]
