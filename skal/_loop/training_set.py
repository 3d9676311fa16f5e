"""What a model is fitted to: the labelled rows, in order."""

from dataclasses import dataclass, field, replace

import numpy as np

from skal._data import (
    Labels,
    Rejects,
    concat_rows,
    join_structured,
    join_with_rejects,
    n_rows,
    take_rows,
)
from skal._loop.beside import beside_at, beside_of, join_beside, told_beside
from skal._meta import in_codes, is_row_wise, slice_params


@dataclass(frozen=True)
class TrainingSet:
    """The labelled rows in the order in which they were labelled.

    ``params`` are fit's keyword arguments, row-wise ones aligned with X. ``whole`` is
    what the estimator sees instead where it learns from unlabelled rows too; ``truth``
    are the codes of all those rows, for the record only, where an oracle knows them.
    ``rejects`` are the rows that belong to no class, where a learner has a label for
    them: they are remembered, and no model is fitted to them. ``beside`` are the groups
    and costs of the rows, where these were given.
    """

    X: object
    y: np.ndarray
    params: dict
    labels: Labels
    whole: tuple | None = None
    truth: np.ndarray | None = None
    rejects: Rejects | None = None
    beside: dict = field(default_factory=dict)

    @classmethod
    def of(cls, learner):
        """Return the labelled rows of a learner, of which it holds the attributes."""
        known = vars(learner)
        y, rejects = known.get("_rejects", (known["y_training_"], None))
        return cls(
            known["X_training_"],
            y,
            known["_params"],
            known["_labels"],
            rejects=rejects,
            beside=beside_of(learner),
        )

    def attributes(self):
        """Return the attributes of a learner that was taught these, by their names."""
        attributes = {
            "X_training_": self.X,
            "y_training_": self.y,
            "_params": self.params,
            "_labels": self.labels,
            **told_beside(self.beside),
        }
        if self.rejects is not None:
            attributes["y_training_"] = self.rejects.shown(self.y)
            attributes["_rejects"] = self.y, self.rejects
        return attributes

    @property
    def y_in_scope(self):
        """The labels without those of rejected rows, which only fill a place."""
        return self.y if self.rejects is None else self.y[~self.rejects.rows]

    @property
    def is_rejected(self):
        """Which rows were rejected, None where none was."""
        if self.rejects is None or not self.rejects.rows.any():
            return None
        return self.rejects.rows

    @property
    def X_rejected(self):
        """The rejected rows, None where there are none."""
        if self.is_rejected is None:
            return None
        return take_rows(self.X, np.flatnonzero(self.is_rejected))

    def in_scope(self):
        """Return the rows that were not rejected: what a model is fitted to."""
        if self.is_rejected is None:
            return self
        kept = self.at(np.flatnonzero(~self.is_rejected))
        return replace(kept, whole=self.whole, truth=self.truth)

    @property
    def is_one_class(self):
        """Whether the labels are classes, and only one of these so far."""
        return self.labels.target_type == "multiclass" and self.is_constant

    @property
    def is_constant(self):
        """Whether the labels are classes, or several a row, and the same in each."""
        if self.labels.target_type in ("regression", "structured"):
            return False
        y = self.y_in_scope
        return bool(np.all(y == y[:1]))  # a stage may have no row

    @property
    def known_parts(self):
        """Which parts of each row are known, where these are asked for one by one."""
        return self.labels.parts.known(self.y)

    @property
    def has_gaps(self):
        """Whether codes before the last are not taught, or labels that do not vary."""
        kind = self.labels.target_type
        if kind in ("regression", "structured") or self.labels.learnt is not None:
            return False
        if self.labels.target_type == "multilabel":
            return 0 < len(self.taught()) < self.labels.n_outputs
        return len(self.taught()) <= self.taught()[-1]

    def taught(self):
        """Return the codes that are taught, or the labels that vary."""
        if self.labels.target_type == "multilabel":
            return np.flatnonzero(np.any(self.y != self.y[0], axis=0))
        return np.unique(self.labels.encode(self.y))

    def without_gaps(self):
        """Return the same rows in codes 0..k-1 of the k classes among them.

        Of several labels a row those that vary are left.
        """
        labels = replace(self.labels, learnt=self.taught())
        if labels.target_type == "multilabel":
            return replace(self, labels=replace(labels, constant=self.y[0]))
        whole, truth = self.whole, self.truth
        if whole is not None:
            X, codes, params = whole
            known = codes >= 0
            whole = X, np.where(known, labels.codes_at(codes), -1), params
        if truth is not None:
            truth = labels.codes_at(truth)
        return replace(self, labels=labels, whole=whole, truth=truth)

    def in_type(self, target):
        """Return a target in the type of these labels, where that loses nothing."""
        return target.like(self.y) if len(self.y_in_scope) else target

    def among(self, training):
        """Return a training set in the codes of these rows, which are some of it."""
        if len(self.y) == len(training.y):
            return self
        known = {"labels": self.labels, "whole": self.whole, "truth": self.truth}
        return replace(training, **known)

    def with_all_codes(self):
        """Return the same rows in codes that are places among all classes."""
        return replace(self, labels=replace(self.labels, learnt=None, constant=None))

    def for_estimator(self):
        """Return X, codes and params for the estimator's fit."""
        if self.whole is not None:
            return self.whole
        return self.X, self.labels.encode(self.y), self.params

    def named_params(self, template):
        """Translate parameters that name classes; an estimator sees those it learns."""
        skip = self.labels.learnt is not None
        return in_codes(template, self.labels.taught, skip_unknown=skip)

    def extended(self, other):
        """Return these rows followed by others, whose labels hold for both."""
        for name in sorted(self.params.keys() - other.params.keys()):
            raise ValueError(
                f"{name} must be given for the new rows too, got nothing. Earlier "
                "rounds had it."
            )
        joined = {}
        before, now = self.row_wise(), other.row_wise()
        for name in sorted(before | (now - self.params.keys())):
            if name not in self.params:
                raise ValueError(
                    f"{name} must be given from the first round on, got it for "
                    f"{len(other.y)} new rows only. Fit again with it for all rows."
                )
            if name not in now:
                if len(self.y) > 1:
                    raise ValueError(
                        f"{name} must hold a value for each of the {len(other.y)} new "
                        f"rows, as it did before, got {other.params[name]!r}."
                    )
                continue  # one row and one value may have been a coincidence
            parts = [np.asarray(part.params[name]) for part in (self, other)]
            joined[name] = np.concatenate(parts)
        beside = join_beside(self.beside, other.beside, len(other.y))
        y, rejects = self.joined(other)
        return TrainingSet(
            concat_rows(self.X, other.X),
            y,
            {**other.params, **joined},
            other.labels,
            rejects=rejects,
            beside=beside,
        )

    def joined(self, other):
        """Return the labels and the rejects of these rows followed by others."""
        if self.labels.target_type == "structured":
            return join_structured(self.y, other.y), None
        return join_with_rejects((self.y, self.rejects), (other.y, other.rejects))

    def at(self, rows, told=None, labels=None):
        """Return some of the rows, each with what was told of another of them.

        ``rows`` and ``told`` are positions or slices; without ``told`` a row keeps its
        own label, row-wise parameters, group and cost.
        """
        told = rows if told is None else told
        return TrainingSet(
            take_rows(self.X, rows),
            self.y[told],
            slice_params(self.params, told, len(self.y)),
            labels or self.labels,
            rejects=None if self.rejects is None else self.rejects.of(told),
            beside=beside_at(self.beside, told),
        )

    def with_y(self, y):
        """Return the same rows with other labels."""
        return replace(self, y=y)

    def within(self, X, places, params, truth=None):
        """Return the labelled rows with those of a pool around them.

        They stand at ``places`` in X, of whose rows ``params`` and ``truth`` tell.
        Rejected rows are neither labelled nor unlabelled: no model sees them.
        """
        codes = np.full(n_rows(X), -1)
        if self.is_rejected is None:
            codes[places] = self.labels.encode(self.y)
            return replace(self, whole=(X, codes, params), truth=truth)
        codes[places[~self.is_rejected]] = self.labels.encode(self.y_in_scope)
        left = np.delete(np.arange(len(codes)), places[self.is_rejected])
        params = slice_params(params, left, len(codes))
        whole = take_rows(X, left), codes[left], params
        truth = None if truth is None else truth[left]
        return replace(self, whole=whole, truth=truth)

    def without_pool(self):
        """Return the labelled rows alone, without the pool around them."""
        return replace(self, whole=None, truth=None)

    def row_wise(self):
        """Return the names of the parameters that hold a value for each row."""
        n = len(self.y)
        return {name for name, value in self.params.items() if is_row_wise(value, n)}
