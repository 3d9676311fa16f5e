"""The laws of pair strategies, each a promise that is tried."""

import pickle

import numpy as np
from scipy.stats import chi2
from sklearn.base import clone

from skal.testing._chance import FALSE_ALARM
from skal.testing._pair_trial import as_set

#: Draws of a strategy that leaves something to chance, and the pairs of each.
N_DRAWS, N_DRAWN = 30, 5


def pairs_of_items(trial):
    """Give different pairs of different items, never more than wanted."""
    for name, view in trial.views.items():
        for n_pairs in (1, 10, 100):
            pairs = trial.strategy(view, n_pairs, random_state=trial.seed)
            assert pairs.dtype == np.int64, f"{name}: got {pairs.dtype}."
            assert pairs.shape[1:] == (2,), f"{name}: got shape {pairs.shape}."
            assert len(pairs) <= n_pairs, f"{name}: {len(pairs)} pairs of {n_pairs}."
            assert len(as_set(pairs)) == len(pairs), f"{name}: a pair comes twice."
            assert (pairs[:, 0] != pairs[:, 1]).all(), f"{name}: an item with itself."
            if "many exact answers" not in name:  # all may be known there
                assert len(pairs), f"{name}: nothing is asked, but not all is known."


def view_untouched(trial):
    """Leave what is known as it was."""
    for view in trial.views.values():
        before = pickle.dumps(trial.parts(view))
        trial.ask(view, 10)
        after = pickle.dumps(trial.parts(view))
        assert before == after, "the items, the answers or the belief were altered."


def parameters_untouched(trial):
    """Store nothing on the strategy."""
    fresh = clone(trial.strategy)
    names, params = sorted(vars(fresh)), repr(fresh.get_params())
    for view in trial.views.values():
        fresh(view, 10, random_state=trial.seed)
    assert names == sorted(vars(fresh)), "attributes appeared."
    assert params == repr(fresh.get_params()), "parameters changed."


def global_random_state(trial):
    """Neither read nor write numpy's global random state."""
    state = np.random.get_state()  # noqa: NPY002
    try:
        answers = []
        for seed in (1, 2):
            np.random.seed(seed)  # noqa: NPY002
            before = pickle.dumps(np.random.get_state())  # noqa: NPY002
            answers.append([trial.ask(view, 10) for view in trial.views.values()])
            after = pickle.dumps(np.random.get_state())  # noqa: NPY002
            assert before == after, "the global state was written."
        for first, second in zip(*answers, strict=True):
            assert np.array_equal(first, second), "the global state was read."
    finally:
        np.random.set_state(state)  # noqa: NPY002


def same_seed_same_pairs(trial):
    """Give the same pairs for the same random_state, asked again or of a clone."""
    for name, view in trial.views.items():
        for n_pairs in (1, 10):
            expected = trial.ask(view, n_pairs, seed=7)
            again = trial.ask(view, n_pairs, seed=7)
            assert np.array_equal(expected, again), f"{name}: others if asked again."
            fresh = clone(trial.strategy)(view, n_pairs, random_state=7)
            fresh = np.sort(fresh, axis=1)
            assert np.array_equal(expected, fresh), f"{name}: others of a clone."


def nothing_known_is_asked(trial):
    """Ask nothing twice, and nothing that exact answers imply, until all is known."""
    y, asked = trial.y, []
    together, apart = np.eye(len(y), dtype=bool), np.zeros((len(y), len(y)), bool)

    def oracle(i, j):
        pair = tuple(sorted((i, j)))
        assert pair not in asked, f"{pair} was asked before."
        assert not together[i, j], f"{pair} are known to be together."
        assert not apart[i, j], f"{pair} are known to be apart."
        asked.append(pair)
        mine, theirs = together[i].copy(), together[j].copy()
        if y[i] == y[j]:
            both = mine | theirs
            together[np.ix_(both, both)] = True
            away = apart[i] | apart[j]
            apart[np.ix_(both, away)] = apart[np.ix_(away, both)] = True
        else:
            apart[np.ix_(mine, theirs)] = apart[np.ix_(theirs, mine)] = True
        return bool(y[i] == y[j])

    clusterer = trial.learner().fit(trial.X, oracle=oracle)
    same = y[:, np.newaxis] == y
    found = clusterer.labels_[:, np.newaxis] == clusterer.labels_
    assert np.array_equal(same, found), (
        f"after {len(asked)} answers nothing more is asked, but the groups are wrong."
    )


def unasked_answers_do_not_matter(trial):
    """Ask the same whatever the answers of pairs are that are not asked."""
    given = {}

    def first(i, j):
        given[i, j] = trial.truth(i, j)
        return given[i, j]

    def second(i, j):
        assert (i, j) in given, f"({i}, {j}) is asked now, with the same answers."
        return given[i, j]

    for way in trial.ways:
        given.clear()
        params = {"n_queries": 80, "batch_size": 4, **way}
        one = trial.learner(**params).fit(trial.X, oracle=first)
        other = trial.learner(**params).fit(trial.X, oracle=second)
        for ours, theirs in zip(
            one.history_["pairs"], other.history_["pairs"], strict=True
        ):
            assert np.array_equal(ours, theirs), "other pairs, with the same answers."


def item_order(trial):
    """Pick the same pairs, up to ties, in whatever order the items come."""
    order = np.random.RandomState(trial.seed).permutation(len(trial.y))
    for name, view in trial.views.items():
        shuffled = trial.moved(view, order)
        picks = [as_set(trial.ask(view, N_DRAWN, seed)) for seed in range(N_DRAWS)]
        moved = [
            as_set(order[trial.ask(shuffled, N_DRAWN, N_DRAWS + seed)])
            for seed in range(N_DRAWS)
        ]
        if all(pick == picks[0] for pick in picks):
            assert moved[0] == picks[0], f"{name}: other pairs of shuffled items."
        assert_as_often(count(picks, len(order)), count(moved, len(order)), name)


def count(picks, n_items):
    """Count how often each pair is asked about."""
    keys = [i * n_items + j for pick in picks for i, j in pick]
    return np.bincount(np.array(keys, int), minlength=n_items**2)


def assert_as_often(counts, moved, name):
    """Make sure that two sets of draws ask about a pair as often, but for chance."""
    share = (counts + moved) / (2 * N_DRAWS)
    expected = (share * (1 - share)).sum() * 4 * N_DRAWS**2 / (2 * N_DRAWS - 1)
    found = ((counts - moved) ** 2).sum()
    assert found <= expected * chi2.isf(FALSE_ALARM, 1), (
        f"{name}: the order of the items moves the picks {found / max(expected, 1):.0f}"
        " times as much as chance does."
    )


def simulation_is_live(trial):
    """Ask the same in a loop of query and teach, pickled each round, as in fit."""
    params = {"n_queries": 60, "batch_size": 3}
    simulated = trial.learner(**params).fit(trial.X, trial.y)
    live = trial.learner(**params).fit(trial.X)
    while live.n_queries_ < 60:
        wanted = min(3, 60 - live.n_queries_)
        pairs = live.query(wanted)
        if len(pairs) == 0:
            break
        live = pickle.loads(pickle.dumps(live))
        assert np.array_equal(live.query(wanted), pairs), "a pickle asks otherwise."
        live.teach(pairs, [trial.truth(i, j) for i, j in pairs])
    for ours, theirs in zip(
        simulated.history_["pairs"], live.history_["pairs"], strict=True
    ):
        assert np.array_equal(ours, theirs), "fit asks for other pairs."


def few_items(trial):
    """Serve one item, two items and items that are all alike."""
    for n in (1, 2, 6):
        y = np.arange(n) % 2
        labels = trial.learner().fit(np.zeros((n, 2)), y).labels_
        assert np.array_equal(labels[:, np.newaxis] == labels, y[:, np.newaxis] == y), (
            f"{n} rows that are alike are not told apart by their answers."
        )
