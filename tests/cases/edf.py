"""EDF and BDF files as instruments write them, rightly and wrongly: made by hand, a field at a time."""

import numpy as np


def write_edf(
    path, eeg, names, *, kind="edf", unit=b"uV", onsets=None, note=b"", claimed=None, plus="", rate=64
):
    """eeg: [time, channels] in µV, a second a record. onsets: of the records, which makes it an EDF+."""
    seconds, count = len(eeg) // rate, len(names)
    width, top = (3, 8_388_607) if kind == "bdf" else (2, 32_767)
    annotated = onsets is not None
    labels = [name.encode() for name in names] + (
        [f"{kind.upper()} Annotations".encode()] if annotated else []
    )
    signals = len(labels)
    head = (
        (b"\xffBIOSEMI" if kind == "bdf" else b"0".ljust(8))
        + b"X X X X".ljust(80)
        + b"Startdate 01-JAN-2020 X X X".ljust(80)
    )
    head += b"01.01.2012.00.00" + str(256 * (signals + 1)).encode().ljust(8) + plus.encode().ljust(44)
    head += (
        str(seconds if claimed is None else claimed).encode().ljust(8)
        + b"1".ljust(8)
        + str(signals).encode().ljust(4)
    )
    reach, samples = 3276.7, [rate] * count + [60] * annotated

    def field(values, size):
        return b"".join(value.ljust(size) for value in values)

    head += field(labels, 16) + field([b""] * signals, 80)
    head += field([unit] * count + [b""] * annotated, 8)
    head += field([str(-reach).encode()] * count + [b"-1"] * annotated, 8)
    head += field([str(reach).encode()] * count + [b"1"] * annotated, 8)
    head += field([str(-top).encode()] * signals, 8) + field([str(top).encode()] * signals, 8)
    head += (
        field([b""] * signals, 80)
        + field([str(item).encode() for item in samples], 8)
        + field([b""] * signals, 32)
    )
    numbers = np.round(eeg / reach * top).astype("<i4")
    body = b""
    for second in range(seconds):
        block = np.ascontiguousarray(numbers[second * rate : (second + 1) * rate].T)
        body += block.view(np.uint8).reshape(count, rate, 4)[..., :width].tobytes()
        if annotated:
            text = f"+{onsets[second]:g}".encode() + b"\x14\x14\x00"
            text += b"+1\x14" + note + b"\x14\x00" if note and not second else b""
            body += text.ljust(60 * width, b"\x00")
    path.write_bytes(head + body)
    return path
