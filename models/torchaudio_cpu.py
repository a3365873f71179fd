"""Makes ``import torchaudio`` work beside a CPU build of torch. Import this before torchaudio or transformers.

The Linux wheel of torchaudio links its compiled extension against CUDA, and fails to load where torch brings
no CUDA libraries. The extension serves forced alignment and faster IIR filters, neither of which is used here;
resampling, mel spectrograms and models are plain torch. So where the libraries are missing, torchaudio is given
a stand-in that says "no extension", which it knows how to live with. torch itself is not imported to find out.
"""

from __future__ import annotations

import importlib.util
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any


def _extension_would_fail() -> bool:
    if not sys.platform.startswith("linux") or "torchaudio" in sys.modules:
        return False
    torch = importlib.util.find_spec("torch")
    if torch is None or torch.origin is None or importlib.util.find_spec("torchaudio") is None:
        return False
    return not any((Path(torch.origin).parent / "lib").glob("libtorch_cuda*.so*"))


def _stand_in() -> types.ModuleType:
    module = types.ModuleType("torchaudio._extension")

    def needs_extension(function: Callable[..., Any]) -> Callable[..., Any]:
        def refuse(*_args: Any, **_kwargs: Any) -> Any:
            raise RuntimeError(
                f"torchaudio's {function.__name__} needs its compiled extension (a CUDA build of torch)"
            )

        return refuse

    module.__dict__.update(
        _IS_TORCHAUDIO_EXT_AVAILABLE=False,
        _IS_ALIGN_AVAILABLE=False,
        fail_if_no_align=needs_extension,
        _load_lib=lambda _name: False,
        _check_cuda_version=lambda: None,
    )
    return module


if _extension_would_fail():
    sys.modules["torchaudio._extension"] = _stand_in()
