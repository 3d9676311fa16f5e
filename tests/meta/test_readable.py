"""The repr of what holds data or a module stays short."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skal import ActiveLearner
from skal.stopping import Any, KappaAverage, ValidationPlateau

ROWS = np.arange(300.0).reshape(50, 6)
DATA = {
    "<ndarray of shape (50, 6)>": ROWS,
    "<DataFrame of shape (50, 6)>": pd.DataFrame(ROWS),
    "<csr_array of shape (50, 6)>": sp.csr_array(ROWS),
    "<list of 50>": ROWS.tolist(),
    "<list of 9>": ["a rather long text, one of several"] * 9,
}


@pytest.mark.parametrize("words", DATA)
def test_data_is_named_by_its_shape(words):
    rule = KappaAverage(0.9, X_stop=DATA[words])
    assert repr(rule) == f"KappaAverage(X_stop={words}, threshold=0.9)"
    learner = ActiveLearner(stopping=Any([("kappa", rule)]), n_labels=9)
    told = " ".join(repr(learner).split())
    inner = f"Any(rules=[('kappa', {rule!r})])"
    assert told == f"ActiveLearner(n_labels=9, stopping={inner})"
    assert rule.X_stop is DATA[words]


def test_lines_are_broken_as_those_of_scikit_learn_are():
    rule = ValidationPlateau(pd.DataFrame(ROWS), pd.Series(ROWS[:, 0]))
    assert repr(ActiveLearner(stopping=rule)).splitlines() == [
        "ActiveLearner(stopping=ValidationPlateau(X_val=<DataFrame of shape (50, 6)>,",
        " " * 41 + "y_val=<Series of shape (50,)>))",
    ]
    model = make_pipeline(StandardScaler(), LogisticRegression(C=2))
    assert "LogisticRegression(C=2))]))" in repr(ActiveLearner(model))


def test_what_is_short_is_shown():
    learner = ActiveLearner(batch_size=[5, 10], classes=np.arange(3), n_labels=0.5)
    assert repr(learner) == (
        "ActiveLearner(batch_size=[5, 10], classes=array([0, 1, 2]), n_labels=0.5)"
    )


def test_a_net_is_shown_as_it_shows_itself_and_a_module_by_its_name(torch):
    from skal.nets import CNNClassifier, NetClassifier

    net = CNNClassifier(max_epochs=3)
    assert repr(ActiveLearner(net)) == f"ActiveLearner(estimator={net!r})"
    module = torch.nn.Sequential(torch.nn.ReLU(), torch.nn.Flatten())
    told = "NetClassifier(lr=0.1, module=Sequential(...))"
    net = NetClassifier(module, lr=0.1)
    assert repr(ActiveLearner(net)) == f"ActiveLearner(estimator={told})"
    piped = ActiveLearner(make_pipeline(StandardScaler(), net), n_labels=9)
    assert told in " ".join(repr(piped).split())
    assert net.module is module


def test_a_repr_of_ones_own_is_kept():
    class Named(KappaAverage):
        def __repr__(self):
            return "Named!"

    assert repr(Named(X_stop=ROWS)) == "Named!"
    assert repr(ActiveLearner(stopping=Named())) == "ActiveLearner(stopping=Named!)"
