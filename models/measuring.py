"""How quick a model is on this machine, on a sample that ships: the second answer, since the first one warms up."""

from __future__ import annotations

import time
from collections.abc import Callable

from models.hub import speeds
from models.hub.speeds import Speed
from models.progress import Progress
from models.resources import BUNDLED

PICTURES = 16

Answer = tuple[Callable[[], object], float, str]  # what to time, how much it takes in, where it computes


def measured(system: str, choice: str, device: str = "auto", progress: Progress | None = None) -> Speed:
    """Load a model, let it answer twice, and keep how quick the second answer was. Raises UserError, Cancelled."""
    progress = progress or Progress()
    progress.update(0, 3, "Opening {name}", name=choice)
    answer, amount, used = MEASURED[system](choice, device, progress)
    progress.update(1, 3, "Measuring {name}", name=choice)
    answer()
    progress.update(2, 3, "Measuring {name}", name=choice)
    began = time.perf_counter()
    answer()
    took = time.perf_counter() - began
    name = f"{system}/{choice}" if choice.startswith(BUNDLED) else choice
    return speeds.keep(name, system, amount / took, used)


def _emotion(choice: str, device: str, progress: Progress) -> Answer:
    from models import audio
    from models.emotion.recognizer import Recognizer
    from models.emotion.samples import held_out_clips

    model = Recognizer.load(choice, device, progress)
    sound = audio.read(held_out_clips()[0], model.sample_rate)[: round(model.window_s * model.sample_rate)]
    return lambda: model.classify(sound), len(sound) / model.sample_rate, model.device.name


def _separation(choice: str, device: str, progress: Progress) -> Answer:
    from models import audio
    from models.separation.samples import sample_mixtures
    from models.separation.separator import Separator

    model = Separator.load(choice, device, progress)
    sound = audio.read(sample_mixtures()[0].mixture, model.sample_rate)
    return lambda: model.separate(sound, model.sample_rate), len(sound) / model.sample_rate, model.device.name


def _search(choice: str, device: str, progress: Progress) -> Answer:
    import numpy as np

    from models import devices
    from models.search.encoder import DualEncoder

    used = devices.resolve(device)
    encoder = DualEncoder.load(choice, used.torch, progress)
    side = encoder.view.crop or (encoder.view.height, encoder.view.width)
    pixels = np.random.default_rng(0).integers(0, 256, (PICTURES, *side, 3), np.uint8)
    return lambda: encoder.pixels(pixels), PICTURES, used.name


MEASURED: dict[str, Callable[[str, str, Progress], Answer]] = {
    "emotion": _emotion,
    "separation": _separation,
    "search": _search,
}
