"""Several strategies, asked more often the more their answers teach."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skal._checks import check_choice, check_int, check_number, name_of
from skal._meta import NamedMembersMixin
from skal._model import provides
from skal.query._arms import Panel
from skal.query._names import as_strategy
from skal.query._outcomes import n_asked
from skal.query._policies import OF_CLASSES, POLICIES, least_horizon
from skal.query._wrapper import WrapperStrategy

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from skal.query._base import QueryStrategy


class Bandit(NamedMembersMixin, WrapperStrategy):
    r"""Ask by several strategies, and more by those whose answers surprise the model.

    Which strategy is right for the data is not known before there are labels; margin,
    the best on most data, is worse than chance on some. A bandit tries several and
    learns which pays, at the price of the questions that the others ask meanwhile. It
    is insurance: do not expect it to beat its best arm.

    Parameters
    ----------
    strategies : list of (str, strategy)
        The arms: names and strategies; a strategy may be a name such as "margin", too.
        Its own name is the prefix of its parameters: ``far__n_clusters``. The default
        is "random", "margin", "core_set" and "typiclust", each under its own name.
    policy : str, default="surprise"
        How it learns.

        - "surprise": Thompson sampling; an arm succeeds when the model's prediction for
          a row that it asked for was wrong, before the model learnt the label.
        - "thompson": the same with a grade, 1 - the probability of the answer; without
          one where the model gives no probabilities or there are no classes.
        - "exp4p": EXP4.P [1]_ rewarded by surprise. All arms that advise a row share in
          what it earns, each by 1 over the chance of the row.
        - "albl": active learning by learning [2]_, EXP4.P rewarded by the accuracy on
          the labels bought, each weighed by 1 over its chance. Over tens or hundreds of
          labels its rewards are so small that the arms stay all but even.
        - "tailor": TAILOR's rule [3]_: Thompson sampling of which classes an arm finds,
          where a class is worth 1 over its labels so far, less than 0 if it has more
          than half of them.
        - "uniform": all alike; nothing is learnt.
    discount : float, default=0.95
        What an answer counts one query later, above 0 and at most 1: what was right at
        first is not right for good. Read by "surprise", "thompson" and "tailor".
    horizon : int, default=100
        How many queries EXP4.P plans for: in "exp4p" and "albl" each arm keeps a chance
        of at least :math:`\sqrt{\log K / (K T)}` for K arms and T queries.

    Attributes
    ----------
    needs : frozenset of str
        What any of the arms needs.

    See Also
    --------
    Mixture : Shares that are given, not learnt.
    Schedule : One strategy after the other.
    Refine : Lets several strategies narrow the pool down together.
    skal.plotting.plot_arms : Draws which arm asked, and how sure the bandit was.

    Notes
    -----
    Cost: O(n + m K) for n rows, m labels and K arms, beside the arms that are asked:
    those with a share in the batch, or under "exp4p" and "albl" all of them. They share
    one fit and one pass of the model.

    **It holds no state.** What it knows is worked out anew in each query from the
    answers and from what it told when it asked, which ``history_["info"]`` keeps:
    ``base`` names the arm that asked for each row, ``probabilities`` how likely each of
    ``arms`` was to ask, and so how sure the bandit was; ``predicted`` what the model
    expected. A learner that was pickled, a live run and its simulation agree, and a
    label that is corrected corrects what was learnt from it (of the rewards of "albl"
    the latest alone: the models of the others are gone). Under a wrapper that does not
    hand on what its base tells, such as Mixture or another bandit, it learns nothing;
    nor does it of rows that it did not ask for itself.

    An arm that raises, or cannot pick as many rows as it is asked for, is survived: the
    others take its place, it warns, and ``info["failed"]`` says why. Before there is a
    model it raises.

    For a regressor a surprise is the share of the 50 errors before it that were
    smaller. Noisy labels surprise whatever asks for them, and rejected rows never do.

    References
    ----------
    .. [1] Beygelzimer, A., Langford, J., Li, L., Reyzin, L., Schapire, R. (2011).
       Contextual bandit algorithms with supervised learning guarantees. AISTATS.
       arXiv:1002.4058
    .. [2] Hsu, W.-N., Lin, H.-T. (2015). Active learning by learning. AAAI.
       doi:10.1609/aaai.v29i1.9597
    .. [3] Zhang, J., Shao, S., Verma, S., Nowak, R. (2023). Algorithm selection for
       deep active learning with imbalanced datasets. NeurIPS. arXiv:2302.07317

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal import ActiveLearner
    >>> from skal.query import Bandit
    >>> X, y = load_iris(return_X_y=True)
    >>> bandit = Bandit([("chance", "random"), ("doubt", "margin")])
    >>> learner = ActiveLearner(LogisticRegression(max_iter=1000), bandit,
    ...     n_labels=40, batch_size=1, random_state=0).fit(X, y)
    >>> learner.history_["info"][-1]["probabilities"].round(1)
    array([0.2, 0.8])
    """

    alias = "bandit"
    uses = frozenset({"proba"})
    _members_param = "strategies"

    def __init__(
        self,
        strategies: Sequence[tuple[str, str | QueryStrategy | Callable[..., Any]]] = (
            ("random", "random"),
            ("margin", "margin"),
            ("core_set", "core_set"),
            ("typiclust", "typiclust"),
        ),
        policy: str = "surprise",
        discount: float = 0.95,
        horizon: int = 100,
    ) -> None:
        self.strategies = strategies
        self.policy = policy
        self.discount = discount
        self.horizon = horizon

    @property
    def target_types(self) -> frozenset[str]:
        """What all arms serve, where it can be said whether an answer surprised.

        Policies that count classes need one class a row.
        """
        served = super().target_types - {"structured"}
        return served & {"multiclass"} if self.policy in OF_CLASSES else served

    def _check_target(self, estimator, target_type):
        if target_type == "structured":
            raise TypeError(
                f"Bandit needs one target a row, got {name_of(estimator)}, which "
                "predicts units. Use Mixture or Schedule, which ask in turns there."
            )
        if self.policy in OF_CLASSES and target_type != "multiclass":
            others = ", ".join(f'"{one}"' for one in POLICIES if one not in OF_CLASSES)
            raise TypeError(
                f"policy must be one of {others} for {target_type} targets, got "
                f"{self.policy!r}, which counts classes."
            )
        super()._check_target(estimator, target_type)

    def _bases(self):
        self.check_members()
        return [as_strategy(base, name) for name, base in self.strategies]

    def _check_params(self):
        check_choice("policy", self.policy, POLICIES)
        check_number("discount", self.discount, minimum=0, maximum=1)
        if self.discount == 0:
            raise ValueError(
                f"discount must be above 0, at most 1, got {self.discount!r}. 1 "
                "forgets nothing."
            )
        check_int("horizon", self.horizon)
        least, n_arms = least_horizon(len(self.strategies)), len(self.strategies)
        if POLICIES[self.policy].advised and self.horizon < least:
            raise ValueError(
                f"horizon must be at least {least} for {n_arms} strategies under "
                f"policy={self.policy!r}, got {self.horizon!r}. Use that, or fewer "
                "strategies."
            )

    def _query(self, view, rows, n_instances, rng):
        arms = [name for name, _ in self.strategies]
        policy = POLICIES[self.policy](arms, self.discount, self.horizon)
        chances, told = policy.shares(view, rows, rng)
        panel = Panel(arms, self._bases(), view, rows, rng)
        if policy.advised:
            advice = panel.advice(n_instances)
            panel.follow(advice, chances, n_instances)
        else:
            panel.pick(chances, n_instances)
        picked, by, scores = panel.batch()
        names = np.array(arms)
        told |= {
            "base": names[by],
            "arms": names,
            "probabilities": chances,
            "rows": rows.positions()[picked],
            "n_labels": n_asked(view),
            **self._expected(view, rows.take(picked)),
        }
        if policy.advised:
            told |= told_of_advice(advice, chances * panel.is_alive, picked)
        if panel.failed:
            told["failed"] = panel.failed
        if not np.isnan(scores).all():
            told["score"] = scores
        return picked, told

    def _expected(self, view, asked):
        """Return what the model expects of the rows, before it learns their labels."""
        if not view.__sklearn_is_fitted__():
            return {}
        told = {"predicted": view.predict(asked)}
        has_proba = provides(view.estimator, "proba")
        if self.policy == "thompson" and has_proba and view.target_type == "multiclass":
            told |= {"classes": view.classes_, "proba": view.predict_proba(asked)}
        return told


def told_of_advice(advice, chances, picked):
    """Tell who advised each row that was picked, and how rare what each advised is.

    The second is what EXP4.P takes for the variance of an arm's estimate: the mean of 1
    over the chances of the rows that it advised.
    """
    chances = chances / chances.sum()
    mine = [np.empty(0, np.int64) if one is None else one[0] for one in advice]
    every = np.unique(np.concatenate(mine))
    of = np.array([np.isin(every, one) for one in mine])  # (K, rows advised)
    likely = chances @ of
    spread = (of / likely).sum(axis=1) / np.maximum(of.sum(axis=1), 1)
    advised = np.array([np.isin(picked, one) for one in mine]).T  # (n, K)
    return {"advised": advised, "spread": spread}
