"""MC dropout of sequences of several lengths: they are padded batch by batch."""

import numpy as np
import pytest
import torch
from torch import nn

from skal.nets import NetClassifier
from skal.nets._dropout_draws import draw_by_place
from skal.posterior import MCDropoutCommittee

N_CLASSES = 3


class Words(nn.Module):
    """Ids (n, T), as words (n, T, 8); their mean, a head."""

    def __init__(self):
        super().__init__()
        self.words, self.drop = nn.Embedding(9, 8), nn.Dropout(0.4)
        self.last = nn.Linear(8, N_CLASSES)

    def forward(self, ids, mask):
        words = self.dropped(self.words(ids), mask) * mask[..., None]
        return self.last(words.sum(1) / mask.sum(1, keepdim=True))

    def dropped(self, words, mask):
        return self.drop(words)


class InOneList(Words):
    """The words of all rows one after the other."""

    def dropped(self, words, mask):
        return self.drop(words.flatten(0, 1)).unflatten(0, words.shape[:2])


class TimeLast(Words):
    def __init__(self):
        super().__init__()
        self.signal = nn.Conv1d(8, 8, 1)

    def dropped(self, words, mask):
        return self.drop(self.signal(words.mT)).mT


class OfLayers(Words):
    def __init__(self):
        super().__init__()
        self.steps = nn.LSTM(8, 8, 2, batch_first=True, dropout=0.4)

    def dropped(self, words, mask):
        return self.drop(self.steps(words)[0])


class OfAttention(Words):
    def __init__(self):
        super().__init__()
        layer = nn.TransformerEncoderLayer(8, 2, 8, 0.4, batch_first=True)
        self.layers = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)

    def dropped(self, words, mask):
        return self.layers(words, src_key_padding_mask=~mask)


@pytest.fixture(scope="module")
def texts():
    """Return 260 texts, the longest in the first batch, and three labels each."""
    rng = np.random.default_rng(0)
    lengths = [7, *rng.integers(1, 7, 255), 2, 4, 3, 4]
    rows = [rng.integers(1, 9, length) for length in lengths]
    return rows, rng.integers(0, 2, (260, N_CLASSES))


@pytest.mark.parametrize("dropout", ["all", "last"])
@pytest.mark.parametrize("module", [Words, InOneList, TimeLast, OfLayers, OfAttention])
def test_draws_do_not_depend_on_how_long_the_others_are(texts, module, dropout):
    """More rows than a batch used to be a RuntimeError, or other draws of attention."""
    X, y = texts
    net = NetClassifier(
        module, criterion="bce", keep_integers=True, max_steps=2, random_state=0
    ).fit(X, y)
    draws = net.sample_proba(X, 4, random_state=0, dropout=dropout)
    for few in (slice(0, 40), slice(1, 9), slice(256, 260), slice(259, 260)):
        some = net.sample_proba(X[few], 4, random_state=0, dropout=dropout)
        np.testing.assert_allclose(some, draws[:, few], atol=1e-5)
    assert (draws.std(axis=0) > 0).any()


def test_a_committee_of_padded_rows_has_a_head(texts):
    X, y = texts

    class Last(Words):
        def forward(self, ids, mask):
            words = self.words(ids) * mask[..., None]
            return self.last(self.drop(words.sum(1) / mask.sum(1, keepdim=True)))

    net = NetClassifier(Last, criterion="bce", keep_integers=True, max_steps=2)
    committee = MCDropoutCommittee(net, n_samples=5, random_state=0).fit(X, y)
    proba = committee.head_proba(committee.embed(X))
    np.testing.assert_allclose(proba, committee.predict_proba(X), atol=1e-5)


@pytest.mark.parametrize("kind", ["uniform", "normal"])
def test_numbers_by_their_place_are_those_of_a_longer_draw(kind):
    draw = draw_by_place(kind, (2, 5, 7), 3)
    assert torch.equal(draw, draw_by_place(kind, (4, 9, 8), 3)[:2, :5, :7])
    assert len(draw.unique()) == draw.numel()
    assert not torch.equal(draw, draw_by_place(kind, (2, 5, 7), 4))


def test_numbers_by_their_place_are_independent():
    """Mean, variance and the covariance of neighbours, within four standard errors."""
    numbers = draw_by_place("normal", (200, 200), 0).double()
    error = 4 / 200
    assert abs(numbers.mean()) < error
    assert abs(numbers.var() - 1) < error * 2**0.5
    for a, b in [(numbers[1:], numbers[:-1]), (numbers[:, 1:], numbers[:, :-1])]:
        assert abs((a * b).mean()) < error
    assert abs((numbers * numbers.mT).triu(1).sum() / (200 * 199 / 2)) < error * 2
    counts = torch.histc(draw_by_place("uniform", (40_000,), 1), 10, 0, 1)
    assert ((counts - 4000).abs() < 4 * (4000 * 0.9) ** 0.5).all()
