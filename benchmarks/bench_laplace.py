"""What a last-layer Laplace posterior costs: curvature and search of a precision.

1 000 labelled rows, 128 features, 10 classes, and 1 000 held-out rows by which the
precision is chosen, beside laplace-torch with the same head, rows and structure. Both
sides get ready embeddings. laplace-torch searches its default grid by probit with a
plain function as its loss, since with its default metric the search runs on and on
over the same running mean. Target: at least 10 times faster.
"""

import argparse
import warnings
from importlib.util import find_spec

import numpy as np
import torch
from common import best, blobs, show
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression

from skal.posterior import _links, _precision
from skal.posterior._last_layer import LastLayer

TARGET = 10.0


def by_skal(model, X, X_held, y_held, structure, link):
    """Return the precision: build the posterior, then compare a grid."""
    laplace = LastLayer(model, X, np.ones(len(X)), structure)
    inputs = laplace.inputs(model, X_held)
    taus = _precision.grid(laplace.unit)
    noise = _links.noise_for(laplace.theta.shape, 64, 0)
    loss = _precision.losses(laplace, inputs, y_held, taus, link, noise)
    return _precision.choose(loss, taus, np.ones(len(y_held)))


def head_of(model):
    """Return a linear layer with the weights of a logistic regression."""
    head = torch.nn.Linear(*model.coef_.T.shape)
    with torch.no_grad():
        head.weight.copy_(torch.as_tensor(model.coef_))
        head.bias.copy_(torch.as_tensor(model.intercept_))
    return torch.nn.Sequential(torch.nn.Identity(), head)


def loader(X, y):
    data = torch.utils.data.TensorDataset(torch.as_tensor(X), torch.as_tensor(y))
    return torch.utils.data.DataLoader(data, batch_size=256)


def nll(proba, y):
    return torch.nn.functional.nll_loss(proba.log(), y)


def by_laplace_torch(head, training, held_out, structure):
    from laplace import Laplace

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        laplace = Laplace(
            head,
            "classification",
            subset_of_weights="last_layer",
            hessian_structure=structure,
        )
        laplace.fit(training)
        laplace.optimize_prior_precision(
            pred_type="glm",
            method="gridsearch",
            link_approx="probit",
            val_loader=held_out,
            loss=nll,
        )
    return float(laplace.prior_precision)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--features", type=int, default=128)
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--structures", nargs="+", default=["full", "kron", "diag"])
    options = parser.parse_args()

    X, y = blobs(2 * options.rows, options.features, n_classes=options.classes)
    y = y.astype(np.int64)
    half = options.rows
    model = FrozenEstimator(LogisticRegression(max_iter=300).fit(X[:half], y[:half]))
    training, held_out = loader(X[:half], y[:half]), loader(X[half:], y[half:])
    head = head_of(model.estimator)
    rows = []
    for structure in options.structures:
        arguments = model, X[:half], X[half:], y[half:], structure
        functions = {
            link: lambda link=link, a=arguments: by_skal(*a, link)
            for link in ("mc", "probit")
        }
        if find_spec("laplace"):
            functions["laplace-torch"] = lambda s=structure: by_laplace_torch(
                head, training, held_out, s
            )
        seconds = best(functions, options.repeats)
        theirs = seconds.get("laplace-torch", np.nan)
        rows.append(
            (
                structure,
                f"{seconds['mc']:.3f}",
                f"{seconds['probit']:.3f}",
                f"{theirs:.2f}",
                f"{theirs / seconds['mc']:.1f}",
                f"{theirs / seconds['probit']:.1f}",
                "ok" if theirs / seconds["mc"] >= TARGET else "missed",
            )
        )
    columns = ["structure", "skal, mc s", "skal, probit s", "laplace-torch s"]
    columns += ["times faster, mc", "times faster, probit", "target"]
    show(
        f"fit and search: {half} rows x {options.features}, {options.classes} classes",
        columns,
        rows,
    )


if __name__ == "__main__":
    main()
