"""Where nets compute, and in what precision: what is there, and what is said if not."""

from contextlib import nullcontext

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback
from torch.utils._python_dispatch import TorchDispatchMode

from skal._seed import fork_torch
from skal.nets import CNNClassifier, FrozenBackbone, MLPNetClassifier, NetRegressor
from skal.nets._device import (
    check_precision,
    choose_device,
    has_bfloat16,
    memory_format,
    place,
    training_precision,
)

pytestmark = pytest.mark.usefixtures("seeded_torch")


@pytest.fixture
def machine(monkeypatch):
    """Return what sets the GPUs that torch finds."""

    def has(*, cuda=0, mps=False):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    return has


def test_auto_takes_the_best_that_there_is(machine):
    """It knew no GPU of Apple."""
    for gpus, expected in [
        ({"cuda": 1, "mps": True}, "cuda"),
        ({"mps": True}, "mps"),
        ({}, "cpu"),
    ]:
        machine(**gpus)
        assert choose_device("auto") == torch.device(expected)


def test_every_way_to_name_a_device(machine):
    machine(cuda=2, mps=True)
    for name in ("cpu", "cuda", "cuda:1", "mps"):
        assert choose_device(name) == choose_device(torch.device(name))
        assert choose_device(name) == torch.device(name)
    assert choose_device(None) == torch.device("cpu")


@pytest.mark.parametrize(
    ("device", "words"),
    [
        ("toaster", "device must be 'auto', 'cpu', 'cuda', 'cuda:1', 'mps' or a torch"),
        ("cuda:x", "or a torch.device, got 'cuda:x'"),
        ("cuda", "got 'cuda', but torch finds no GPU. Use 'auto', which takes"),
        ("cuda:1", "got 'cuda:1', but torch finds no GPU"),
        (torch.device("mps"), "got 'mps', but torch finds no GPU of Apple"),
    ],
)
def test_a_device_that_is_not_there_is_named(iris, machine, device, words):
    """Some of these were errors of torch, and none a ValueError."""
    X, y = iris
    machine()
    with pytest.raises(ValueError, match=words):
        MLPNetClassifier(device=device).fit(X, y)
    backbone = FrozenBackbone(torch.nn.Flatten(), device=device)
    with pytest.raises(ValueError, match=words):
        backbone.transform(X)
    net = MLPNetClassifier(max_steps=1, hidden=(4,)).fit(X, y)
    with pytest.raises(ValueError, match=words):
        net.set_params(device=device).predict(X)


def test_a_gpu_beyond_the_last_is_named(machine):
    machine(cuda=2)
    with pytest.raises(ValueError, match="finds 2 GPUs, from cuda:0 on"):
        choose_device("cuda:2")


@pytest.mark.parametrize("device", ["meta", "hpu"])
def test_a_device_of_which_torch_knows_the_name_alone_is_refused(iris, device):
    """What torch said of it came from the midst of the fit, as whatever error."""
    with pytest.raises(ValueError, match=f"got '{device}', but torch says: "):
        MLPNetClassifier(device=device, max_steps=1).fit(*iris)


def test_what_is_no_name_is_refused(iris):
    with pytest.raises(TypeError, match=r"device must be 'auto'.*got 3\.5"):
        MLPNetClassifier(device=3.5).fit(*iris)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        (
            {"mixed_precision": "half"},
            "mixed_precision must be True, False or 'auto', g",
        ),
        ({"mixed_precision": None}, "got None. True trains in bfloat16"),
        ({"mixed_precision": 0.5}, r"got 0\.5\. True trains in bfloat16"),
        ({"bfloat16": "yes"}, "bfloat16 must be True or False, got 'yes'"),
    ],
)
def test_precisions_that_are_none_are_refused_before_any_work(iris, params, words):
    """mixed_precision was read at the first step, bfloat16 never."""
    with pytest.raises(ValueError, match=words):
        MLPNetClassifier(**params).fit(None, None)


def test_a_precision_that_a_device_has_not_is_refused(monkeypatch):
    """mixed_precision=True trained in full precision there, without a word."""
    mps = torch.device("mps")
    for newer in (False, True):
        monkeypatch.setattr(
            torch.backends.mps, "is_macos_or_newer", lambda *_, newer=newer: newer
        )
        assert has_bfloat16(mps) == newer
        for params in ((True, False), ("auto", True)):
            if newer:
                check_precision(*params, mps)
                continue
            with pytest.raises(ValueError, match="False on the device 'mps', where to"):
                check_precision(*params, mps)
        check_precision("auto", False, mps)
    assert not has_bfloat16(torch.device("meta"))


def test_what_trains_in_bfloat16():
    cpu, mps = torch.device("cpu"), torch.device("mps")
    for mixed in ("auto", False):
        assert isinstance(training_precision(mixed, cpu), nullcontext)
        assert isinstance(training_precision(mixed, mps), nullcontext)
    for mixed in (True, 1, np.True_):
        with training_precision(mixed, cpu):
            assert torch.get_autocast_dtype("cpu") == torch.bfloat16
            assert torch.is_autocast_enabled("cpu")


def test_images_lie_channels_last_where_that_is_right():
    assert memory_format(torch.device("cpu")) == torch.channels_last
    assert memory_format(torch.device("cuda")) == torch.channels_last
    assert memory_format(torch.device("mps")) == torch.contiguous_format
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.Conv3d(3, 4, 3))
    place(module, torch.device("cpu"))  # volumes ended it
    assert module[0].weight.is_contiguous(memory_format=torch.channels_last)
    assert module[1].weight.is_contiguous()


class NoDoubles(TorchDispatchMode):
    """Lets nothing be computed in double precision, which mps has not."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for one in out if isinstance(out, tuple | list) else [out]:
            assert getattr(one, "dtype", None) != torch.float64, func
        return out


@pytest.mark.parametrize("kind", [CNNClassifier, MLPNetClassifier, NetRegressor])
def test_steps_and_passes_need_no_double_precision(kind):
    """A GPU of Apple has none."""

    class Watched(Callback):
        def on_train_begin(self, net, **kwargs):
            self.mode = NoDoubles()
            self.mode.__enter__()

        def on_train_end(self, net, **kwargs):
            self.mode.__exit__(None, None, None)

    X = np.random.default_rng(0).normal(size=(30, 64))
    params = {"max_steps": 3, "early_stopping": True, "random_state": 0}
    net = kind(callbacks=[Watched()], **params).fit(X, np.arange(30) % 2)
    with NoDoubles():
        net.predict(X)
        net.embed(X)


def test_the_random_state_of_mps_is_left_as_it_was(machine, monkeypatch):
    """Seeding torch seeds that too; it was not brought back."""
    state = {"mps": torch.tensor([1])}
    machine(mps=True)
    monkeypatch.setattr(torch.mps, "_is_in_bad_fork", lambda: False)
    monkeypatch.setattr(torch.mps, "get_rng_state", lambda: state["mps"])
    monkeypatch.setattr(
        torch.mps, "set_rng_state", lambda new: state.update(mps=new, back=True)
    )
    monkeypatch.setattr(
        torch.mps, "manual_seed", lambda seed: state.update(mps=torch.tensor([seed]))
    )
    with fork_torch(5, 0, "net"):
        assert state["mps"] != 1
    assert state["mps"] == 1
