"""BatchBALD: the batch whose labels together would tell most about the model."""

from skal._checks import check_int
from skal._model import check_n_samples
from skal.query._base import QueryStrategy
from skal.query._classes import learnt
from skal.query.functional import mutual_information
from skal.query.functional._batch_bald import complete, joint_greedy
from skal.query.functional._order import top_n


class BatchBALD(QueryStrategy):
    r"""Pick a batch whose labels together would tell most about the model.

    The rows of highest BALD are often alike, and the label of one tells what the
    others would have told. Here a row counts for what its label is expected to add to
    those of the rows already picked:

    .. math:: \arg\max_x I(y_x; \omega \mid y_{x_1}, \dots, y_{x_k})

    Parameters
    ----------
    n_samples : int, default=None
        How many posterior draws or members to ask; None takes the estimator's own
        number S. A batch can tell log S nats and no more, 3.9 for 50 draws and 4.6
        for 100: where rows tell half a nat each, that is about ten rows.
    n_candidates : int, default=1000
        Rows of highest BALD that are considered. Their samples are held together.
    n_configurations : int, default=5000
        Ways to label the picked rows that are followed: all of them while there are
        no more, then as many random ones.

    Warns
    -----
    UserWarning
        If the draws have told 95 % of log S nats before the batch is full. The rest of
        it is drawn from the whole pool with chances in proportion to BALD, and has NaN
        for a score.

    See Also
    --------
    BALD : Scores each row alone.
    EPIG : Counts what helps the predictions for other rows only.
    skal.query.functional.batch_bald : The same on plain arrays.

    Notes
    -----
    Cost: O(S n C) and k steps of O(M S C) a row looked at for n rows, k picks, S draws
    and C classes, with M at most ``n_configurations``, after two passes as of BALD. A
    row's gain never grows, so that few are looked at again: as the batch fills, some
    hundreds in a step. Memory: the candidates' samples, 4 S C bytes each (5 MB for 1000
    of 10 classes and 128 draws), and 4 M (S + 5 C) bytes. Needs samples of one label in
    each row, the same draws for every row: a net with dropout, a posterior, a forest,
    bagging or soft voting. The score that is reported is the gain of each pick, in
    nats.

    References
    ----------
    Kirsch, A., van Amersfoort, J., Gal, Y. (2019). BatchBALD: efficient and diverse
    batch acquisition for deep Bayesian active learning. NeurIPS. arXiv:1906.08158

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from skal.query import BatchBALD
    >>> X, y = load_digits(return_X_y=True)
    >>> forest = RandomForestClassifier(100, min_samples_leaf=5, random_state=0)
    >>> forest = forest.fit(X[:100], y[:100])
    >>> indices, info = BatchBALD()(forest, X[100:], n_instances=3, random_state=0)
    >>> info["score"].round(1)
    array([1.7, 1.5, 0.9])
    """

    alias = "batch_bald"
    needs = frozenset({"samples"})
    target_types = frozenset({"multiclass"})

    def __init__(
        self,
        n_samples: int | None = None,
        n_candidates: int = 1000,
        n_configurations: int = 5000,
    ) -> None:
        self.n_samples = n_samples
        self.n_candidates = n_candidates
        self.n_configurations = n_configurations

    def _check_params(self):
        check_n_samples(self.n_samples)
        check_int("n_candidates", self.n_candidates)
        check_int("n_configurations", self.n_configurations)

    def _query(self, view, rows, n_instances, rng):
        def score(draws):
            return mutual_information(learnt(view, draws))

        information = view.reduce_samples(score, rows, self.n_samples)
        size = min(len(rows), max(n_instances, self.n_candidates))
        shortlist = top_n(information, size, rng)
        shortlist.sort()  # read in the pool's order
        draws = view.sample_proba(rows.take(shortlist), self.n_samples)
        samples = learnt(view, draws)
        picked, gains = joint_greedy(
            samples, information[shortlist], n_instances, self.n_configurations, rng
        )
        picked, gains = complete(
            shortlist[picked], gains, information, n_instances, len(samples), rng
        )
        return picked, {"score": gains}
