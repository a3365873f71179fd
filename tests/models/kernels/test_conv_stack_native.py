"""The compiled loops of the separator's blocks against its modules in double precision, and where nothing can be compiled."""

import shutil
import sys

import pytest
import torch

from models.kernels import causal_stack, conv_stack, conv_stack_native, native
from models.separation import network
from models.separation.network import NetworkConfig
from models.separation.time_major import block_weights

compiled = pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("g++") is None,
    reason="the loops need Linux and the GNU compiler, which is not here",
)


@pytest.fixture
def afresh(monkeypatch):
    """As in a process that has not asked for loops yet; what others have built is there again afterwards."""
    monkeypatch.setattr(native, "_libraries", {})
    monkeypatch.setattr(native, "_missed", {})


@pytest.fixture
def built():
    assert conv_stack_native.serves(build=True)


def made(kernel=3, causal=False):
    """A mask generator with all its weights moved, norms and slopes too, so that none is at a value that hides a mistake."""
    torch.manual_seed(2)
    config = NetworkConfig(
        filters=24,
        bottleneck=12,
        skip=8,
        hidden=37,
        kernel=kernel,
        blocks=4,
        repeats=2,
        causal=causal,
        norm="cLN" if causal else "gLN",
    )
    generator = network.build(config).mask_generator
    with torch.no_grad():
        for weight in generator.parameters():
            weight.add_(0.1 * torch.randn(weight.shape))
    return generator


def by_modules(generator, features, direction):
    """The sum of skips, and the gradients of the features and of all weights, in double precision."""
    generator = generator.double()
    features = features.double().requires_grad_()
    passed, total = features.transpose(1, 2), 0.0
    for block in generator.conv_layers:
        passed, skip = block(passed)
        total = total + skip
    return gradients(generator, features, total.transpose(1, 2), direction.double())


def by_loops(generator, features, direction, half=False):
    config = generator.config
    return by_form(conv_stack_native, generator, features, direction, half, config.causal)


def by_form(form, generator, features, direction, half, *more):
    features = features.clone().requires_grad_()
    weights = [block_weights(block) for block in generator.conv_layers]
    result = form.separate_features(features, weights, generator.config.dilations, half, *more)
    return gradients(generator, features, result, direction)


def gradients(generator, features, result, direction):
    generator.zero_grad()
    (result * direction).sum().backward()
    named = {name: weight.grad.clone() for name, weight in generator.conv_layers.named_parameters()}
    return {"result": result.detach(), "features": features.grad} | named


def apart(found, wanted):
    """The largest relative distance of any of them, and whose it is."""
    return max((float((found[name] - wanted[name]).norm() / wanted[name].norm()), name) for name in wanted)


@compiled
@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize(
    "frames", [1, 5, 11, 300]
)  # less than the taps reach, and more than one thread's share
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("causal", [False, True])
def test_the_loops_equal_the_modules(built, kernel, frames, threads, causal):
    generator = made(kernel, causal)
    features, direction = torch.randn(3, frames, 12), torch.randn(3, frames, 8)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        found = by_loops(generator, features, direction)
    finally:
        torch.set_num_threads(before)
    distance, name = apart(found, by_modules(generator, features, direction))
    assert distance < 2e-4, name


@compiled
@pytest.mark.parametrize("causal", [False, True])
def test_in_bfloat16_they_stay_as_near_as_in_pytorchs_operations(built, causal):
    generator = made(causal=causal)
    features, direction = torch.randn(2, 200, 12), torch.randn(2, 200, 8)
    form = causal_stack if causal else conv_stack
    plain = by_form(form, generator, features, direction, True)
    loops = by_loops(generator, features, direction, True)
    wanted = by_modules(generator, features, direction)
    assert 0 < apart({"result": loops["result"]}, {"result": wanted["result"]})[0] < 0.02
    every = [torch.cat([each[name].flatten().double() for name in wanted]) for each in (plain, loops, wanted)]
    theirs, ours = ((each - every[2]).norm() / every[2].norm() for each in every[:2])
    assert ours < max(0.05, 1.5 * theirs)


@compiled
def test_what_is_no_number_stays_none(built):
    generator = made()
    features = torch.randn(1, 20, 12)
    features[0, 7, 3] = torch.nan
    for half in (False, True):
        found = by_loops(generator, features, torch.ones(1, 20, 8), half)
        assert found["result"].isnan().any()
        assert found["features"].isnan().any()


@compiled
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("half", [False, True])
def test_what_needs_no_gradient_is_the_same_and_keeps_nothing(built, causal, half):
    generator = made(causal=causal)
    features = torch.randn(2, 90, 12)
    trained = by_loops(generator, features, torch.ones(2, 90, 8), half)["result"]
    weights = [block_weights(block) for block in generator.conv_layers]
    dilations = generator.config.dilations
    with torch.inference_mode():
        used = conv_stack_native.separate_features(features, weights, dilations, half, causal)
    torch.testing.assert_close(used, trained, rtol=1e-2 if half else 1e-5, atol=1e-2 if half else 1e-6)
    assert used.is_inference()


@compiled
def test_training_builds_the_loops_and_use_takes_what_is_there(afresh, tmp_path, monkeypatch):
    monkeypatch.setattr(native.resources, "cache_folder", lambda: tmp_path)
    torch.manual_seed(0)
    config = NetworkConfig(filters=16, bottleneck=8, skip=8, hidden=12, blocks=2, repeats=1)
    network_, mixture, calls = network.build(config), torch.randn(2, 600), []
    loops = conv_stack_native.separate_features
    monkeypatch.setattr(
        conv_stack_native, "separate_features", lambda *given: (calls.append(1), loops(*given))[1]
    )
    with torch.inference_mode():
        plain = network_(mixture)
        assert not calls
        assert not (tmp_path / "native").exists()
    trained = network_(mixture)
    assert len(calls) == 1
    with torch.inference_mode():
        used = network_(mixture)
    assert len(calls) == 2
    for other in (trained, used):
        torch.testing.assert_close(other, plain, rtol=1e-4, atol=1e-5)


@compiled
def test_a_library_is_built_once(afresh, tmp_path, monkeypatch):
    monkeypatch.setattr(native.resources, "cache_folder", lambda: tmp_path)
    source = tmp_path / "five.cpp"
    source.write_text('extern "C" int five() { return 5; }')
    assert native.library(source, build=False) is None
    assert native.library(source, build=True).five() == 5
    native.forget()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert native.library(source, build=False).five() == 5  # as a process without a compiler finds it
    native.forget()
    source.write_text('extern "C" int five() { return 6; }')
    assert native.library(source, build=True) is None
    assert [entry.suffix for entry in (tmp_path / "native").iterdir()] == [".so"]


@compiled
def test_what_others_can_write_is_not_loaded(afresh, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(native.resources, "cache_folder", lambda: tmp_path)
    source = tmp_path / "five.cpp"
    source.write_text('extern "C" int five() { return 5; }')
    assert native.library(source, build=True) is not None
    native.forget()
    (tmp_path / "native").chmod(0o777)
    with caplog.at_level("INFO", logger=native.__name__):
        assert native.library(source, build=True) is None
    assert "can be written by others" in caplog.text


@compiled
def test_what_does_not_compile_is_done_without(afresh, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(native.resources, "cache_folder", lambda: tmp_path)
    source = tmp_path / "broken.cpp"
    source.write_text("this is not C++")
    with caplog.at_level("INFO", logger=native.__name__):
        assert native.library(source, build=True) is None
        assert native.library(source, build=True) is None
    assert caplog.text.count("broken.cpp is done without") == 1


@pytest.mark.parametrize("lacking", ["compiler", "wish", "source", "system"])
def test_where_nothing_is_compiled_pytorchs_operations_serve(lacking, afresh, tmp_path, monkeypatch):
    monkeypatch.setattr(native.resources, "cache_folder", lambda: tmp_path / "cache")
    if lacking == "compiler":
        monkeypatch.setenv("PATH", str(tmp_path))
    elif lacking == "wish":
        monkeypatch.setenv(native.SWITCH, "0")
    elif lacking == "source":
        monkeypatch.setattr(conv_stack_native, "SOURCE", tmp_path / "none.cpp")
    else:
        monkeypatch.setattr(native.sys, "platform", "darwin")
    assert not conv_stack_native.serves(build=True)
    plain = network.build(NetworkConfig(filters=16, bottleneck=8, skip=8, hidden=12, blocks=2, repeats=1))
    plain(torch.randn(1, 600)).sum().backward()
    assert plain.encoder.weight.grad.abs().sum() > 0
