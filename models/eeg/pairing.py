"""EEG and envelope of one item of a data set, cut to what they have in common; or why they cannot be used."""

from __future__ import annotations

import numpy as np

from models.eeg import alignment
from models.errors import UserError
from models.remarks import Remark


def paired(
    subject: str,
    stimulus: str,
    eeg: np.ndarray,
    envelope: np.ndarray,
    rate: int,
    skipped: list[Remark],
    remarks: list[Remark],
) -> tuple[np.ndarray, np.ndarray] | None:
    """(eeg [time, channels], envelope [time]) at `rate`, or None; what was done or is wrong goes into the two lists."""
    try:
        aligned = alignment.align(eeg, np.asarray(envelope, np.float32), rate)
    except UserError as error:
        skipped.append(
            Remark(
                "Subject {subject}, {stimulus}: {reason}",
                subject=subject,
                stimulus=stimulus,
                reason=error,
            )
        )
        return None
    if not np.isfinite(aligned.envelope).all() or (
        aligned.eeg.dtype.kind == "f" and not np.isfinite(aligned.eeg).all()
    ):
        skipped.append(
            Remark(
                "Subject {subject}, {stimulus}: it holds values that are no numbers.",
                subject=subject,
                stimulus=stimulus,
            )
        )
        return None
    if aligned.remark is not None:
        remarks.append(aligned.remark)
    return aligned.eeg, aligned.envelope
