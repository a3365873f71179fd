"""A card's memory that does not suffice for all at once: every system goes on with smaller parts, to the same result."""

import numpy as np
import pytest
import torch

from models import systems
from models.errors import UserError
from models.reverberation.sequences import Sequences
from models.separation.results import SeparationOptions


def random(*shape):
    return np.random.default_rng(0).normal(0, 0.1, shape).astype(np.float32)


def emotion(model):
    return np.stack([item.probabilities for item in model._classifier.classify(list(random(5, 20_000)))])


def reverberation(model):
    return model.observe(Sequences(x=tuple(random(5, 12, model.width)))).gates


def eeg(model):
    return model.members[1]._run(random(5, 128, 64), None)  # the Conformer of the two


def search(model):
    return model.encoder.pixels((255 * np.abs(random(5, 48, 48, 3))).clip(0, 255).astype(np.uint8))


def separation(model):
    options = SeparationOptions(test_time_augmentation=1)
    return model.separate(random(3 * model.sample_rate), model.sample_rate, options)


NETWORKS = {
    "emotion": lambda model: model._classifier.network,
    "reverberation": lambda model: model.network,
    "eeg": lambda model: model.members[1].network,
    "search": lambda model: model.encoder._model.vision_model,
    "separation": lambda model: model.network.mask_generator,
}
USES = {
    "emotion": emotion,
    "reverberation": reverberation,
    "eeg": eeg,
    "search": search,
    "separation": separation,
}


class Memory:
    """Lets a network's calls fail that are larger than `most`, of the size that `of` reads off the input."""

    def __init__(self, network, system):
        self.most, self.sizes = 10**9, []
        self._axis = 1 if system == "separation" else 0
        network.register_forward_pre_hook(self._called, with_kwargs=True)

    def _called(self, module, given, named):
        size = (given[0] if given else next(iter(named.values()))).shape[self._axis]
        self.sizes.append(size)
        if size > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory")


@pytest.mark.parametrize("system", USES)
def test_use_goes_on_in_smaller_parts(system):
    model = systems.load(system, "bundled", "cpu")
    use, memory = USES[system], Memory(NETWORKS[system](model), system)
    expected = use(model)
    whole = max(memory.sizes)
    memory.most = whole // 2
    memory.sizes.clear()
    result = use(model)
    fitting = [size for size in memory.sizes if size <= memory.most]
    assert max(memory.sizes) == whole
    assert len(fitting) > 1
    if system == "separation":  # windows are faded into each other
        assert result.shape == expected.shape
        for item, other in zip(result, expected, strict=True):
            assert np.corrcoef(item, other)[0, 1] > 0.5
    else:
        np.testing.assert_allclose(result, expected, atol=2e-5)
    memory.most = 0
    with pytest.raises(UserError, match="memory of the graphics card"):
        use(model)
