"""FrozenBackbone(cache=...) keeps features on disk, by what they depend on."""

import json
import pickle
import subprocess
import sys
from errno import ENOSPC
from pathlib import Path
from shutil import rmtree

import numpy as np
import pytest
import torch
from torch import nn

from skal.datasets import embed_to
from skal.nets import FrozenBackbone, MLPNetClassifier

pytestmark = pytest.mark.usefixtures("seeded_torch")


class Counter(nn.Module):
    """Counts the rows that pass in full batches, and returns them, scaled."""

    def __init__(self, scale=1.0):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(scale))
        self.passes = 0
        self.power = 1

    def forward(self, x):
        self.passes += len(x) == 256
        return self.scale * x.flatten(1) ** self.power


@pytest.fixture
def rows(rng):
    return rng.rand(600, 4).astype(np.float32)


def cached(folder, *, scale=1.0, **params):
    return FrozenBackbone(Counter(scale), cache=folder, **params)


def test_what_was_computed_is_found_by_another(tmp_path, rows):
    first = cached(tmp_path)
    features = first.transform(rows)
    assert first.network.passes == 3
    second = cached(tmp_path)
    np.testing.assert_array_equal(second.transform(rows[::-1]), features[::-1])
    assert second.network.passes == 0
    assert pickle.loads(pickle.dumps(second)).cache == tmp_path


def test_no_file_is_made_without_rows_or_cache(tmp_path, rows, monkeypatch):
    monkeypatch.chdir(tmp_path)
    FrozenBackbone(Counter()).transform(rows)
    cached(tmp_path / "made").fit(rows)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "other",
    [{"scale": 2.0}, {"bfloat16": True}, {"input_shape": (2, 2)}],
    ids=lambda other: next(iter(other)),
)
def test_other_weights_and_preparation_have_a_folder_of_their_own(
    tmp_path, rows, other
):
    cached(tmp_path).transform(rows)
    backbone = cached(tmp_path, **other)
    backbone.transform(rows)
    assert backbone.network.passes == 3
    assert len(list(tmp_path.iterdir())) == 2


def test_weights_that_change_are_another_network(tmp_path, rows):
    backbone = cached(tmp_path)
    before = backbone.transform(rows)
    with torch.no_grad():
        backbone.network.scale.mul_(2)
    np.testing.assert_allclose(backbone.transform(rows), 2 * before)
    with torch.no_grad():
        backbone.network.scale.div_(2)
    np.testing.assert_array_equal(backbone.transform(rows), before)
    assert backbone.network.passes == 6


def test_an_interrupt_costs_the_batch_under_way(tmp_path, rows):
    backbone = cached(tmp_path)

    def stop(module, inputs):
        if module.passes == 2:
            raise KeyboardInterrupt

    hook = backbone.network.register_forward_pre_hook(stop)
    with pytest.raises(KeyboardInterrupt):
        backbone.transform(rows)
    hook.remove()
    again = cached(tmp_path)
    again.transform(rows)
    assert again.network.passes == 1


def test_a_row_that_was_cut_short_does_not_count(tmp_path, rows):
    features = cached(tmp_path).transform(rows[:100])
    (names,) = tmp_path.glob("*/*.names")
    (values,) = tmp_path.glob("*/*.rows")
    names.write_bytes(names.read_bytes()[: 16 * 90 + 5])
    values.write_bytes(values.read_bytes()[: 16 * 92 + 3])
    again = cached(tmp_path)
    np.testing.assert_array_equal(again.transform(rows[:100]), features)
    assert again.network.passes == 1
    last = cached(tmp_path)
    np.testing.assert_array_equal(last.transform(rows[:100]), features)
    assert last.network.passes == 0


@pytest.mark.parametrize("n_left", [0, 3, None], ids=["empty", "short", "gone"])
def test_rows_whose_features_were_lost_are_computed_again(tmp_path, rows, n_left):
    """As after a power cut: the names reached the disk, the features did not."""
    features = cached(tmp_path).transform(rows[:100])
    (values,) = tmp_path.glob("*/*.rows")
    if n_left is None:
        values.unlink()
    else:
        values.write_bytes(values.read_bytes()[: 16 * n_left + 7])
    for n_passes in 1, 0:
        again = cached(tmp_path)
        np.testing.assert_array_equal(again.transform(rows[:100]), features)
        assert again.network.passes == n_passes


def test_a_folder_may_be_removed_at_any_time(tmp_path, rows):
    backbone = cached(tmp_path / "made")
    backbone.transform(rows[:100])
    rmtree(tmp_path / "made")
    np.testing.assert_array_equal(backbone.transform(rows[:300]), rows[:300])
    again = cached(tmp_path / "made")
    np.testing.assert_array_equal(again.transform(rows[100:300]), rows[100:300])
    assert again.network.passes == 0


def test_a_cache_that_cannot_be_written_is_refused_before_work(tmp_path, rows):
    (tmp_path / "file").write_text("no folder")
    backbone = cached(tmp_path / "file")
    with pytest.raises(OSError, match=r"cache must be a folder that can be written"):
        backbone.transform(rows)
    assert backbone.network.passes == 0
    with pytest.raises(TypeError, match=r"cache must be a path, got 5"):
        cached(5).transform(rows)


def test_a_full_disk_names_the_cache_and_leaves_what_is_there(
    tmp_path, rows, monkeypatch
):
    cached(tmp_path).transform(rows[:256])

    def full(path, mode="r"):
        if mode == "ab":
            Path(path).write_bytes(b"half of a row")
            raise OSError(ENOSPC, "No space left on device")
        return open(path, mode)

    backbone = cached(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("skal.nets._feature_files.open", full, raising=False)
        with pytest.raises(OSError, match="Make room"):
            backbone.transform(rows)
    np.testing.assert_array_equal(backbone.transform(rows), rows)
    again = cached(tmp_path)
    np.testing.assert_array_equal(again.transform(rows), rows)
    assert again.network.passes == 0


def test_two_at_a_time_share_what_they_compute(tmp_path, rows):
    """Each sees in its next batch what the other has written meanwhile."""
    one, two = cached(tmp_path), cached(tmp_path)
    one.transform(rows[:256])
    two.transform(rows[:256])
    two.transform(rows[256:512])
    features = one.transform(rows)
    assert (one.network.passes, two.network.passes) == (2, 1)
    np.testing.assert_array_equal(features, rows)


SCRIPT = """
import sys, numpy as np, torch
from skal.nets import FrozenBackbone
X = np.random.RandomState(0).rand(2000, 3).astype(np.float32)
E = FrozenBackbone(torch.nn.Flatten(), cache=sys.argv[1]).transform(X)
assert np.array_equal(E, X)
"""


@pytest.mark.long
def test_processes_do_not_disturb_each_other(tmp_path):
    runs = [
        subprocess.Popen([sys.executable, "-c", SCRIPT, str(tmp_path)])
        for _ in range(3)
    ]
    assert [run.wait(120) for run in runs] == [0, 0, 0]
    assert subprocess.run([sys.executable, "-c", SCRIPT, str(tmp_path)]).returncode == 0


def test_code_that_changed_is_noticed(tmp_path, rows):
    """The name of a folder knows the weights, not what forward does with them."""
    cached(tmp_path).transform(rows[:10])
    backbone = cached(tmp_path)
    backbone.network.power = 2
    with pytest.raises(ValueError, match=r"cache must hold what the network answers"):
        backbone.transform(rows)


def test_a_folder_says_what_it_holds(tmp_path, rows):
    cached(tmp_path, bfloat16=True).transform(rows[:10])
    (about,) = tmp_path.glob("*/about.json")
    facts = json.loads(about.read_text("utf-8"))
    assert facts["network"].endswith("Counter")
    assert facts["bfloat16"] == "True"


def test_transforms_without_a_name_are_refused(tmp_path, rng):
    photos = rng.randint(0, 256, (3, 3, 4, 4)).astype(np.uint8)
    backbone = FrozenBackbone(nn.Flatten(), transforms=lambda x: x, cache=tmp_path)
    with pytest.raises(ValueError, match=r"transforms must say in its repr"):
        backbone.transform(photos)


def test_a_fitted_net_has_its_features_on_disk(tmp_path, rows):
    net = MLPNetClassifier(max_steps=3, random_state=0).fit(rows, np.arange(600) % 2)
    features = FrozenBackbone(net, cache=tmp_path).transform(rows)
    net.module_.register_forward_pre_hook(lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):  # of the row that is computed again
        FrozenBackbone(net, cache=tmp_path).transform(rows)
    assert features.shape[0] == 600


def test_a_bar_shows_what_is_computed(rows, capsys):
    backbone = FrozenBackbone(Counter(), verbose=1)
    backbone.transform(rows)
    assert "600 rows" in capsys.readouterr().out
    backbone.transform(rows)
    assert capsys.readouterr().out == ""


def test_features_go_to_a_file_in_one_pass(tmp_path, rows):
    backbone = cached(tmp_path / "cache")
    pool = embed_to(tmp_path / "pool.npy", rows, backbone, batch_size=256, verbose=0)
    np.testing.assert_array_equal(pool, rows)
