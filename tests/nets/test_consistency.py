"""Consistency steps: targets and thresholds by hand, strong views, averaged weights."""

import numpy as np
import pytest
import torch
from torch import nn

from skal.nets import Consistency, NetClassifier, PseudoTargets, fit_consistently
from skal.nets._average import WeightAverage
from skal.nets._layout import Layout, SetLayout
from skal.nets._pseudo_targets import aligned, class_thresholds, supported_prior
from skal.nets._strong import check_strong, cutout, mask_noise
from skal.nets._tensor_set import TensorSet

pytestmark = pytest.mark.usefixtures("seeded_torch")


def plan(hidden=(), **params):
    """Return a plan with what is not given left out of it."""
    plain = {
        "weights": None,
        "strong": None,
        "threshold": 0.9,
        "min_threshold": 0.2,
        "class_thresholds": True,
        "prior": None,
        "ratio": 3,
        "weight": 1.0,
        "delay": 0.0,
        "ramp": 0.0,
        "ema_decay": 0.0,
    }
    return Consistency(hidden=np.asarray(hidden, int), **{**plain, **params})


# Targets -----------------------------------------------------------------------


def test_alignment_by_hand():
    proba = torch.tensor([[0.8, 0.2], [0.5, 0.5]])
    mean, prior = torch.tensor([0.5, 0.5]), torch.tensor([0.25, 0.75])
    expected = torch.tensor([[4 / 7, 3 / 7], [1 / 4, 3 / 4]])
    torch.testing.assert_close(aligned(proba, mean, prior), expected)


def test_alignment_to_the_mean_itself_changes_nothing():
    proba = torch.rand(20, 4).softmax(dim=1)
    mean = proba.mean(dim=0)
    torch.testing.assert_close(aligned(proba, mean, mean), proba)


def test_what_is_aligned_is_finite_where_a_class_has_vanished():
    proba = torch.tensor([[1.0, 0.0]])
    out = aligned(proba, torch.tensor([1.0, 0.0]), torch.tensor([0.5, 0.5]))
    torch.testing.assert_close(out, proba)


@pytest.mark.parametrize(
    ("n_of_each", "sure", "alike"),
    [
        ([40, 30, 30], 0.94, True),
        ([40, 30, 30], 0.5, False),  # nothing has been learnt
        ([70, 20, 10], 0.94, False),  # a third would have to change
        ([55, 45], 0.7, False),  # a coin would be sure of so much
        ([68, 32], 0.98, True),
        ([72, 28], 0.98, False),
        ([40, *[6] * 10], 0.94, True),  # of many classes some are off
        ([60, *[4] * 10], 0.94, False),
    ],
)
def test_the_prior_that_predictions_support(n_of_each, sure, alike):
    n = len(n_of_each)
    codes = torch.repeat_interleave(torch.arange(n), torch.tensor(n_of_each))
    proba = torch.full((100, n), (1 - sure) / (n - 1))
    proba[torch.arange(100), codes] = sure
    found = supported_prior(proba)
    assert (found is not None) == alike
    if alike:
        torch.testing.assert_close(found, torch.full((n,), 1 / n))


@pytest.mark.parametrize(
    ("counts", "n_unsure", "expected"),
    [
        ([10.0, 5.0, 0.0], 2.0, [0.9, 0.3, 0.2]),  # beta 1, 1/2, 0
        ([10.0, 5.0, 0.0], 20.0, [0.3, 0.2, 0.2]),  # beta 1/2, 1/4 (.129), 0
        ([0.0, 0.0, 0.0], 0.0, [0.2, 0.2, 0.2]),
    ],
)
def test_class_thresholds_by_hand(counts, n_unsure, expected):
    found = class_thresholds(torch.tensor(counts), torch.tensor(n_unsure), 0.9, 0.2)
    torch.testing.assert_close(found, torch.tensor(expected))


def test_targets_count_each_row_once_however_often_it_is_seen():
    targets = PseudoTargets(plan(), 6, 2, torch.device("cpu"))
    assert targets.counts().tolist() == [0, 0, 6]
    sure = torch.tensor([[0.95, 0.05], [0.3, 0.7], [0.08, 0.92]])
    codes, passed = targets.of(torch.tensor([0, 1, 5]), sure)
    # beta is 1/4 for both, .9 * .25 / 1.75 = .129: the floor of .2 holds
    assert (codes.tolist(), passed.tolist()) == ([0, 1, 1], [True, True, True])
    assert targets.counts().tolist() == [1, 1, 4]
    again = torch.tensor([0, 5, 5])  # a batch may hold a row twice
    targets.of(again, torch.tensor([[0.5, 0.5], [0.08, 0.92], [0.08, 0.92]]))
    assert targets.counts().tolist() == [0, 1, 5]


def test_one_threshold_for_all_classes():
    targets = PseudoTargets(plan(class_thresholds=False), 2, 2, torch.device("cpu"))
    proba = torch.tensor([[0.91, 0.09], [0.2, 0.8]])
    assert targets.of(torch.arange(2), proba)[1].tolist() == [True, False]


def test_targets_do_not_depend_on_the_order_of_rows():
    proba = (3 * torch.randn(50, 3)).softmax(dim=1)
    order = torch.randperm(50)
    prior = torch.tensor([0.2, 0.3, 0.5])
    first, second = (
        PseudoTargets(plan(), 50, 3, torch.device("cpu"), prior).of(where, rows)
        for where, rows in [(torch.arange(50), proba), (torch.arange(50), proba[order])]
    )
    assert torch.equal(first[0][order], second[0])
    assert torch.equal(first[1][order], second[1])


# Strong views ------------------------------------------------------------------


@pytest.mark.parametrize("sides", [(9, 12), (30,), (6, 6, 6)])
def test_cutout_blanks_a_block_of_a_third_of_each_side(sides):
    rows = torch.ones(200, 2, *sides)
    cut = cutout(rows) == 0
    assert torch.equal(cut[:, 0], cut[:, 1])
    sizes = [round(side / 3) for side in sides]
    for axis in range(len(sides)):
        others = [i + 1 for i in range(len(sides)) if i != axis]
        shadow = cut[:, 0].sum(dim=others) > 0 if others else cut[:, 0]
        width = shadow.sum(dim=1)
        assert width.max() == sizes[axis]
        assert width.min() < sizes[axis]  # over the edge
        assert shadow.any(dim=0).all()
    assert cut[:, 0].flatten(1).sum(dim=1).max() <= np.prod(sizes)
    assert rows.min() == 1


def test_mask_noise_takes_a_fifth_of_the_values_from_other_rows():
    rows = torch.stack([torch.arange(1000.0), torch.full((1000,), 7.0)], dim=1)
    view = mask_noise(rows)
    assert torch.equal(view[:, 1], rows[:, 1])  # what never varies
    far = (view[:, 0] - rows[:, 0]).abs() > 4 * 0.1 * rows[:, 0].std()
    assert 0.05 < far.float().mean() < 0.2
    assert rows[3, 0] == 3


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        (Layout((1, 8, 8), False), cutout),
        (Layout((5,), False), mask_noise),
        (Layout((2, 50), False), mask_noise),
        (Layout((7,), False, ids=True), None),
        (SetLayout({0: Layout((5,), False)}), None),
    ],
)
def test_auto_fits_the_rows(layout, expected):
    assert check_strong("auto", layout) is expected


def test_a_strong_view_of_parts():
    layout = SetLayout({"a": Layout((5,), False), "b": Layout((1, 8, 8), False)})
    view = check_strong({"b": "cutout"}, layout)
    rows = TensorSet({"a": torch.ones(3, 5), "b": torch.ones(3, 1, 8, 8)})
    changed = view(rows)
    assert torch.equal(changed.parts["a"], rows.parts["a"])
    assert changed.parts["b"].min() == 0


@pytest.mark.parametrize(
    ("strong", "layout", "match"),
    [
        ("cutout", Layout((5,), False), "strong must be .*'mask_noise'.*got 'cutout'"),
        ("cut", Layout((1, 8, 8), False), "strong must be 'cutout'.*got 'cut'"),
        (3, Layout((1, 8, 8), False), "strong must be"),
        ("mask_noise", Layout((7,), False, ids=True), "strong must be 'auto'"),
        (
            {"b": "cutout"},
            SetLayout({0: Layout((5,), False)}),
            "strong must be None or",
        ),
    ],
)
def test_strong_views_that_do_not_fit(strong, layout, match):
    with pytest.raises(ValueError, match=match):
        check_strong(strong, layout)


# The mean of the weights -------------------------------------------------------


def test_the_mean_of_weights_by_hand():
    module = nn.Linear(1, 1, bias=False)
    module.weight.data.fill_(4.0)
    average = WeightAverage(module, 0.15)
    expected = 4.0
    for step, value in enumerate([1.0, 2.0, 3.0], start=1):
        module.weight.data.fill_(value)
        average.update()
        decay = min(0.15, step / (step + 10))  # 1/11, then .15
        expected = decay * expected + (1 - decay) * value
    assert average.module.weight.item() == pytest.approx(expected)


def test_a_weight_that_two_layers_share_is_averaged_once():
    module = nn.Sequential(nn.Linear(1, 1), nn.Linear(1, 1))
    module[1].weight = module[0].weight
    module[0].weight.data.fill_(0.0)
    average = WeightAverage(module, 0.9)
    module[0].weight.data.fill_(1.0)
    average.update()
    assert average.module[1].weight.item() == pytest.approx(10 / 11)


def test_what_batch_norm_measures_is_averaged_too():
    module = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    average = WeightAverage(module, 0.5)
    module.train()(3 + torch.randn(50, 2))
    average.update()
    mine, theirs = average.module[1], module[1]
    torch.testing.assert_close(mine.running_mean, theirs.running_mean * 10 / 11)
    assert mine.num_batches_tracked == theirs.num_batches_tracked == 1
    assert not average.module.training


# A fit -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "expected"), [(0, 0), (24, 0), (25, 0.04), (50, 1.04), (74, 2), (99, 2)]
)
def test_the_weight_of_unlabelled_rows_waits_and_rises(step, expected):
    found = plan(weight=2.0, delay=0.25, ramp=0.5).weight_at(step, 100)
    assert found == pytest.approx(expected)


def rows_and_codes(n=60, n_labels=20):
    rng = np.random.RandomState(0)
    codes = np.arange(n) % 2
    X = (rng.normal(size=(n, 3)) + 3 * codes[:, None]).astype(np.float32)
    return X, codes, np.where(np.arange(n) < n_labels, codes, -1)


def fitted(module, plan, **params):
    """Return a net fitted on twenty labelled rows of sixty, by a plan."""
    X, _, codes = rows_and_codes()
    net = NetClassifier(module, max_steps=30, random_state=0, **params)
    weights = (codes >= 0).astype(float)
    return fit_consistently(net, X, codes, weights, plan, go_on=False)


def test_without_a_weight_and_an_average_it_is_a_fit_on_the_labels_alone():
    X, _, codes = rows_and_codes()
    module = nn.Linear(3, 2)
    net = fitted(module, plan(range(20, 60), weight=0.0))
    alone = NetClassifier(module, max_steps=30, random_state=0)
    alone.fit(X[:20], codes[:20])
    assert np.array_equal(net.predict_proba(X), alone.predict_proba(X))


class Watched(nn.Linear):
    """Notes what it is passed: how many rows, and in which mode."""

    calls: list = []  # noqa: RUF012 (copies of the module share it)

    def forward(self, x):
        self.calls.append((len(x), self.training, torch.is_grad_enabled()))
        return super().forward(x)


def test_the_passes_of_a_step():
    """Targets come of a pass in eval mode, and all else goes through together."""
    Watched.calls.clear()
    fitted(Watched(3, 2), plan(range(20, 60), ratio=1, delay=0.5), batch_size=8)
    steps = Watched.calls[-46:]
    assert steps[:15] == 15 * [(8, True, True)]
    assert steps[15] == (40, False, False)  # how often classes come
    assert steps[16:] == 15 * [(8, False, False), (16, True, True)]


@pytest.mark.parametrize(("lr", "n_looks"), [(1e-6, 2), (1.0, 1)])
def test_a_net_that_says_nothing_yet_is_looked_at_again(lr, n_looks):
    """When the delay is over, and when the ramp is."""
    Watched.calls.clear()
    some = plan(range(20, 60), prior="auto", ratio=1, delay=0.5, ramp=0.3)
    fitted(Watched(3, 2), some, batch_size=8, lr=lr)
    steps = Watched.calls[-(45 + n_looks) :]
    look = (40, False, False)
    assert [i for i, call in enumerate(steps) if call == look] == [15, 34][:n_looks]


def test_rows_with_and_without_a_label_meet_in_no_batch():
    """What a step learns is a row's own label, or a guess about the others."""
    seen = []

    def strong(rows):
        seen.append(rows)
        return rows

    X, _, _ = rows_and_codes()
    fitted(nn.Linear(3, 2), plan(range(20, 60), strong=strong))
    hidden = {tuple(row) for row in X[20:].tolist()}
    assert {tuple(row) for rows in seen for row in rows.tolist()} == hidden


def test_the_loss_by_hand():
    """A step of plain SGD on labelled rows, and on guesses that pass the threshold."""
    X, _, codes = rows_and_codes()
    module = nn.Linear(3, 2)
    net = NetClassifier(
        module,
        max_steps=1,
        batch_size=20,
        optimizer=torch.optim.SGD,
        lr=0.5,
        lr_schedule=None,
        weight_decay=0.0,
        random_state=0,
    )
    some = plan(range(20, 60), ratio=2, weight=0.7, class_thresholds=False, ramp=0.0)
    some = Consistency(**{**vars(some), "threshold": 0.6})
    weights = (codes >= 0).astype(float)
    fit_consistently(net, X, codes, weights, some, go_on=False)

    hand, rows = nn.Linear(3, 2), torch.from_numpy(X)
    hand.load_state_dict(module.state_dict())
    losses = nn.CrossEntropyLoss(reduction="none")
    guess, code = hand(rows[20:]).detach().softmax(dim=1).max(dim=1)
    loss = losses(hand(rows[:20]), torch.from_numpy(codes[:20])).mean()
    assert 0 < (guess >= 0.6).sum() < 40
    loss = loss + 0.7 * (losses(hand(rows[20:]), code) * (guess >= 0.6)).mean()
    loss.backward()
    expected = hand.weight - 0.5 * hand.weight.grad
    torch.testing.assert_close(net.module_.weight, expected)


def test_held_out_rows_judge_the_averaged_weights():
    """The last of them are far from the best: the learning rate makes them jump."""
    X, _, codes = rows_and_codes()
    some = plan(range(20, 60), ema_decay=0.99, delay=1.0)
    params = {"lr": 3.0, "lr_schedule": None, "early_stopping": True}
    net = fitted(nn.Linear(3, 2), some, **params, patience=100)
    losses = net.history_[:, "valid_loss"]
    assert np.argmin(losses) > 0
    assert np.mean(net.predict(X[:20]) == codes[:20]) > 0.8
