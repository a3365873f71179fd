"""Writing a file whole: a kill, a power cut or a full disk leaves the old one or the new one, never half of one."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from pathlib import Path

from models.file_names import utf8


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


UMASK = _umask()  # read once: reading it changes it for a moment, for all threads
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
SAID = ("No space left", "Disk quota exceeded", "File too large", "file write failed", "unexpected pos")


def write_whole(path: str | os.PathLike[str], contents: str | bytes) -> None:
    """Write aside, bring it to the disk, and put it in its place. Raises OSError; nothing is left then.

    Text is written as UTF-8; bytes of file names that are none become �.
    """
    path = Path(path)
    number, aside = tempfile.mkstemp(prefix=f".{path.name[:40]}-", dir=path.parent)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(utf8(contents) if isinstance(contents, str) else contents)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(aside, 0o666 & ~UMASK)  # mkstemp makes files for the owner alone
        os.replace(aside, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(aside)
        raise


def disk_error(error: BaseException) -> OSError | None:
    """The system's error for a full disk or a limit on files, if that is what was behind; libraries wrap it in theirs."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.errno in FULL:
            return seen
        if any(words in str(seen) for words in SAID):
            return OSError(errno.ENOSPC, "No space left on device")
        seen = seen.__cause__ or seen.__context__
    return None
