"""What an experiment is going to run, and how that is written down."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

from skal.experiment._cell import Cell
from skal.experiment._cells_of_rows import counts_for, labels_a_pick
from skal.experiment._describe import describe, key_of
from skal.experiment._migration import FORMAT, path_in_format_1
from skal.experiment._public_name import public_name
from skal.query import as_strategy

if TYPE_CHECKING:
    from skal import ActiveLearner
    from skal.experiment._cell import Settings
    from skal.experiment._data import Data


@dataclass(frozen=True)
class Plan:
    """The grid of an experiment, checked.

    ``own`` holds by data what stands in the place of some learners there; ``loop`` the
    parameters that all learners share, ``n_pool`` the size of each pool, ``n_cells``
    how many labels a row counts as.
    """

    data: dict[str, Data]
    learners: dict[str, ActiveLearner]
    own: dict[str, dict[str, ActiveLearner]]
    strategies: dict[str, Any]
    seeds: list[int]
    loop: dict[str, Any]
    settings: Settings
    n_pool: dict[str, int]
    n_cells: int = 1

    def _built(self) -> dict[tuple[str, str, str], ActiveLearner]:
        """Return the learner to run for each data set, estimator and strategy."""
        shared = {
            (estimator, strategy): self._to_run(template, strategy)
            for estimator, template in self.learners.items()
            for strategy in self.strategies
        }
        own = {
            (data, estimator, strategy): self._to_run(template, strategy)
            for data, learners in self.own.items()
            for estimator, template in learners.items()
            for strategy in self.strategies
        }
        everywhere = product(self.data, shared.items())
        return {(data, *place): one for data, (place, one) in everywhere} | own

    def _to_run(self, template, strategy):
        """Return a learner of the template's parameters, and those that all share."""
        return learner_to_run(
            template, self.strategies[strategy], self.loop, self.n_cells
        )

    def cells(self, definition: dict[str, Any]) -> list[Cell]:
        """Return the cells to run, with the keys that a definition gives them."""
        built = self._built()
        return [
            Cell(
                **cell,
                learner=built[cell["data"], cell["estimator"], cell["strategy"]],
                settings=self.settings,
                labels_a_pick=labels_a_pick(
                    self.strategies[cell["strategy"]], self.n_cells
                ),
            )
            for cell in definition["cells"]
        ]

    def definition(self) -> dict[str, Any]:
        """Return what the experiment is made of, as it is written down."""
        return self._definition(FORMAT, public_name)

    def definition_in_format_1(self) -> dict[str, Any]:
        """Return what format 1 wrote for the same experiment."""
        return self._definition(1, path_in_format_1)

    def _definition(self, number, name_of):
        def described(things):
            return {name: describe(one, name_of) for name, one in things.items()}

        shared = {
            "format": number,
            "settings": describe({**self.loop, **vars(self.settings)}, name_of),
        }
        prints = {name: one.fingerprint(name_of) for name, one in self.data.items()}
        return {
            **shared,
            "estimators": described({n: o.estimator for n, o in self.learners.items()}),
            "strategies": described(
                {name: as_strategy(one) for name, one in self.strategies.items()}
            ),
            "seeds": self.seeds,
            "data": {
                name: {
                    "fingerprint": prints[name],
                    "n_pool": self.n_pool[name],
                    "classes": None if one.classes is None else one.classes.tolist(),
                    **self._said_of(name, one, described),
                }
                for name, one in self.data.items()
            },
            "cells": self._keys(shared, prints, described(self._built())),
        }

    def _said_of(self, name, data, described):
        """Return what data has beyond rows and labels; most has nothing."""
        own = described({n: o.estimator for n, o in self.own[name].items()})
        positive = None if data.positive is None else str(data.positive)
        reject = None if data.reject is None else str(data.reject)
        groups = None if data.groups is None else int(data.groups.max()) + 1
        more = {"columns": data.columns, "groups": groups, "positive": positive}
        more |= {"reject": reject, "costs": data.range_of_costs}
        more["estimators"] = own or None
        more["units"] = ("masks" if data.are_masks else "entries") * data.units or None
        more["cells"] = self.n_cells if self.n_cells > 1 else None
        return {one: value for one, value in more.items() if value is not None}

    def _keys(self, shared, fingerprints, learners):
        """Return where each cell lies, and the hash of all that it is made of."""
        cells = []
        for data, estimator, seed, strategy in product(
            self.data, self.learners, self.seeds, self.strategies
        ):
            content = {
                **shared,
                "data": fingerprints[data],
                "learner": learners[data, estimator, strategy],
                "seed": seed,
                "names": [data, estimator, strategy],
            }
            where = {"data": data, "estimator": estimator, "strategy": strategy}
            cells.append({"key": key_of(content), **where, "seed": seed})
        return cells


def learner_to_run(
    template: ActiveLearner, strategy: Any, loop: dict[str, Any], n_cells: int
) -> ActiveLearner:
    """Return a learner of a template's parameters, and those that all share.

    Parameters
    ----------
    template : ActiveLearner
        What an estimator of the experiment was made into.
    strategy : str, QueryStrategy or callable
        What picks its rows, or cells of these.
    loop : dict of str to object
        Parameters that all learners share; they count cells where ``n_cells`` is more
        than one.
    n_cells : int
        How many labels a row counts as.

    Returns
    -------
    ActiveLearner
        The learner, unfitted.
    """
    return template.__class__(
        **{
            **template.get_params(deep=False),
            **counts_for(strategy, loop, n_cells),
            "query_strategy": as_strategy(strategy),
            "store_estimators": False,
            "verbose": 0,
        }
    )
