"""Laws about samples: their shape, their mean, and that all rows share the draws."""

import pickle

import joblib
import numpy as np

from skal._data import n_rows
from skal.testing._pure import (
    assert_stores_parameters,
    attributes,
    global_states,
    state,
    torch_modes,
)


def shapes(trial):
    """Return probabilities (n, C), and samples (S, n, C) in float32."""
    posterior, n, C = trial.fitted, trial.n_rows, len(trial.fitted.classes_)
    proba = posterior.predict_proba(trial.X)
    assert proba.shape == (n, C), f"predict_proba is {proba.shape}, not {(n, C)}."
    samples = posterior.sample_proba(trial.X)
    assert samples.ndim == 3, f"sample_proba has {samples.ndim} dimensions, not 3."
    assert samples.shape[1:] == (n, C), (
        f"sample_proba is {samples.shape}, not (S, {n}, {C})."
    )
    assert samples.dtype == np.float32, f"samples are {samples.dtype}, not float32."
    for S in {1, 2, len(samples)} - set(range(len(samples) + 1, 3)):
        got = posterior.sample_proba(trial.X, n_samples=S).shape
        assert got == (S, n, C), f"n_samples={S} gave {got}, not {(S, n, C)}."
    single = posterior.sample_proba(trial.rows([0])).shape[1:]
    assert single == (1, C), f"one row gave samples of shape {single}, not {(1, C)}."


def probabilities(trial):
    """Return numbers from 0 to 1 that sum to 1."""
    answers = {
        "predict_proba": trial.fitted.predict_proba(trial.X),
        "sample_proba": trial.samples,
    }
    for name, proba in answers.items():
        assert np.isfinite(proba).all(), f"{name} holds NaN or infinity."
        low, high = proba.min(), proba.max()
        assert low >= 0, f"{name} holds {low}."
        assert high <= 1 + trial.tolerance, f"{name} holds {high}."
        off = np.abs(proba.sum(axis=-1, dtype=float) - 1).max()
        assert off <= trial.tolerance, f"{name} sums to 1 but for {off:.2g}."


def predictions(trial):
    """Predict the label of the highest probability."""
    proba = trial.fitted.predict_proba(trial.X)
    labels = trial.fitted.predict(trial.X)
    highest = proba.max(axis=1)
    chosen = np.searchsorted(trial.fitted.classes_, labels)
    given = proba[np.arange(len(proba)), chosen]
    n_off = (given < highest - trial.tolerance).sum()
    assert n_off == 0, f"{n_off} of {len(proba)} rows got another label."


def mean_of_samples(trial):
    """Predict the mean of the samples, and the same whenever asked."""
    proba = trial.fitted.predict_proba(trial.X)
    mean = trial.samples.mean(axis=0)
    trial.assert_close(proba, mean, "predict_proba against the mean of sample_proba")
    again = trial.fitted.predict_proba(trial.X)
    trial.assert_close(again, proba, "predict_proba asked twice")


def disagreement(trial):
    """Let the samples differ."""
    spread = np.ptp(trial.samples, axis=0).max()
    assert spread > trial.tolerance, (
        f"{len(trial.samples)} samples differ by {spread:.2g} at most."
    )


def same_draws_for_every_row(trial):
    """Give equal rows equal samples."""
    samples = trial.fitted.sample_proba(trial.rows([0, 1, 0, 0]), random_state=1)
    for position in (2, 3):
        trial.assert_close(
            samples[:, position], samples[:, 0], "a row against the same row again"
        )


def chunks(trial):
    """Give the same samples however many rows are asked at a time."""
    expected = trial.fitted.sample_proba(trial.X, random_state=1)
    for size in (1, 7):
        positions = np.arange(min(3 * size, trial.n_rows))
        parts = [
            trial.fitted.sample_proba(trial.rows(part), random_state=1)
            for part in np.array_split(positions, 3)
        ]
        trial.assert_close(
            np.concatenate(parts, axis=1),
            expected[:, positions],
            f"{size} rows at a time against all rows at once",
        )


def row_order(trial):
    """Let the samples move with the rows."""
    order = np.random.RandomState(trial.seed).permutation(trial.n_rows)
    moved = trial.fitted.sample_proba(trial.rows(order), random_state=1)
    expected = trial.fitted.sample_proba(trial.X, random_state=1)
    trial.assert_close(moved, expected[:, order], "samples of shuffled rows")


def prefix(trial):
    """Let the first samples of a longer call be those of a shorter one."""
    S = max(2, trial.n_samples // 2)
    if trial.n_samples < S:
        return
    for seed in (None, 1):
        longer = trial.fitted.sample_proba(trial.X, random_state=seed)
        shorter = trial.fitted.sample_proba(trial.X, n_samples=S, random_state=seed)
        trial.assert_close(shorter, longer[:S], f"{S} of {len(longer)} samples")


def reproducible(trial):
    """Give the same samples for the same seed, and by default."""
    for seed in (None, 1):
        first = trial.fitted.sample_proba(trial.X, random_state=seed)
        trial.fitted.sample_proba(trial.X, random_state=2)
        again = trial.fitted.sample_proba(trial.X, random_state=seed)
        trial.assert_close(again, first, f"random_state={seed} asked twice")


def fit_reproducible(trial):
    """Fit the same posterior again for the same random_state."""
    trial.assert_close(
        trial.fit().sample_proba(trial.X), trial.samples, "samples of a second fit"
    )


def n_samples_checked(trial):
    """Refuse a number of samples that is no number of samples."""
    for wrong in (0, -1, 1.5, "2"):
        try:
            trial.fitted.sample_proba(trial.X, n_samples=wrong)
        except (TypeError, ValueError):
            continue
        raise AssertionError(f"n_samples={wrong!r} was accepted.")
    S = trial.n_samples + 1
    error = None
    try:
        got = len(trial.fitted.sample_proba(trial.X, n_samples=S))
    except ValueError as refused:  # as an ensemble should, which has no more
        error = refused
    if error is None:
        assert got == S, f"n_samples={S} gave {got} samples."
        return
    assert str(trial.n_samples) in str(error), (
        f"the message {str(error)!r} does not say that there are {trial.n_samples}."
    )


def inputs_untouched(trial):
    """Leave the rows as they are."""
    before = joblib.hash(trial.X)
    ask_everything(trial)
    assert joblib.hash(trial.X) == before, "X was changed."


def model_untouched(trial):
    """Leave the fitted posterior and its answers as they are."""
    posterior = trial.fitted
    expected = posterior.predict_proba(trial.X).copy()
    before, modes = state(posterior), torch_modes(posterior)
    ask_everything(trial)
    assert torch_modes(posterior) == modes, "a torch module changed its mode."
    trial.assert_close(
        posterior.predict_proba(trial.X), expected, "predict_proba after sampling"
    )
    assert before is None or state(posterior) == before, "the posterior was changed."


def ask_everything(trial):
    """Use every public way into a posterior."""
    posterior = trial.fitted
    posterior.predict(trial.X)
    posterior.predict_proba(trial.X)
    posterior.sample_proba(trial.X)
    posterior.sample_proba(trial.X, n_samples=1, random_state=3)
    if hasattr(posterior, "embed"):
        E = posterior.embed(trial.X)
        if hasattr(posterior, "head_proba"):
            posterior.head_proba(E)


def global_random_state(trial):
    """Leave the global random states of random, numpy and torch alone."""
    trial.fitted.predict(trial.rows([0]))  # imports what it needs, torch perhaps
    before = global_states()
    trial.fit()
    trial.fitted.sample_proba(trial.X)
    trial.fitted.sample_proba(trial.X, random_state=0)
    after = global_states()
    used = [name for name in before if before[name] != after[name]]
    assert not used, f"drawn from or seeded: the global state of {', '.join(used)}."


def parameters_untouched(trial):
    """Leave the parameters as they were given."""
    posterior = trial.unfitted()
    params = posterior.get_params(deep=False)
    before = attributes(posterior)
    posterior.fit(trial.X_training, trial.y_training)
    after = attributes(posterior)
    changed = [name for name in params if before[name] != after[name]]
    assert not changed, f"changed by fit: {', '.join(changed)}."


def cloning(trial):
    """Be an estimator for clone, get_params and set_params."""
    assert_stores_parameters(type(trial.posterior))
    params = trial.unfitted().get_params(deep=False)
    copy = trial.unfitted().set_params(**params)
    trial.assert_close(
        trial.fit(copy).sample_proba(trial.X), trial.samples, "samples after set_params"
    )


def pickling(trial):
    """Give the same samples after a pickle."""
    copy = pickle.loads(pickle.dumps(trial.fitted))
    for seed in (None, 1):
        trial.assert_close(
            copy.sample_proba(trial.X, random_state=seed),
            trial.fitted.sample_proba(trial.X, random_state=seed),
            "samples after a pickle",
        )


def embeddings(trial):
    """Embed every row in float32 or CSR; the head of the embedding is the answer."""
    posterior = trial.fitted
    if not hasattr(posterior, "embed"):
        return
    E = posterior.embed(trial.X)
    assert n_rows(E) == trial.n_rows, f"{trial.n_rows} rows got {n_rows(E)} embeddings."
    assert len(E.shape) == 2, f"embeddings have shape {E.shape}, not (n, d)."
    assert E.dtype == np.float32, f"embeddings are {E.dtype}, not float32."
    if hasattr(posterior, "head_proba"):
        trial.assert_close(
            posterior.head_proba(E),
            posterior.predict_proba(trial.X),
            "head_proba(embed(X)) against predict_proba(X)",
        )


def label_names(trial):
    """Work alike whatever the labels are called."""
    names = np.array([f"class {label}" for label in trial.y_training.tolist()])
    classes, codes = np.unique(trial.y_training, return_inverse=True)
    named = np.array([f"class {label}" for label in classes.tolist()])
    if (np.argsort(named) != np.arange(len(named))).any():  # 10 comes before 9
        names = np.array([chr(97 + code) for code in codes])
    posterior = trial.fit(y=names)
    expected = np.unique(names)
    assert np.array_equal(posterior.classes_, expected), (
        f"classes_ is {posterior.classes_}, not {expected}."
    )
    trial.assert_close(posterior.sample_proba(trial.X), trial.samples, "renamed labels")
    strange = set(posterior.predict(trial.X).tolist()) - set(expected.tolist())
    assert not strange, f"predicted {strange}, which are no labels."
