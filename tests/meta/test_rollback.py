"""A fit that fails leaves the estimator as it was."""

import pytest
from sklearn.naive_bayes import GaussianNB

from skal._meta import restored_on_failure


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt])
def test_attributes_come_back_where_a_fit_fails(failure):
    model = GaussianNB().fit([[0.0], [1.0]], [0, 1])
    before = dict(vars(model))

    def half_a_fit():
        model.classes_, model.var_smoothing, model.seed_ = "new", 1, 3
        del model.theta_
        raise failure

    with pytest.raises(failure), restored_on_failure(model):
        half_a_fit()
    assert vars(model) == before


def test_what_succeeds_stays():
    model = GaussianNB()
    with restored_on_failure(model):
        model.seed_ = 3
    assert model.seed_ == 3
