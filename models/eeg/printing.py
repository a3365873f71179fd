"""An evaluation of a decoder in a terminal."""

from __future__ import annotations

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
    for one in evaluation.subjects:
        windows = ", ".join(f"{length:g} s {r:.3f}" for length, r in one.windows.items())
        print(
            f"  subject {one.subject}: r {one.r:.3f}, p {one.p:.3f}"
            + (f" (windows of {windows})" if windows else "")
        )
