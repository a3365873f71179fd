"""Where models are downloaded from and kept: one file, ``sources.json``, for the window and the terminal.

What the environment says wins where it says something: ``HF_ENDPOINT``, ``HF_HUB_OFFLINE``, ``POLYPHONY_OFFLINE`` and the
usual ``HTTPS_PROXY``.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import MutableMapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from models.errors import UserError
from models.resources import home, models_folder

HUGGING_FACE, MODELSCOPE = "huggingface", "modelscope"
ENDPOINTS = {HUGGING_FACE: "https://huggingface.co", MODELSCOPE: "https://modelscope.cn"}
YES = {"1", "true", "yes", "on"}


@dataclass(frozen=True)
class Sources:
    """provider: ``huggingface`` or ``modelscope``. endpoint: a mirror of it, empty for its own. folder: where models are
    kept, empty for the usual one. proxy: ``http://host:port``, empty for the system's. offline: nothing is downloaded."""

    provider: str = HUGGING_FACE
    endpoint: str = ""
    folder: str = ""
    proxy: str = ""
    offline: bool = False

    @property
    def address(self) -> str:
        """The address of the hub, without a slash at its end."""
        own = self.provider == HUGGING_FACE and os.environ.get("HF_ENDPOINT", "")
        return (self.endpoint or own or ENDPOINTS[self.provider]).rstrip("/")

    @property
    def models(self) -> Path:
        """The folder in which models are kept."""
        return Path(self.folder).expanduser() if self.folder else models_folder()


def stored() -> Sources:
    """What the person chose; the usual where nothing was chosen, or what was cannot be read."""
    try:
        values = json.loads(_file().read_text("utf-8"))
        known = {name: values[name] for name in asdict(Sources()) if name in values}
        return _checked(Sources(**known))
    except (OSError, ValueError, TypeError, AttributeError, UserError):
        return Sources()


def change(**values: str | bool) -> Sources:
    """Choose something else, from now on. Raises UserError for what cannot be."""
    from models.writing import write_whole

    result = _checked(replace(stored(), **values))  # type: ignore[arg-type]
    try:
        _file().parent.mkdir(parents=True, exist_ok=True)
        write_whole(_file(), json.dumps(asdict(result), indent=2) + "\n")
    except OSError as error:
        raise UserError(
            "{path} cannot be written.",
            "{reason}.",
            "Free some space, or check its permissions.",
            path=str(_file()),
            reason=error.strerror or str(error),
        ) from error
    return result


def offline() -> bool:
    """Whether the person or the machine asked for no network."""
    asked = os.environ.get("POLYPHONY_OFFLINE") or os.environ.get("HF_HUB_OFFLINE") or ""
    return asked.lower() in YES or stored().offline


def use_proxy(environment: MutableMapping[str, str]) -> None:
    """Make the chosen proxy that of a process, by its environment; this machine itself is reached without it."""
    proxy = stored().proxy
    if proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
            environment[name] = proxy
        environment.setdefault("NO_PROXY", "localhost,127.0.0.1")


def _file() -> Path:
    return home() / "sources.json"


def _checked(sources: Sources) -> Sources:
    if sources.provider not in ENDPOINTS:
        raise UserError(
            "There is no hub called {name}.",
            "",
            "Hubs are: {known}.",
            name=sources.provider,
            known=", ".join(ENDPOINTS),
        )
    for address in (sources.endpoint, sources.proxy):
        if address and not _is_address(address):
            raise UserError(
                "{address} is not an address.",
                "An address begins with http:// or https:// and names a host.",
                "Write it like https://hf-mirror.com.",
                address=address,
            )
    if sources.folder and not Path(sources.folder).expanduser().is_absolute():
        raise UserError(
            "{folder} is not a whole path.",
            "",
            "Give the whole path, from the root of the disk.",
            folder=sources.folder,
        )
    return sources


def _is_address(text: str) -> bool:
    with contextlib.suppress(ValueError):
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    return False
