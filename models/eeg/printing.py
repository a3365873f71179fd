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
    for subject in evaluation.subjects:
        windows = ", ".join(f"{length:g} s {r:.3f}" for length, r in subject.windows.items())
        print(
            f"  subject {subject.subject}: r {subject.r:.3f}, p {subject.p:.3f}"
            + (f" (windows of {windows})" if windows else "")
        )
