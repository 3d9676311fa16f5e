"""scikit-learn's ensembles, told by type, subclasses from other packages included.

Their modules are not imported for it: of a class that nobody has loaded there is no
instance.
"""

import sys


def is_one_of(estimator, module, *names):
    """Tell whether an estimator is an instance of some classes of a module."""
    loaded = sys.modules.get(module)
    if loaded is None:
        return False
    return isinstance(estimator, tuple(getattr(loaded, name) for name in names))


def is_committee(estimator):
    """Tell whether an ensemble's members are independent opinions of one question."""
    if is_voting(estimator):
        return getattr(estimator, "voting", "soft") == "soft"
    return is_one_of(
        estimator,
        "sklearn.ensemble",
        "BaggingClassifier",
        "BaggingRegressor",
        "ExtraTreesClassifier",
        "ExtraTreesRegressor",
        "RandomForestClassifier",
        "RandomForestRegressor",
    )


def is_voting(estimator):
    """Tell whether an ensemble is of models that the user chose, and who vote."""
    return is_one_of(
        estimator, "sklearn.ensemble", "VotingClassifier", "VotingRegressor"
    )


def is_linear(estimator):
    """Tell whether a classifier answers by a product with rows of any precision."""
    return is_one_of(
        estimator,
        "sklearn.linear_model",
        "LogisticRegression",
        "RidgeClassifier",
        "SGDClassifier",
    ) or is_one_of(estimator, "sklearn.svm", "LinearSVC")


def asks_many(estimator):
    """Tell whether an estimator fits many clones of the one it was given."""
    return (
        is_one_of(estimator, "sklearn.ensemble", "BaseEnsemble")
        or is_one_of(estimator, "sklearn.calibration", "CalibratedClassifierCV")
        or is_one_of(
            estimator,
            "sklearn.multiclass",
            "OneVsOneClassifier",
            "OneVsRestClassifier",
            "OutputCodeClassifier",
        )
        or is_one_of(
            estimator,
            "sklearn.multioutput",
            "ClassifierChain",
            "MultiOutputClassifier",
            "MultiOutputRegressor",
            "RegressorChain",
        )
    )


def is_ensemble(estimator):
    """Tell whether an estimator is made of members, and grows by more of them."""
    return is_one_of(
        estimator,
        "sklearn.ensemble",
        "BaseEnsemble",
        "HistGradientBoostingClassifier",
        "HistGradientBoostingRegressor",
        "StackingClassifier",
        "StackingRegressor",
        "VotingClassifier",
        "VotingRegressor",
    )


def asks_each_output(estimator):
    """Tell whether an estimator is one estimator an output."""
    return is_one_of(
        estimator,
        "sklearn.multioutput",
        "MultiOutputClassifier",
        "MultiOutputRegressor",
    )


def transforms_target(estimator):
    """Tell whether the regressor inside predicts a transformed target."""
    return is_one_of(estimator, "sklearn.compose", "TransformedTargetRegressor")


def counts_outputs(estimator):
    """Tell whether column j of an estimator is code j, whatever codes it was taught.

    So it is with the nets of skorch, whose modules have the width that they have.
    """
    return is_one_of(estimator, "skorch.classifier", "NeuralNetClassifier")


def keeps_no_model(estimator):
    """Tell whether a search only reports, and leaves no model behind."""
    search = is_one_of(
        estimator, "sklearn.model_selection", "GridSearchCV", "RandomizedSearchCV"
    )
    return search and estimator.refit is False
