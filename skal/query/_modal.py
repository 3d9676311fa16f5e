"""The object that plain modAL-style functions receive as their learner."""

import numpy as np
from sklearn.utils.metaestimators import available_if

from skal._checks import name_of


class ModALLearner:
    """A fitted model under the names that modAL's functions read.

    It stands for modAL's ActiveLearner and Committee alike: a committee has as many
    members as the model gives samples.
    """

    on_transformed = False

    def __init__(self, view, rows, data):
        self._view = view
        self._rows = rows
        self._data = data

    def _known(self, X):
        """Return the candidates as Rows, so that what is known of them is reused."""
        return self._rows if X is self._data else X

    @property
    def estimator(self):
        """The fitted estimator."""
        return self._view.estimator

    @property
    def X_training(self):
        """The labelled rows, None before the first."""
        return self._view.X_training

    @property
    def y_training(self):
        """Their labels."""
        return self._view.y_training

    @property
    def y_max(self):
        """The largest target seen (for optimisers)."""
        return np.max(self.y_training)

    @property
    def classes_(self):
        """The full set of classes."""
        return self._view.classes_

    def predict_proba(self, X, **params):
        """Return class probabilities."""
        return self._view.predict_proba(self._known(X), **params)

    def predict_log_proba(self, X):
        """Return the logarithms of class probabilities."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    @available_if(lambda self: hasattr(self.estimator, "decision_function"))
    def decision_function(self, X):
        """Return decision values."""
        return self._view.decision_function(self._known(X))

    def predict(self, X, return_std=False, **params):
        """Return predictions, with their standard deviations if asked."""
        X = self._known(X)
        prediction = self._view.predict(X, **params)
        return (prediction, self._view.predict_std(X)) if return_std else prediction

    def transform_without_estimating(self, X):
        """Return X as the last step of a Pipeline sees it."""
        return self._view.embed(self._known(X))

    # A committee ----------------------------------------------------------------

    def vote(self, X):
        """Return each member's label, (n, members)."""
        return self._view.sample_predict(self._known(X)).T

    def vote_proba(self, X):
        """Return each member's probabilities, (n, members, classes)."""
        return np.swapaxes(self._view.sample_proba(self._known(X)), 0, 1)

    def __len__(self):
        return len(self._members())

    def __iter__(self):
        return iter(self._members())

    def _members(self):
        samples = self._view.sample_predict(self._rows.take([0]))
        return range(len(samples))

    def __getattr__(self, name):
        """Offer whatever else the fitted estimator has."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.estimator, name)

    def __bool__(self):
        return True

    def __repr__(self):
        return f"ModALLearner({name_of(self.estimator)})"
