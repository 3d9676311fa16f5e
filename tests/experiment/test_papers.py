"""The papers' experiments: their files say what was run, and the page what came out."""

import re
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

pytest.importorskip("pyarrow")

from skal.experiment import Results
from skal.experiment._config import experiment_of, read_config
from skal.experiment._describe import describe
from skal.experiment._names import load_estimators, load_strategies
from skal.query import as_strategy

PAPERS = Path(__file__).parents[2] / "examples" / "papers"
CONFIGS = sorted(PAPERS.glob("*.toml"))
RESULTS = sorted(PAPERS.glob("results/*.parquet"))

each_config = pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
each_result = pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)


@pytest.fixture(scope="module")
def page():
    spec = spec_from_file_location("page", PAPERS / "page.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_experiment_but_the_one_for_a_gpu_has_results():
    assert {path.stem for path in CONFIGS} == {
        "resnet18_gpu",
        *(path.stem for path in RESULTS),
    }


@each_config
def test_a_config_says_what_runs_it(path):
    words = path.read_text("utf-8")
    assert f"skal bench examples/papers/{path.name} --out {path.stem}" in words


@each_result
def test_results_are_those_of_the_config(path):
    config = read_config(PAPERS / f"{path.stem}.toml")
    experiment = experiment_of(config)
    definition = Results.from_parquet(path).definition
    learners = load_estimators(experiment.estimators)
    strategies = load_strategies(experiment.strategies)
    assert definition["estimators"] == {
        name: describe(learner.estimator) for name, learner in learners.items()
    }
    assert definition["strategies"] == {
        name: describe(as_strategy(strategy)) for name, strategy in strategies.items()
    }
    seeds = experiment.seeds
    assert definition["seeds"] == ([*range(seeds)] if isinstance(seeds, int) else seeds)
    for name in ("n_labels", "n_initial", "batch_size", "pool_size", "initial"):
        assert definition["settings"][name] == describe(getattr(experiment, name))
    data = config["data"]
    assert set(definition["data"]) == set(data if isinstance(data, list) else [data])


@each_result
def test_results_are_whole_and_paired(path):
    results = Results.from_parquet(path)
    assert not results.failures
    assert len(results.records) == len(results.definition["cells"])
    assert results.environments
    firsts = {}
    for record in results.records:
        where = record["data"], record["estimator"], record["seed"]
        first = record["metrics"]["accuracy"][0], record["asked"][0]
        assert firsts.setdefault(where, first) == first
        assert sum(map(len, record["asked"])) == record["n_labels"][-1]


@pytest.mark.parametrize("data", ["BBC news", "BBC headlines", "docstrings"])
def test_results_of_texts_are_whole_and_paired(page, data):
    scores, grid = page.frozen_scores(data, "texts")
    assert grid == [10, 20, 30, 40, 50, 100, 150, 200]
    assert len(scores) == 10
    firsts = {}
    for (features, start, _), runs in scores.items():
        assert runs.shape == (len(runs), 8)
        first = firsts.setdefault((features, start), runs[:, 0].tolist())
        assert runs[:, 0].tolist() == first


@pytest.mark.long
def test_the_tables_of_the_page_are_what_the_results_say(page):
    words = page.PAGE.read_text("utf-8")
    assert page.filled(words) == words
    assert set(re.findall("<!-- table: (.+?) -->", words)) == set(page.TABLES)


def test_the_pictures_of_the_page_are_there(page):
    shown = re.findall(r"images/papers/(\w+)\.png", page.PAGE.read_text("utf-8"))
    assert sorted(shown) == sorted([*page.FIGURES, "queries"])
    assert all((page.IMAGES / f"{name}.png").is_file() for name in shown)


def test_labels_are_counted_when_a_model_was_trained_on_them(page):
    assert page.median_and_range([50, 30, 40], 150) == "40 [30-50]"
    assert page.median_and_range([50, float("inf"), float("inf")], 150) == (
        ">150 [50->150]"
    )
    assert page.median_and_range([40, 40, 40], 150) == "40"
