"""MC dropout in attention, recurrent layers and stochastic depth, as elsewhere."""

from itertools import pairwise

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torchvision.models import ConvNeXt, SwinTransformer, VisionTransformer
from torchvision.models.convnext import CNBlockConfig
from torchvision.ops import StochasticDepth, stochastic_depth

from skal._model import ModelView
from skal.nets import (
    MLPNetClassifier,
    NetClassifier,
    NetRegressor,
    _mc_dropout,
    _recurrent,
)
from skal.nets._attention import attention
from skal.nets._dropout_network import Network, find_dropouts
from skal.nets._mc_dropout import sample_logits
from skal.posterior import MCDropoutCommittee

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections")
N_ROWS, N_SAMPLES = 3, 3


class Recurrent(nn.Module):
    """Signals (n, 4, 5), their last state, dropout, a head."""

    def __init__(self, kind, rows_first=True, packed=False, **options):
        super().__init__()
        self.layers = kind(4, 6, 3, dropout=0.4, batch_first=rows_first, **options)
        self.rows_first, self.packed = rows_first, packed
        self.drop, self.last = nn.Dropout(0.3), nn.LazyLinear(3)

    def forward(self, x):
        lengths = 1 + (x[:, 0, 0] > 0).long() + (x[:, 0, 1] > 0).long()
        x = x.transpose(1, 2)  # (n, 5, 4)
        x = x if self.rows_first else x.transpose(0, 1)
        if self.packed:
            x = nn.utils.rnn.pack_padded_sequence(x, lengths, True, False)
            h = nn.utils.rnn.pad_packed_sequence(self.layers(x)[0], True)[0].sum(1)
        else:
            h = self.layers(x)[0].mean(dim=1 if self.rows_first else 0)
        return self.last(self.drop(h))


class Tokens(nn.Module):
    """Signals (n, 4, 5) through an encoder of tokens."""

    def __init__(self, rows_first):
        super().__init__()
        layer = nn.TransformerEncoderLayer(4, 2, 8, 0.3, batch_first=rows_first)
        self.rows_first = rows_first
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.last = nn.Linear(4, 3)

    def forward(self, x):
        x = x.transpose(1, 2)
        x = x if self.rows_first else x.transpose(0, 1)
        return self.last(self.encoder(x).mean(dim=1 if self.rows_first else 0))


class Attention(nn.Module):
    def __init__(self, need_weights=False):
        super().__init__()
        self.need_weights = need_weights
        self.attention = nn.MultiheadAttention(4, 2, 0.4, batch_first=True)
        self.last = nn.Linear(4, 3)

    def forward(self, x):
        x = x.transpose(1, 2)
        h, _ = self.attention(x, x, x, need_weights=self.need_weights)
        return self.last(h.mean(dim=1))


class Functional(nn.Module):
    """Attention as timm and others call it: p is 0 unless the module is in training."""

    def __init__(self, p=0.4):
        super().__init__()
        self.p, self.into, self.last = p, nn.Linear(4, 12), nn.Linear(4, 3)

    def forward(self, x):
        x = self.into(x.transpose(1, 2)).view(len(x), 5, 3, 2, 2)
        p = self.p if self.training else 0.0
        h = F.scaled_dot_product_attention(
            *x.permute(2, 0, 3, 1, 4), dropout_p=p, is_causal=True
        )
        return self.last(h.transpose(1, 2).flatten(2).mean(dim=1))


class Residual(nn.Module):
    """Two blocks and what may drop each for a whole row."""

    def __init__(self, make):
        super().__init__()
        self.flat, self.first, self.second = nn.Flatten(), *linears(20, 20, 20)
        self.drops = nn.ModuleList([make(), make()])
        self.last = nn.Linear(20, 3)

    def forward(self, x):
        h = self.flat(x)
        h = h + self.drops[0](torch.relu(self.first(h)))
        h = h + self.drops[1](torch.relu(self.second(h)))
        return self.last(h)


def linears(*widths):
    return [nn.Linear(*pair) for pair in pairwise(widths)]


class DropPath(nn.Module):
    """Of timm's kind: may do without the scale, draws in place."""

    def __init__(self, drop_prob=0.4, scale_by_keep=True):
        super().__init__()
        self.drop_prob, self.scale_by_keep = drop_prob, scale_by_keep

    def forward(self, x):
        if self.drop_prob == 0.0 or not self.training:
            return x
        keep = 1 - self.drop_prob
        shape = (x.shape[0],) + (1,) * (x.ndim - 1)
        drawn = x.new_empty(shape).bernoulli_(keep)
        if keep > 0.0 and self.scale_by_keep:
            drawn.div_(keep)
        return x * drawn


class Floored(DropPath):
    """Of another well-known kind: uniform numbers, rounded down."""

    def forward(self, x):
        if not self.training:
            return x
        keep = 1 - self.drop_prob
        drawn = keep + torch.rand((x.shape[0], 1), dtype=x.dtype, device=x.device)
        return x.div(keep) * drawn.floor_()


class Gaussian(DropPath):
    """Gaussian dropout: units times 1 + noise."""

    def forward(self, x):
        if not self.training:
            return x
        return x * (1 + self.drop_prob * torch.randn_like(x))


class Chances(DropPath):
    """A chance for each unit, written into a tensor that is there."""

    def forward(self, x):
        if not self.training:
            return x
        keep = torch.bernoulli(torch.full_like(x, 1 - self.drop_prob))
        noise = torch.zeros_like(x)
        noise.uniform_(0.5, 1.5)
        return x * keep * noise + torch.empty_like(x).normal_(0.0, 0.1)


def shared(make):
    one = make()
    return lambda: one


def vision_transformer():
    return VisionTransformer(8, 4, 2, 2, 8, 16, 0.2, 0.3, num_classes=3)


def convnext(**options):
    blocks = [CNBlockConfig(4, 8, 1), CNBlockConfig(8, None, 2)]
    return ConvNeXt(blocks, 0.5, 1.0, num_classes=3, **options)


def swin():
    return SwinTransformer([2, 2], 8, [2], [2], [2, 2], 2.0, 0.2, 0.3, 0.4, 3)


NETWORKS = {
    "LSTM": lambda: Recurrent(nn.LSTM),
    "LSTM, steps first": lambda: Recurrent(nn.LSTM, False),
    "LSTM, both ways, projected": lambda: Recurrent(
        nn.LSTM, bidirectional=True, proj_size=3
    ),
    "GRU": lambda: Recurrent(nn.GRU, bias=False),
    "GRU, packed": lambda: Recurrent(nn.GRU, packed=True),
    "RNN": lambda: Recurrent(nn.RNN, nonlinearity="relu"),
    "TransformerEncoder": lambda: Tokens(True),
    "TransformerEncoder, tokens first": lambda: Tokens(False),
    "MultiheadAttention": Attention,
    "MultiheadAttention with weights": lambda: Attention(True),
    "scaled_dot_product_attention": Functional,
    "VisionTransformer": vision_transformer,
    "SwinTransformer": swin,
    "ConvNeXt": convnext,
    "StochasticDepth": lambda: Residual(lambda: StochasticDepth(0.4, "row")),
    "StochasticDepth, batch": lambda: Residual(lambda: StochasticDepth(0.4, "batch")),
    "DropPath": lambda: Residual(DropPath),
    "DropPath, unscaled": lambda: Residual(lambda: DropPath(0.4, False)),
    "DropPath, one for all": lambda: Residual(shared(DropPath)),
    "floored": lambda: Residual(Floored),
    "Gaussian": lambda: Residual(Gaussian),
    "chances": lambda: Residual(Chances),
}
IMAGES = {"VisionTransformer", "SwinTransformer", "ConvNeXt"}
#: Their masks are not of one shape for all batches, or made in place.
GO_ONE_BY_ONE = {"GRU, packed"}


#: One of each kind of what is new; the others are slower to run.
OF_EACH_KIND = [
    "LSTM",
    "TransformerEncoder",
    "VisionTransformer",
    "ConvNeXt",
    "DropPath",
]


def slow_but_for(names, quick):
    """Mark as long what is not quick."""
    marks = {name: () if name in quick else pytest.mark.long for name in names}
    return [pytest.param(name, marks=marks[name]) for name in names]


@pytest.fixture(params=slow_but_for(NETWORKS, OF_EACH_KIND))
def name(request):
    return request.param


def made(make, *args):
    """Make a module, whose weights are drawn, beside the global state."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = make(*args)
        with torch.no_grad():
            module(torch.randn(2, *((3, 8, 8) if is_vision(module) else (4, 5))))
            for parameter in module.parameters():  # heads may start as zeros
                parameter.add_(0.3 * torch.randn_like(parameter))
    return module.eval()


def is_vision(module):
    return isinstance(module, (VisionTransformer, SwinTransformer, ConvNeXt))


def rows_for(module, n_rows=N_ROWS):
    generator = torch.Generator().manual_seed(1)
    shape = (3, 8, 8) if is_vision(module) else (4, 5)
    return torch.randn(n_rows, *shape, generator=generator)


def draw(module, X, n_samples=N_SAMPLES, seed=0, dropout="all", size=N_ROWS):
    parts = sample_logits(module, X.split(size), n_samples, seed, dropout)
    return torch.cat(list(parts), dim=1)  # (S, n, C)


def close(got, expected):
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5)


# The same contract -----------------------------------------------------------


@pytest.mark.parametrize("name", NETWORKS)
def test_draws_are_one_pass_each_for_any_chunks_rows_and_number(name):
    check_contract(name, "all")


def test_so_are_those_of_the_last_dropout(name):
    check_contract(name, "last")


def check_contract(name, dropout):
    module = made(NETWORKS[name])
    X = rows_for(module)
    expected = one_by_one(module, X, dropout)
    close(draw(module, X, dropout=dropout), expected)
    longer = draw(module, X, 3 * N_SAMPLES, dropout=dropout, size=2)
    close(longer[:N_SAMPLES], expected)
    assert len(longer.unique(dim=0)) > 1
    close(draw(module, X.flip(0), dropout=dropout, size=1).flip(1), expected)


def one_by_one(module, X, dropout):
    with torch.no_grad():
        return _mc_dropout._OneByOne(*draws_of(module, X, N_SAMPLES, dropout))(X)


def draws_of(module, X, n_samples, dropout="all"):
    network = Network(module, X)
    return network, _mc_dropout._Draws(find_dropouts(network, X, dropout), n_samples, 0)


def test_the_module_and_the_global_state_are_left_as_they_were(name):
    module = made(NETWORKS[name]).train()
    modes = [part.training for part in module.modules()]
    kept = {key: value.clone() for key, value in module.state_dict().items()}
    state = torch.random.get_rng_state()
    draw(module, rows_for(module))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert [part.training for part in module.modules()] == modes
    assert not any(p._forward_hooks or p._forward_pre_hooks for p in module.modules())
    for key, value in module.state_dict().items():
        assert torch.equal(value, kept[key])


def stochastic_passes(module, row, n):
    """Return the logits of a row in n passes with dropout as torch makes it."""
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        module.train()
        if any(getattr(part, "mode", "") == "batch" for part in module.modules()):
            return torch.cat([module(row) for _ in range(n)]).double()
        return module(row.expand(n, *row.shape[1:])).double()


@torch.no_grad()
def test_draws_have_the_mean_and_covariance_of_stochastic_passes(name):
    module, n = made(NETWORKS[name]), 200 if name in GO_ONE_BY_ONE else 1000
    row = rows_for(module, 1)
    network, draws = draws_of(module, row, n)
    plan = _mc_dropout._OneByOne(network, draws)
    if name not in GO_ONE_BY_ONE:  # at once, to be quick
        seen = _mc_dropout._look(network, draws, row)
        plan = _mc_dropout._AtOnce(network, draws, draws.stacked(seen.inputs), 1)
    ours = plan(row)[:, 0].double()
    theirs = stochastic_passes(module, row, n)
    error = (ours.var(dim=0) / n + theirs.var(dim=0) / n).sqrt()
    assert ((ours.mean(dim=0) - theirs.mean(dim=0)).abs() < 4.5 * error).all()
    ours, theirs = (x - x.mean(dim=0) for x in (ours, theirs))
    products = [x[:, :, None] * x[:, None] for x in (ours, theirs)]  # (n, C, C)
    gap = (products[0].mean(dim=0) - products[1].mean(dim=0)).abs()
    error = sum(product.var(dim=0) / n for product in products).sqrt()
    assert (gap < 4.5 * error).all()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"scale": 0.3},
        {"is_causal": True},
        {"attn_mask": torch.tensor([[True, False, True], [False, False, False]])},
        {"attn_mask": torch.tensor([[0.0, -1.0, 2.0], [1.0, 0.0, -torch.inf]])},
    ],
)
def test_attention_of_which_nothing_is_dropped_is_that_of_torch(options):
    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(2, 4, n, 5, generator=generator) for n in (2, 3, 3))
    expected = F.scaled_dot_product_attention(q, k, v, **options)
    close(attention(q, k, v, **options, drop=lambda weights: weights), expected)


@pytest.mark.skipif(
    "enable_gqa" not in F.scaled_dot_product_attention.__doc__,
    reason="this torch has no heads that share their keys",
)
def test_heads_that_share_their_keys():
    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(2, n, 3, 5, generator=generator) for n in (4, 2, 2))
    expected = F.scaled_dot_product_attention(q, k, v, enable_gqa=True)
    got = attention(q, k, v, enable_gqa=True, drop=lambda weights: weights)
    close(got, expected)


# The trunk runs once -----------------------------------------------------------


@pytest.mark.parametrize("name", ["LSTM", "VisionTransformer", "ConvNeXt"])
def test_what_comes_before_the_last_dropout_runs_once(name):
    module, calls = made(NETWORKS[name]), []
    layer = next(
        part for part in module.modules() if isinstance(part, (nn.RNNBase, nn.Conv2d))
    )
    layer.register_forward_hook(lambda *_: calls.append(1))
    X = rows_for(module)
    draw(module, X, 2, dropout="last")
    with_two = len(calls)
    calls.clear()
    draw(module, X, 9, dropout="last")
    assert len(calls) - with_two == 9 - 2  # one row under each mask, to compare


def test_the_first_recurrent_layer_runs_once(monkeypatch):
    module, sizes = made(NETWORKS["LSTM"]), []
    run = _recurrent.Layers.__call__

    def counted(layers, x, *states):
        sizes.append(len(x))
        return run(layers, x, *states)

    X = rows_for(module)
    network, draws = draws_of(module, X, 7)
    with torch.no_grad():
        plan = _mc_dropout._plan(network, draws, X)
        monkeypatch.setattr(_recurrent.Layers, "__call__", counted)
        plan(X)
    assert sizes == [N_ROWS, 7 * N_ROWS, 7 * N_ROWS]


# What else is in the module ------------------------------------------------------


class Noisy(nn.Module):
    """Noise in training that nobody can set, then dropout, then a head."""

    def __init__(self):
        super().__init__()
        self.flat, self.first = nn.Flatten(), Noise(20, 8)
        self.drop, self.last = nn.Dropout(), nn.Linear(8, 3)

    def forward(self, x):
        return self.last(self.drop(self.first(self.flat(x))))


class Noise(nn.Linear):
    def forward(self, x):
        h = super().forward(x)
        return h + torch.randn_like(h) if self.training else h


class BehindAnIf(Noisy):
    def forward(self, x):
        h = self.flat(x)
        h = F.dropout(h, 0.2) if self.training else h
        return self.last(self.drop(torch.relu(nn.Linear.forward(self.first, h))))


class Blocks(Noisy):
    """Stochastic depth as a function, in a module that has weights."""

    def forward(self, x):
        h = nn.Linear.forward(self.first, self.flat(x))
        h = stochastic_depth(h, 0.5, "row", self.training)
        return self.last(self.drop(h))


@pytest.mark.parametrize("make", [Noisy, BehindAnIf, Blocks])
@torch.no_grad()
def test_the_last_dropout_works_whatever_comes_before(make):
    module = made(make)
    X = rows_for(module)
    h = nn.Linear.forward(module.first, module.flat(X))
    h = torch.relu(h) if make is BehindAnIf else h
    _, draws = draws_of(module, X, N_SAMPLES, "last")
    (number,) = draws.made
    for s, logits in enumerate(draw(module, X, dropout="last")):
        close(logits, module.last(h * draws.mask(s, number, h) / 0.5))


@pytest.mark.parametrize(
    ("make", "name"),
    [(Noisy, "Noise 'first'"), (Blocks, "Blocks"), (BehindAnIf, "BehindAnIf")],
)
def test_what_cannot_be_set_is_refused_by_name(make, name):
    module = made(make)
    with pytest.raises(TypeError, match=rf"{name}.*LaplaceClass|calls of {name}"):
        draw(module, rows_for(module))


class Folded(Noisy):
    """Dropout of rows that lie between the positions."""

    def forward(self, x):
        h = x.permute(2, 0, 1).reshape(-1, 4)  # (5 n, 4), rows innermost
        h = self.drop(h).view(5, len(x), 4).transpose(0, 1)
        return self.last(self.first(self.flat(h)))


class Frames(Folded):
    """Dropout of frames, those of a row one after the other."""

    def forward(self, x):
        h = self.drop(x.transpose(1, 2).reshape(-1, 4))
        return self.last(nn.Linear.forward(self.first, h.reshape(len(x), -1)))


class OfWeights(Noisy):
    """Dropout of weights, which have no rows."""

    def forward(self, x):
        weight = F.dropout(self.first.weight, 0.5, training=self.training)
        return self.last(F.linear(self.flat(x), weight))


def test_rows_that_are_not_one_after_the_other_are_refused():
    module = made(Folded)
    with pytest.raises(TypeError, match=r"one after the other, got .* Dropout 'drop'"):
        draw(module, rows_for(module), dropout="last")


@pytest.mark.parametrize("make", [Frames, OfWeights])
def test_a_mask_is_that_of_a_row_wherever_the_rows_stand(make):
    module = made(make)
    X = rows_for(module)
    expected = draw(module, X, dropout="last")
    close(draw(module, X, dropout="last", size=1), expected)
    same = draw(module, X[[0, 0, 0]], dropout="last")
    close(same, expected[:, :1].expand_as(same))


# The nets ------------------------------------------------------------------------


class Classifier(Recurrent):
    """Flat rows, which are signals."""

    def __init__(self, n_classes):
        super().__init__(nn.LSTM)
        self.last = nn.Linear(6, n_classes)

    def forward(self, x):
        return super().forward(x.view(len(x), 4, 5))


@pytest.fixture(scope="module")
def signals():
    rng = np.random.RandomState(0)
    y = rng.randint(3, size=60)
    return rng.normal(size=(60, 20)) + y[:, None], y


def test_a_recurrent_net_is_a_committee(signals):
    X, y = signals
    net = NetClassifier(Classifier, max_steps=10, random_state=0)
    committee = MCDropoutCommittee(net, dropout="all", n_samples=4, random_state=0)
    samples = committee.fit(X, y).sample_proba(X[:5], random_state=1)
    assert len(np.unique(samples, axis=0)) == 4
    again = committee.sample_proba(X[:2], random_state=1)
    np.testing.assert_allclose(again, samples[:, :2], atol=1e-5)


def test_a_bare_net_takes_as_many_draws_as_a_committee(signals):
    """It used to take 20, and strategies chose otherwise than with a committee."""
    X, y = signals
    net = MLPNetClassifier(hidden=(8,), max_steps=2, random_state=0).fit(X, y)
    committee = MCDropoutCommittee(net).fit(X, y)
    draws = [ModelView(one).sample_proba(X[:3]) for one in (net, committee)]
    assert len(draws[0]) == len(draws[1]) == committee.n_samples
    regressor = NetRegressor(max_steps=2, random_state=0).fit(X, y.astype(float))
    assert len(ModelView(regressor).sample_predict(X[:3])) == committee.n_samples
