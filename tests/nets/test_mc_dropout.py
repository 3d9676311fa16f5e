"""MC dropout: all draws in one go give what one pass a draw gives, for any network."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from skal.nets import _mc_dropout
from skal.nets._dropout import Dropout, Rows
from skal.nets._dropout_calls import DropoutCalls
from skal.nets._dropout_network import Made, Network, find_dropouts
from skal.nets._mc_dropout import sample_logits

N_ROWS, N_SAMPLES = 12, 7


class Functional(nn.Module):
    """Functional dropout with a residual around it."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(10, 8), nn.Linear(8, 8)
        self.last = nn.Linear(8, 3)

    def forward(self, x):
        h = torch.relu(self.first(x))
        h = h + F.dropout(self.second(h), 0.3, training=self.training)
        return self.last(F.dropout(h, training=self.training))


class AddsInPlace(Functional):
    def forward(self, x):
        h = torch.relu(self.first(x))
        h += F.dropout(self.second(h), 0.3, training=self.training)
        return self.last(h)


class ChangesWhatItDropped(Functional):
    """The dropped units are read after their input has changed."""

    def forward(self, x):
        h = self.first(x)
        dropped = F.dropout(h, 0.5, training=self.training)
        h.mul_(2)
        return self.last(dropped) + self.last(h)


class UsesItTwice(Functional):
    def forward(self, x):
        h = F.dropout(torch.relu(self.first(x)), 0.4, training=self.training)
        parts = torch.cat([self.second(h), h], dim=1)
        return self.last(parts[:, :8]) + self.last(parts[:, 8:]) * h.mean(
            dim=1, keepdim=True
        )


class Builtin(Functional):
    def forward(self, x):
        h = torch.dropout(self.first(x), p=0.4, train=self.training)
        h = torch.alpha_dropout(self.second(h), 0.2, self.training)
        return self.last(
            torch.feature_dropout(h[:, :, None], 0.2, self.training)[..., 0]
        )


class Keywords(Functional):
    def forward(self, x):
        h = F.dropout(input=torch.relu(self.first(x)), p=0.4, training=self.training)
        return F.linear(input=h, weight=self.last.weight, bias=self.last.bias)


class LooksAtValues(Functional):
    """Control flow on values, which vmap cannot follow."""

    def forward(self, x):
        h = F.dropout(torch.relu(self.first(x)), training=self.training)
        return self.last(h if float(h.sum()) > 0 else -h)


class DropsAlways(Functional):
    def forward(self, x):
        return self.last(F.dropout(torch.relu(self.first(x))))


class ReturnsATuple(Functional):
    def forward(self, x):
        h = F.dropout(torch.relu(self.first(x)), training=self.training)
        return self.last(h), h


class Words(nn.Module):
    """Tokens in, a dropout of rank three, an average over the words."""

    def __init__(self):
        super().__init__()
        self.embedding, self.hidden = nn.Embedding(20, 6), nn.Linear(6, 8)
        self.drop, self.last = nn.Dropout(0.3), nn.Linear(8, 3)

    def forward(self, x):
        h = torch.relu(self.hidden(self.drop(self.embedding(x))))
        return self.last(self.drop(h).mean(dim=1))


def head(*layers):
    return nn.Sequential(nn.Linear(10, 8), nn.ReLU(), *layers)


def conv(*layers):
    return nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)),
        nn.Conv2d(1, 4, 3, padding=1),
        *layers,
        nn.ReLU(),
        nn.MaxPool2d(4),
        nn.Flatten(),
        nn.Dropout(),
        nn.Linear(16, 3),
    )


NETWORKS = {
    "two dropouts": lambda: head(
        nn.Dropout(), nn.Linear(8, 8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 3)
    ),
    "no bias": lambda: head(nn.Dropout(), nn.Linear(8, 3, bias=False)),
    "in place": lambda: head(nn.Dropout(inplace=True), nn.Linear(8, 3)),
    "everything dropped": lambda: head(nn.Dropout(1.0), nn.Linear(8, 3)),
    "alpha": lambda: head(nn.AlphaDropout(0.3), nn.Linear(8, 3)),
    "alpha, everything": lambda: head(nn.AlphaDropout(1.0), nn.Linear(8, 3)),
    "feature alpha": lambda: conv(nn.FeatureAlphaDropout(0.3)),
    "1d": lambda: head(
        nn.Unflatten(1, (4, 2)), nn.Dropout1d(), nn.Flatten(), nn.Linear(8, 3)
    ),
    "2d": lambda: conv(nn.Dropout2d(0.4)),
    "2d in place": lambda: conv(nn.Dropout2d(0.4, inplace=True)),
    "3d": lambda: head(
        nn.Unflatten(1, (2, 2, 2, 1)), nn.Dropout3d(), nn.Flatten(), nn.Linear(8, 3)
    ),
    "in a convolution": lambda: conv(nn.Dropout(0.4)),
    "batch norm": lambda: conv(nn.BatchNorm2d(4), nn.Dropout2d(0.2)),
    "of the input": lambda: nn.Sequential(nn.Dropout(0.3), nn.Linear(10, 3)),
    "of the input in place": lambda: nn.Sequential(
        nn.Dropout(0.3, inplace=True), nn.Linear(10, 3)
    ),
    "writes to its input": lambda: nn.Sequential(
        nn.ReLU(inplace=True), nn.Linear(10, 8), nn.Dropout(), nn.Linear(8, 3)
    ),
    "at the very end": lambda: head(nn.Linear(8, 3), nn.Dropout()),
    "in double precision": lambda: head(nn.Dropout(), nn.Linear(8, 3)).double(),
    "words": Words,
    "twice in a row": lambda: head(nn.Dropout(), nn.Dropout(0.2), nn.Linear(8, 3)),
    "functional": Functional,
    "adds in place": AddsInPlace,
    "changes what it dropped": ChangesWhatItDropped,
    "uses it twice": UsesItTwice,
    "builtin functions": Builtin,
    "keywords": Keywords,
    "drops in evaluation too": DropsAlways,
    "looks at values": LooksAtValues,
    "returns a tuple": ReturnsATuple,
}
#: These cannot run all draws in one go, or have no trunk to save.
ONE_BY_ONE = {
    "of the input",
    "of the input in place",
    "words",
    "adds in place",
    "changes what it dropped",
    "looks at values",
}


@pytest.fixture(params=NETWORKS)
def name(request):
    return request.param


def build(name):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return NETWORKS[name]().eval()


def rows_for(module, n_rows=N_ROWS):
    generator = torch.Generator().manual_seed(1)
    if isinstance(module, Words):
        return torch.randint(20, (n_rows, 5), generator=generator)
    first = next(iter(module.modules())) if not isinstance(module, nn.Sequential) else 0
    width = 64 if first == 0 and isinstance(module[0], nn.Unflatten) else 10
    rows = torch.randn(n_rows, width, generator=generator)
    return rows.to(next(module.parameters()).dtype)


def draw(module, X, n_samples=N_SAMPLES, seed=0, dropout="all", sizes=(5, 4, 3)):
    """Return (S, n, C) from batches of different sizes."""
    batches = X.split(list(sizes)) if isinstance(sizes, tuple) else X.split(sizes)
    parts = list(sample_logits(module, batches, n_samples, seed, dropout))
    assert all(
        part.shape[1] == len(batch) for part, batch in zip(parts, batches, strict=True)
    )
    return torch.cat(parts, dim=1)


def plan_of(module, X, n_samples=N_SAMPLES):
    with torch.no_grad():
        network = Network(module, X)
        draws = _mc_dropout._Draws(find_dropouts(network, X, "all"), n_samples, 0)
        return _mc_dropout._plan(network, draws, X), network, draws


# All draws in one go ------------------------------------------------------------


def test_all_draws_at_once_equal_one_pass_a_draw(name):
    module = build(name)
    X = rows_for(module)
    plan, network, draws = plan_of(module, X)
    with torch.no_grad():
        expected = _mc_dropout._OneByOne(network, draws)(X)
        torch.testing.assert_close(plan(X), expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(draw(module, X), expected, rtol=1e-4, atol=1e-5)


def test_networks_whose_trunk_can_run_once_do_so(name):
    module = build(name)
    plan, *_ = plan_of(module, rows_for(module))
    assert isinstance(plan, _mc_dropout._OneByOne) == (name in ONE_BY_ONE)


def test_the_trunk_runs_once_a_chunk():
    module, n_calls = build("two dropouts"), []
    module[0].register_forward_hook(lambda *_: n_calls.append(1))
    X = rows_for(module)
    next(sample_logits(module, [X], 2, 0))
    with_two = len(n_calls)
    n_calls.clear()
    next(sample_logits(module, [X], 200, 0))
    assert len(n_calls) - 200 == with_two - 2  # one row under each mask, to compare


def test_a_small_chunk_gives_the_same_draws(monkeypatch):
    module = build("two dropouts")
    X = rows_for(module)
    expected = draw(module, X)
    monkeypatch.setattr(_mc_dropout, "_CHUNK_BYTES", 3 * N_SAMPLES * 8 * 4)
    assert plan_of(module, X)[0].chunk_size == 3
    torch.testing.assert_close(draw(module, X), expected, rtol=0, atol=1e-6)


def test_the_draws_of_a_chunk_take_bounded_memory(monkeypatch):
    limit = _mc_dropout._CHUNK_BYTES // 100  # a pass for each draw takes its time
    monkeypatch.setattr(_mc_dropout, "_CHUNK_BYTES", limit)
    module = build("two dropouts")
    plan, *_ = plan_of(module, rows_for(module), n_samples=200)
    assert plan.chunk_size == limit // (200 * 8 * 4)


# The same draws for every row, chunk and call ----------------------------------


def test_draws_are_the_same_for_any_chunks(name):
    module = build(name)
    X = rows_for(module)
    expected = draw(module, X)
    for sizes in (1, 12):
        got = draw(module, X, sizes=sizes)
        torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5)


def test_equal_rows_get_equal_draws(name):
    module = build(name)
    X = rows_for(module)[[0] * N_ROWS]
    samples = draw(module, X)
    torch.testing.assert_close(
        samples, samples[:, :1].expand_as(samples), rtol=1e-4, atol=1e-5
    )


def test_the_first_draws_of_a_longer_call_are_the_same(name):
    module = build(name)
    X = rows_for(module)
    longer = draw(module, X, 2 * N_SAMPLES)
    torch.testing.assert_close(
        draw(module, X), longer[:N_SAMPLES], rtol=1e-4, atol=1e-5
    )


def test_a_seed_fixes_the_draws_and_another_gives_others():
    module = build("two dropouts")
    X = rows_for(module)
    assert torch.equal(draw(module, X, seed=3), draw(module, X, seed=3))
    assert not torch.isclose(draw(module, X, seed=3), draw(module, X, seed=4)).all()


def test_draws_differ_from_one_another():
    module = build("two dropouts")
    samples = draw(module, rows_for(module), 20)
    assert len(samples.unique(dim=0)) > 15  # few units: masks may repeat


def test_no_batches_give_no_logits():
    assert list(sample_logits(build("two dropouts"), [], 3, 0)) == []


# What comes out is what dropout gives --------------------------------------------


def manual(module, X, masks):
    """Return the logits of "two dropouts" under given masks, by hand."""
    first, _, _, second, _, _, last = module
    h = torch.relu(first(X)) * masks[0] / 0.5
    return last(torch.relu(second(h)) * masks[1] / 0.8)


def test_a_draw_is_one_mask_for_each_call_in_execution_order():
    module = build("two dropouts")
    X = rows_for(module)
    _, _, draws = plan_of(module, X)
    with torch.no_grad():
        for s, logits in enumerate(draw(module, X)):
            masks = [draws.mask(s, number, X[:, :8]) for number in range(2)]
            torch.testing.assert_close(logits, manual(module, X, masks))


def test_the_last_dropout_alone_is_one_mask():
    module = build("two dropouts")
    X = rows_for(module)
    _, _, draws = plan_of(module, X)
    with torch.no_grad():
        for s, logits in enumerate(draw(module, X, dropout="last")):
            mask = draws.mask(s, 1, X[:, :8])
            torch.testing.assert_close(logits, manual(module, X, [0.5, mask]))


@pytest.mark.parametrize("name", ["two dropouts", "2d", "alpha", "feature alpha"])
def test_draws_have_the_mean_and_covariance_of_stochastic_passes(name):
    module, n = build(name), 4000
    row = rows_for(module, 1)
    ours = draw(module, row, n, sizes=1)[:, 0].double()
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        for layer in module.modules():  # batch norm stays as it is
            layer.training = "Dropout" in type(layer).__name__
        theirs = module(row.expand(n, -1)).double()
    error = (ours.var(dim=0) / n + theirs.var(dim=0) / n).sqrt()
    assert ((ours.mean(dim=0) - theirs.mean(dim=0)).abs() < 4.5 * error).all()
    scale = theirs.std(dim=0)
    difference = (ours.T.cov() - theirs.T.cov()) / scale / scale[:, None]
    assert difference.abs().max() < 0.12  # 4.5 standard errors of sqrt(2 / 4000)


@pytest.mark.parametrize("p", [0.2, 0.5, 1.0])
@pytest.mark.parametrize(
    "function",
    [
        F.dropout,
        F.dropout1d,
        F.dropout2d,
        F.dropout3d,
        F.alpha_dropout,
        F.feature_alpha_dropout,
    ],
)
def test_every_dropout_does_to_its_units_what_torch_does(function, p):
    """Read torch's own mask off its result, and apply it."""
    generator = torch.Generator().manual_seed(0)
    rank = {"dropout2d": 4, "dropout3d": 5, "feature_alpha_dropout": 4}
    rank = rank.get(function.__name__, 3)
    x = torch.rand((1, 40, 3, 2, 2)[:rank], generator=generator) + 1
    with torch.random.fork_rng():
        torch.manual_seed(0)
        expected = function(x, p, training=True)
        dropped = function(torch.full_like(x, 1e9), p, training=True).abs() < 1e8
        torch.manual_seed(0)
        dropped = function(torch.full_like(x, 1e9), p, training=True).abs() < 1e8
    with DropoutCalls() as calls:
        function(x, p, training=True)
    ((call, seen),) = calls.seen
    assert seen.shape == x.shape
    got = call.drop(x, (~dropped).float())
    torch.testing.assert_close(got, expected)
    torch.testing.assert_close(
        call.drop(x.clone(), (~dropped).float(), inplace=True), expected
    )
    dims = tuple(range(2, x.ndim))
    constant = (dropped.float().amax(dims) == dropped.float().amin(dims)).all()
    feature = function not in (F.dropout, F.alpha_dropout)
    assert call.mask_shape(x) == ((1, 40, *[1] * (rank - 2)) if feature else x.shape)
    assert constant or not feature


def test_the_share_of_kept_units_is_one_minus_p():
    x, call = torch.empty(1, 200), Dropout("dropout", 0.3, True, False)
    draws = _mc_dropout._Draws({0: Made(call, Rows(), 0, (1, 200))}, 100, 0)
    masks = draws.stacked({0: x})[0]
    assert masks.shape == (100, 1, 200)
    assert abs(masks.mean() - 0.7) < 4.5 * (0.3 * 0.7 / 20_000) ** 0.5
    between = np.corrcoef(masks[:, 0].numpy())[~np.eye(100, dtype=bool)]
    assert np.abs(between).max() < 0.45  # no draw repeats another


# Nothing is left behind ----------------------------------------------------------


@pytest.mark.parametrize("training", [False, True])
def test_the_module_is_left_as_it_was(name, training):
    module = build(name).train(training)
    state = {key: value.clone() for key, value in module.state_dict().items()}
    versions = [tensor._version for tensor in module.state_dict().values()]
    modes = [part.training for part in module.modules()]
    X = rows_for(module)
    before = X.clone()
    draw(module, X)
    assert torch.equal(X, before)
    assert [part.training for part in module.modules()] == modes
    assert [tensor._version for tensor in module.state_dict().values()] == versions
    for key, value in module.state_dict().items():
        assert torch.equal(value, state[key])
    assert all(parameter.grad is None for parameter in module.parameters())


def test_batch_norm_is_frozen_though_the_module_is_in_training():
    evaluating, training = build("batch norm"), build("batch norm").train()
    X = rows_for(evaluating)
    assert torch.equal(draw(evaluating, X), draw(training, X))


def test_the_global_random_state_stays():
    before = torch.random.get_rng_state()
    for name in ("two dropouts", "looks at values"):
        module = build(name)
        draw(module, rows_for(module))
    assert torch.equal(torch.random.get_rng_state(), before)


def test_gradients_may_be_on_or_inference_mode_around():
    module = build("two dropouts")
    X = rows_for(module)
    expected = draw(module, X)
    assert not expected.requires_grad
    with torch.inference_mode():
        batches = (X.clone(), X.clone())
        inside = list(sample_logits(module, batches, N_SAMPLES, 0))
    assert torch.equal(inside[1].clone(), expected)
    assert torch.is_grad_enabled()


def test_low_precision_runs_at_once():
    module = build("two dropouts")
    X = rows_for(module)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        plan, network, draws = plan_of(module, X)
        got, expected = plan(X), _mc_dropout._OneByOne(network, draws)(X)
    assert isinstance(plan, _mc_dropout._AtOnce)
    assert got.dtype == torch.bfloat16
    torch.testing.assert_close(got, expected, rtol=5e-2, atol=5e-2)


# What cannot be answered is refused ----------------------------------------------


class Recurrent(nn.Module):
    def __init__(self, dropout):
        super().__init__()
        self.rnn = nn.LSTM(4, 4, num_layers=2, dropout=dropout, batch_first=True)
        self.drop, self.last = nn.Dropout(), nn.Linear(4, 3)

    def forward(self, x):
        return self.last(self.drop(self.rnn(x.view(len(x), -1, 4))[0][:, -1]))


class Attention(nn.Module):
    def __init__(self, dropout, need_weights=False):
        super().__init__()
        self.need_weights = need_weights
        self.attention = nn.MultiheadAttention(4, 2, dropout, batch_first=True)
        self.drop, self.last = nn.Dropout(), nn.Linear(4, 3)

    def forward(self, x):
        x = x.view(len(x), -1, 4)
        h, _ = self.attention(x, x, x, need_weights=self.need_weights)
        return self.last(self.drop(h.mean(dim=1)))


class Noise(Functional):
    def forward(self, x):
        if self.training:
            x = x + torch.randn_like(x)
        return super().forward(x)


class Behind(Functional):
    """Dropout behind an if, which evaluation mode never reaches."""

    def forward(self, x):
        h = torch.relu(self.first(x))
        return self.last(nn.Dropout(0.5)(h) if self.training else h)


class PositionsFirst(Functional):
    def forward(self, x):
        h = self.first(x).expand(4, len(x), 8)
        return self.last(F.dropout(h, training=self.training).mean(dim=0))


def made(make, *args):
    """Make a module, whose initial weights are drawn, beside the global state."""
    with torch.random.fork_rng():
        return make(*args)


def test_random_numbers_that_are_no_dropout_layers_are_refused():
    with pytest.raises(TypeError, match=r"but Noise draws .*LaplaceClassifier"):
        next(sample_logits(made(Noise), [torch.zeros(2, 10)], 2, 0))


@pytest.mark.parametrize("make", [Recurrent, Attention])
def test_the_same_networks_without_it_are_answered(make):
    assert draw(made(make, 0.0), torch.ones(12, 8)).shape == (N_SAMPLES, 12, 3)


def test_rows_need_not_come_first():
    """It used to be an error that they did not."""
    module = made(PositionsFirst)
    X = rows_for(module)
    expected = draw(module, X)
    torch.testing.assert_close(draw(module, X, sizes=1), expected)
    same = draw(module, X[[0] * N_ROWS])
    torch.testing.assert_close(same, expected[:, :1].expand_as(same))


def test_dropout1d_of_flat_rows_is_refused():
    module = made(head, nn.Dropout1d())
    with pytest.raises(TypeError, match=r"dropout1d must see rows.*Use torch.nn.Drop"):
        next(sample_logits(module, [torch.zeros(2, 10)], 2, 0))


def test_dropout_behind_an_if_is_refused():
    with pytest.raises(TypeError, match="got 1 and 0 calls"):
        next(sample_logits(made(Behind), [torch.zeros(2, 10)], 2, 0))


@pytest.mark.parametrize("layer", [nn.Identity(), nn.Dropout(0.0)])
def test_no_dropout_is_an_error_that_names_the_alternatives(layer):
    message = r"none of p > 0\. Add .* LaplaceClassifier or EnsembleClassifier"
    with pytest.raises(TypeError, match=message):
        next(sample_logits(made(head, layer), [torch.zeros(2, 10)], 2, 0))


def test_parameters_are_checked():
    module, X = build("two dropouts"), torch.zeros(2, 10)
    with pytest.raises(ValueError, match="n_samples must be at least 1, got 0"):
        next(sample_logits(module, [X], 0, 0))
    with pytest.raises(ValueError, match="dropout must be one of 'all', 'last'"):
        next(sample_logits(module, [X], 2, 0, "first"))
