"""What the tests of the EEG tab have in common: waiting, opening, decoding, files of one trial."""

import numpy as np

from models.eeg.recordings import BIOSEMI64

RATE = 64


def idle(tab):
    return not tab.is_busy and not tab.services.tasks


def messages_of(tab):
    return " ".join(f"{message.heading} {message.text}" for message in tab.messages.messages)


def opened(tab, qtbot, path):
    tab.accept_paths([path])
    qtbot.waitUntil(
        lambda: tab.session.opened is not None and tab.session.opened.path == path and idle(tab),
        timeout=30_000,
    )


def decoded(tab, qtbot):
    tab.act()
    qtbot.waitUntil(lambda: tab.session.result is not None and idle(tab), timeout=60_000)


def saved(folder, sample, trial=0, name="own.npz", **changes):
    """One trial of the sample as a file of its own."""
    eeg = sample["eeg"][trial] * np.float32(sample["eeg_step_uv"])
    values = {
        "eeg": eeg,
        "envelope": sample["envelope"],
        "fs": RATE,
        "channels": np.array(BIOSEMI64),
    } | changes
    np.savez(folder / name, **{key: value for key, value in values.items() if value is not None})
    return folder / name
