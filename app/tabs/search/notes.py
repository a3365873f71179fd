"""The line under the field: what should be known of the answers, or what could be asked."""

from __future__ import annotations

from collections.abc import Sequence

from app.i18n import series, tr
from app.widgets.plain import markup

MOST_WORDS = 6


def note(unknown: Sequence[str], fits: bool, examples: Sequence[str]) -> str:
    """Rich text: words that mean nothing to the model; that nothing fits; else some examples."""
    lines = []
    if not fits:
        lines.append(tr("Nothing here seems to fit; these are the nearest."))
    if unknown:
        lines.append(tr("Not known to the model: {words}", words=series(unknown[:MOST_WORDS])))
    if lines:
        return f"<span>{markup('  '.join(lines))}</span>"
    if examples:
        links = " · ".join(f'<a href="{item}">{item}</a>' for item in examples)
        return tr("Try {examples}", examples=links)
    return ""
