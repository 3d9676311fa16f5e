"""What a last-layer Laplace posterior costs: curvature and search of a precision.

1000 labelled rows, 128 features, 10 classes, a tenth of the labels drawn anew, and 1000
held-out rows by which the precision is chosen, beside laplace-torch. Both sides get the
same ready embeddings and the same last layer (of a logistic regression), build the
posterior from the labelled rows, and then compare the same 13 precisions by the
likelihood of the same held-out rows under the same kind of prediction: in closed form
(``probit``) or as the mean of 64 draws (``mc``; laplace-torch draws the logits of each
row). laplace-torch gets a plain function as its loss, since with its default metric the
search runs on and on over the same running mean; its Kronecker factors treat the bias
apart. It takes the best precision, and skal the least that is not clearly worse, so
``best`` is skal's by laplace-torch's rule.

Neither the fit of the logistic regression nor any import counts. All use one thread,
and are timed by turns in seconds of the processor and of the clock; the least of each
counts. Target: at least 10 times faster by the processor. A run takes about a minute.
"""

import argparse
import gc
import warnings
from functools import partial
from importlib.util import find_spec
from time import perf_counter, process_time

import numpy as np
import torch
from common import blobs, show
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from skal.posterior import _links, _precision
from skal.posterior._last_layer import LastLayer

TARGET = 10.0
N_DRAWS = 64
#: What stands for a peer that is not installed.
MISSING = np.nan, np.nan, (np.nan, np.nan)


def by_skal(model, training, held_out, structure, link):
    """Return the precision, and the best: build the posterior, compare a grid."""
    laplace = LastLayer(model, training[0], np.ones(len(training[0])), structure)
    inputs = laplace.inputs(model, held_out[0])
    taus = _precision.grid(laplace.unit)
    noise = None
    if link == "mc":
        noise = _links.noise_for(laplace.theta.shape, N_DRAWS, 0)
    loss = _precision.losses(laplace, inputs, held_out[1], taus, link, noise)
    weight = np.ones(len(loss))
    return _precision.choose(loss, taus, weight), taus[np.argmin(weight @ loss)]


def by_laplace_torch(model, training, held_out, structure, link):
    """Return the precision, twice: what laplace-torch does for the same end."""
    from laplace import Laplace

    grid = np.log10(_precision.grid(1 / model.C))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        laplace = Laplace(
            head_of(model),
            "classification",
            subset_of_weights="last_layer",
            hessian_structure=structure,
        )
        laplace.fit(loader(*training))
        laplace.optimize_prior_precision(
            pred_type="glm",
            method="gridsearch",
            link_approx=link,
            n_samples=N_DRAWS,
            val_loader=loader(*held_out),
            loss=nll,
            log_prior_prec_min=grid[0],
            log_prior_prec_max=grid[-1],
            grid_size=len(grid),
        )
    return 2 * (float(laplace.prior_precision),)


def import_quietly():
    """Import laplace-torch, which warns and takes seconds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import laplace  # noqa: F401


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


def timed(function):
    """Return seconds of the processor and of the clock, and the result."""
    gc.collect()
    wall, cpu = perf_counter(), process_time()
    result = function()
    return process_time() - cpu, perf_counter() - wall, result


def least(turns):
    """Return the least seconds of each kind, and one result."""
    cpu, wall, results = zip(*turns, strict=True)
    return min(cpu), min(wall), results[0]


def compare(structure, link, model, training, held_out, repeats):
    """Return a row of the table."""
    data = training, held_out, structure, link
    functions = {"skal": partial(by_skal, FrozenEstimator(model), *data)}
    if find_spec("laplace"):
        functions["laplace-torch"] = partial(by_laplace_torch, model, *data)
    turns = {name: [] for name in functions}
    for _ in range(repeats):
        for name, function in functions.items():
            turns[name].append(timed(function))
    cpu, wall, (tau, best) = least(turns["skal"])
    their_cpu, their_wall, (theirs, _) = least(turns.get("laplace-torch", [MISSING]))
    return (
        f"{structure}, {link}",
        f"{cpu:.3f}",
        f"{wall:.3f}",
        f"{their_cpu:.2f}",
        f"{their_wall:.2f}",
        f"{their_cpu / cpu:.1f}",
        f"{their_wall / wall:.1f}",
        f"{tau:.3g}",
        f"{best:.3g}",
        f"{theirs:.3g}",
        "ok" if their_cpu / cpu >= TARGET else "missed",
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--features", type=int, default=128)
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--structures", nargs="+", default=["diag", "kron", "full"])
    parser.add_argument("--links", nargs="+", default=["probit", "mc"])
    options = parser.parse_args()

    n = options.rows
    X, y = blobs(2 * n, options.features, n_classes=options.classes)
    rng = np.random.default_rng(0)
    anew = rng.uniform(size=2 * n) < 0.1
    y = np.where(anew, rng.integers(options.classes, size=2 * n), y)
    training, held_out = (X[:n], y[:n]), (X[n:], y[n:])
    if find_spec("laplace"):
        import_quietly()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        model = LogisticRegression(max_iter=1000).fit(*training)
        rows = [
            compare(structure, link, model, training, held_out, options.repeats)
            for structure in options.structures
            for link in options.links
        ]
    columns = ["posterior", "skal cpu s", "wall s", "laplace-torch cpu s", "wall s"]
    columns += [
        "times faster, cpu",
        "wall",
        "skal's precision",
        "best",
        "its precision",
    ]
    show(
        f"fit and search: {n} rows x {options.features}, {options.classes} classes",
        [*columns, "target"],
        rows,
    )


if __name__ == "__main__":
    main()
