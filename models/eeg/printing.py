"""An evaluation of a decoder in a terminal."""

from __future__ import annotations

from models.eeg.matching import CANDIDATES, CHANCE, WINDOW_S
from models.eeg.scores import Evaluation


def say(evaluation: Evaluation) -> None:
    """Print the figures."""
    print(f"mean r {evaluation.r:.3f}, chance {evaluation.chance:.3f}: {evaluation.generalisation}")
    for name, value in (
        ("within subject", evaluation.within),
        ("held-out subjects", evaluation.held_out),
        ("score", evaluation.score),
    ):
        if value is not None:
            print(f"  {name}: {value:.4f}")
    matching = evaluation.matching
    if matching is not None:
        print(
            f"  match–mismatch, one of {CANDIDATES}, {WINDOW_S:g} s: {100 * matching.accuracy:.1f} %"
            f" ({100 * matching.low:.1f} to {100 * matching.high:.1f}) of {matching.windows} windows;"
            f" guessing {100 * CHANCE:.0f} % ({100 * matching.chance_low:.1f} to {100 * matching.chance_high:.1f})"
        )
    for subject in evaluation.subjects:
        windows = ", ".join(f"{length:g} s {r:.3f}" for length, r in subject.windows.items())
        print(
            f"  subject {subject.subject}: r {subject.r:.3f}, p {subject.p:.3f}"
            + (f" (windows of {windows})" if windows else "")
        )
