"""PortAudio, spoken to carefully: one call at a time, none of them able to hold its caller for ever.

Its functions are not to be called from two threads at once, its list of devices can be renewed only while no stream is
open, and any of them can hang when a device disappears. So each call has a thread of its own and a time limit.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from app.i18n import tr
from models.errors import UserError

log = logging.getLogger(__name__)

PATIENCE_S = 6.0  # opening a Bluetooth headset takes a few seconds

Result = TypeVar("Result")

_one_at_a_time = threading.Lock()
_open_streams: set[int] = set()


@dataclass(frozen=True)
class InputDevice:
    """A microphone as PortAudio names it. rate: its own, Hz."""

    name: str
    index: int
    default: bool
    rate: float


def call(function: Callable[[], Result], undo: Callable[[Result], object] | None = None) -> Result:
    """What `function` returns or raises. UserError where it does not come back in time; should it do so later after
    all, `undo` gets its result."""
    box: list[Result] = []
    errors: list[BaseException] = []
    given_up = threading.Event()
    settled = threading.Lock()
    finished = threading.Event()

    def work() -> None:
        with _one_at_a_time:
            if given_up.is_set():
                return
            try:
                result = function()
            except BaseException as error:  # it travels to whoever asked
                errors.append(error)
            else:
                with settled:
                    too_late = given_up.is_set()
                    if not too_late:
                        box.append(result)
                if too_late and undo is not None:
                    undo(result)
            finished.set()

    threading.Thread(target=work, name="portaudio", daemon=True).start()
    finished.wait(PATIENCE_S)
    with settled:
        if not box and not errors:
            given_up.set()
    if errors:
        raise errors[0]
    if not box:
        raise UserError(
            "The sound system does not answer.",
            "A device was probably unplugged or is used by another program.",
            "Plug it in again, or restart this program.",
        )
    return box[0]


def module() -> Any:
    """sounddevice. Importing it loads PortAudio, so not before it is needed. Raises UserError where there is none."""
    os.environ.setdefault("JACK_NO_START_SERVER", "1")  # to look for devices is no reason to start a server
    try:
        import sounddevice
    except OSError as error:
        raise UserError(
            "Sound cannot be used on this machine.",
            "The library PortAudio is missing.",
            "Install it (on Debian and Ubuntu: sudo apt-get install libportaudio2), then start again.",
        ) from error
    return sounddevice


def input_devices() -> list[InputDevice]:
    """The microphones that there are now. Takes up to a second: not for the GUI thread. Raises UserError."""
    sounddevice = module()
    try:
        return call(lambda: _input_devices(sounddevice))
    except sounddevice.PortAudioError as error:
        raise UserError(
            "The sound devices cannot be listed.",
            "{reason}.",
            "Look again.",
            reason=str(error).rstrip("."),
        ) from error


def open_stream(make: Callable[[Any], Any]) -> Any:
    """A started stream: `make` gets the module and returns the stream it made. Raises PortAudioError, UserError."""
    sounddevice = module()

    def opened() -> Any:
        stream = make(sounddevice)
        try:
            stream.start()
        except BaseException:
            stream.close(ignore_errors=True)
            raise
        _open_streams.add(id(stream))
        return stream

    return call(opened, undo=_close)


def close_stream(stream: Any) -> None:
    """End a stream at once and let go of its device; what goes wrong with that is only noted."""

    def closed() -> None:
        _close(stream)

    try:
        call(closed)
    except UserError:
        log.warning("A sound device could not be closed in time.")


def permission_text() -> str:
    """Why there may be no sound from a microphone on this system, and where to change it; in the person's language."""
    if sys.platform == "darwin":
        return tr(
            "This program may not use it: allow it in System Settings › Privacy & Security › Microphone."
        )
    if sys.platform == "win32":
        return tr("This program may not use it: allow it in Settings › Privacy & security › Microphone.")
    return tr("It may be muted or kept from this program: look into the system's sound settings.")


def _close(stream: Any) -> None:
    try:
        stream.abort(ignore_errors=True)
        stream.close(ignore_errors=True)
    except OSError:
        log.exception("closing a sound device")
    finally:
        _open_streams.discard(id(stream))


def _input_devices(sounddevice: Any) -> list[InputDevice]:
    if not _open_streams:  # PortAudio notices new devices only when it starts
        sounddevice._terminate()
        sounddevice._initialize()
    interfaces = sounddevice.query_hostapis()
    chosen = None
    if (
        sys.platform == "win32"
    ):  # every device is there four times, with cut-off names in the oldest interface
        chosen = next((i for i, interface in enumerate(interfaces) if "WASAPI" in interface["name"]), None)
    default = (
        interfaces[chosen]["default_input_device"] if chosen is not None else sounddevice.default.device[0]
    )
    return [
        InputDevice(str(device["name"]), number, number == default, float(device["default_samplerate"]))
        for number, device in enumerate(sounddevice.query_devices())
        if device["max_input_channels"] > 0 and chosen in (None, device["hostapi"])
    ]
