"""Runs of format 1, which named everything by the file it lay in, go on as format 2."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING

from skal.experiment._public_name import public_name, without_private_parts

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

#: Part of every key: what an older skal has computed differently is not taken over.
FORMAT = 2
#: The parts of a definition that hold descriptions, by name.
DESCRIBED = ("estimators", "settings", "strategies")

#: Where format 1 looked for what skal shows: module -> names.
PLACES = {
    "skal._learner": "ActiveLearner",
    "skal.experiment._names": "flat",
    "skal.metrics._calibration": "expected_calibration_error reliability_curve",
    "skal.metrics._curves": "area_under_learning_curve label_efficiency "
    "labels_to_reach",
    "skal.metrics._groups": "nll_by_group",
    "skal.metrics._scorer": "CurveScorer",
    "skal.nets._cnn": "CNNClassifier",
    "skal.nets._frozen": "FrozenBackbone",
    "skal.nets._mlp": "MLPNetClassifier",
    "skal.nets._net": "NetClassifier",
    "skal.nets._regressor": "NetRegressor",
    "skal.nets._resnet": "ResNetClassifier",
    "skal.nets._standardize": "Standardize",
    "skal.posterior._ensemble": "EnsembleClassifier",
    "skal.posterior._laplace": "LaplaceClassifier",
    "skal.posterior._mc_dropout": "MCDropoutCommittee",
    "skal.query._bait": "BAIT",
    "skal.query._balance": "ClassBalanced",
    "skal.query._base": "CallableStrategy QueryStrategy RandomSampling ScoreStrategy "
    "as_strategy split_result top_n",
    "skal.query._batch_bald": "BatchBALD",
    "skal.query._bayesian": "BALD MeanStd PredictiveEntropy VariationRatio",
    "skal.query._clustering": "KMeansBoundary KMeansSampling TypiClust",
    "skal.query._compose": "Shortlist",
    "skal.query._contrast": "ContrastiveAL DiscriminativeAL",
    "skal.query._coverage": "CoreSet ProbCover",
    "skal.query._deduplicate": "Deduplicate",
    "skal.query._density": "InformationDensity",
    "skal.query._disagreement": "CommitteeStd ConsensusEntropy KLDivergence "
    "VoteEntropy",
    "skal.query._diverse_batch": "DiverseBatch",
    "skal.query._diversity": "CLUE ClusterMargin WeightedKMeans",
    "skal.query._epig": "EPIG",
    "skal.query._gradient": "BADGE ExpectedGradientLength",
    "skal.query._herding": "FacilityLocation MaxHerding UHerding",
    "skal.query._mixture": "Mixture",
    "skal.query._perturbation": "ALFAMix DropQuery",
    "skal.query._proba_space": "CDAL FALCUN",
    "skal.query._regression": "ExpectedModelChange GreedySampling",
    "skal.query._stochastic": "StochasticBatch",
    "skal.query._uncertainty": "Entropy LeastConfidence Margin",
    "skal.query.functional._bait": "bait",
    "skal.query.functional._batch_bald": "batch_bald",
    "skal.query.functional._batches": "mmr ranked_batch stochastic_top_n",
    "skal.query.functional._bayesian": "mean_std mutual_information predictive_entropy "
    "variation_ratio",
    "skal.query.functional._clustering": "kmeans kmeans_boundary kmeans_sampling",
    "skal.query.functional._contrast": "contrastive discriminative",
    "skal.query.functional._coverage": "k_center_greedy",
    "skal.query.functional._density": "information_density",
    "skal.query.functional._disagreement": "committee_std consensus_entropy "
    "kl_divergence vote_entropy",
    "skal.query.functional._diversity": "clue cluster_margin weighted_kmeans",
    "skal.query.functional._epig": "epig",
    "skal.query.functional._gradient": "badge expected_gradient_length",
    "skal.query.functional._herding": "facility_location max_herding uherding",
    "skal.query.functional._perturbation": "alfa_mix drop_query",
    "skal.query.functional._proba_space": "cdal falcun",
    "skal.query.functional._probcover": "prob_cover purity_radius",
    "skal.query.functional._regression": "expected_model_change greedy_sampling",
    "skal.query.functional._seeding": "kmeans_plus_plus",
    "skal.query.functional._typiclust": "typiclust",
    "skal.query.functional._uncertainty": "entropy least_confidence margin "
    "mean_over_labels",
    "skal.stopping._base": "StoppingRule replay",
    "skal.stopping._combination": "All Any",
    "skal.stopping._confidence": "MaxConfidence OverallUncertainty",
    "skal.stopping._performance": "PerformanceConvergence ValidationPlateau",
    "skal.stopping._stability": "ClassificationChange KappaAverage",
}
#: What skal shows -> its path in format 1.
PATHS = {
    without_private_parts(path): path
    for module, names in PLACES.items()
    for path in (f"{module}.{name}" for name in names.split())
}


def path_in_format_1(thing: Any) -> str:
    """Return the name that format 1 gave to a class or a function."""
    name = public_name(thing)
    if name.startswith("skal."):
        return PATHS.get(name, name)
    return f"{thing.__module__}.{thing.__qualname__}"


def in_public_names(definition: dict[str, Any]) -> dict[str, Any]:
    """Return a definition with the names of today; its cells keep their keys.

    Parameters
    ----------
    definition : dict
        As a file says it.

    Returns
    -------
    dict
        Of format 2; cells whose key is of format 1 say so. One that is of format 2, or
        of none that is known, comes back as it is.
    """
    if definition["format"] != 1:
        return definition
    return {
        **definition,
        **{part: _translated(definition[part]) for part in DESCRIBED},
        "cells": [{"format": 1, **cell} for cell in definition["cells"]],
        "format": FORMAT,
    }


def taken_over(
    there: dict[str, Any],
    new: dict[str, Any],
    in_format_1: Callable[[], dict[str, Any]],
) -> tuple[dict[str, Any], dict[str, str]]:
    """Give what a folder holds the names and keys of today, where they are known.

    Parameters
    ----------
    there : dict
        The definition of the folder.
    new : dict
        The definition of the experiment that goes on in it.
    in_format_1 : callable
        Returns what ``new`` was in format 1.

    Returns
    -------
    definition : dict
        Of the folder. Cells that are not in ``new`` keep their keys of format 1.
    keys : dict of str to str
        Old key -> new key of the cells to rename.
    """
    there = in_public_names(there)
    if not any(cell.get("format") == 1 for cell in there["cells"]):
        return there, {}
    old = in_format_1()
    parts = {
        part: {
            name: new[part][name]
            if name in new[part] and one == _translated(old[part][name])
            else one
            for name, one in there[part].items()
        }
        for part in ("data", *DESCRIBED)
    }
    places = {
        _place(cell): (cell["key"], today["key"])
        for cell, today in zip(old["cells"], new["cells"], strict=True)
    }
    cells, keys = [], {}
    for cell in there["cells"]:
        key, today = places.get(_place(cell), (None, None))
        if cell.get("format") == 1 and cell["key"] == key:
            keys[key] = today
            cell = {**_place_of(cell), "key": today}
        cells.append(cell)
    return {**there, **parts, "cells": cells}, keys


def _place(cell):
    return tuple(_place_of(cell).values())


def _place_of(cell):
    return {name: cell[name] for name in ("data", "estimator", "strategy", "seed")}


def _translated(value):
    """Return a description of format 1 in the names of today."""
    if isinstance(value, dict):
        return {name: _translated(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_translated(one) for one in value]
    if isinstance(value, str) and "._" in value:
        return _translated_path(value)
    return value


def _translated_path(path):
    """Return the public name of a path of format 1, by its look alone.

    What a file names is never imported: a stranger may have written it.
    """
    if path.partition(".")[0] not in ("numpy", "scipy", "sklearn"):
        return without_private_parts(path)
    *modules, name = path.split(".")
    public = takewhile(lambda part: not part.startswith("_"), modules)
    return ".".join([*public, name])  # these show things beside their private modules
