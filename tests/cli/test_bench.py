"""``skal bench`` and ``skal report``."""

import io
import json
import re
import subprocess
import sys

import numpy as np
import pytest
from helpers import run_skal
from PIL import Image
from rich.console import Console
from sklearn.pipeline import Pipeline

from skal.cli import _bench
from skal.experiment import Results, _oracle, _report
from skal.experiment._config import (
    build,
    experiment_of,
    foreign_classes,
    loaded_experiment,
    read_config,
)
from skal.experiment._progress import GridBar, as_time
from skal.experiment._sources import load_data
from skal.experiment._store import DEFINITION
from skal.query import Margin, Shortlist

SMALL = ["--seeds", 2, "--labels", 40, "-e", "forest", "--metrics", "accuracy"]


@pytest.fixture(autouse=True)
def somewhere(tmp_path, monkeypatch):
    """Work in a folder of one's own; draw nothing, which takes long."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(_report, "figure_of", lambda *args: "")


def said(result):
    """Return the output without the frame around errors, which wraps lines."""
    return " ".join(result.output.replace("│", " ").split())


def test_bench_compares_and_reports(tmp_path):
    result = run_skal("bench", "digits", *SMALL, "-s", "margin,random")
    assert result.exit_code == 0, result.output
    for words in (
        "margin: cannot tell",
        "of 40 labels",
        "skal-bench/digits",
        "2 seeds",
    ):
        assert words in said(result)
    folder = tmp_path / "skal-bench" / "digits"
    assert (folder / "report.html").is_file()
    results = Results.from_dir(folder)
    assert results.strategies() == ["margin", "random"]
    assert results.frame["seed"].nunique() == 2

    (folder / "report.html").unlink()
    assert run_skal("report", folder).exit_code == 0
    assert (folder / "report.html").is_file()
    assert run_skal("report", folder, "-o", tmp_path / "a.html").exit_code == 0
    assert (tmp_path / "a.html").is_file()


def test_bench_goes_on_where_it_was_stopped(tmp_path):
    assert (
        run_skal("bench", "digits", *SMALL, "-s", "random", "-o", "runs").exit_code == 0
    )
    cells = tmp_path / "runs" / "cells"
    first, second = sorted(cells.iterdir())
    kept = second.stat().st_mtime_ns
    content = first.read_bytes()
    first.unlink()
    result = run_skal("bench", "--resume", "runs", "-j", 1)
    assert result.exit_code == 0, result.output
    assert first.read_bytes() == content
    assert second.stat().st_mtime_ns == kept


@pytest.mark.long
def test_a_folder_holds_one_experiment(tmp_path):
    """Another one replaced experiment.json, and the first was not seen any more."""
    options = [*SMALL, "-s", "random"]
    assert run_skal("bench", "digits", *options).exit_code == 0
    folder = tmp_path / "skal-bench" / "digits"
    kept = {name: (folder / name).read_bytes() for name in ("config.json", DEFINITION)}
    result = run_skal("bench", "digits", *options, "--batch", 20)
    assert result.exit_code == 2
    assert "'--out': must be new, or hold a part of this experiment" in said(result)
    assert "batch_size was 10 and is 20. Choose another folder" in said(result)
    for name, content in kept.items():
        assert (folder / name).read_bytes() == content
    result = run_skal("bench", "digits", *options, "--seeds", 3, "-s", "margin,random")
    assert result.exit_code == 0, result.output
    assert len(Results.from_dir(folder).records) == 6


def test_bench_reads_a_table_as_it_is_told(tmp_path):
    rows = [f"{i % 7},{'ab'[i % 2]},{i // 3},{'yn'[i % 5 > 1]}" for i in range(60)]
    (tmp_path / "a.csv").write_text("n,kind,who,bought\n" + "\n".join(rows))
    small = ["--seeds", 1, "--labels", 25, "-s", "random", "--metrics", "recall"]
    told = ["--target", "bought", "--groups", "who", "--pos-label", "y"]
    result = run_skal("bench", "a.csv", *small, *told)
    assert result.exit_code == 0, result.output
    assert "a: 1 of categories (kind): one column for each value" in said(result)
    assert "a: 20 groups, none split." in said(result)
    config = json.loads((tmp_path / "skal-bench/a/config.json").read_text())
    assert [config[name] for name in ("target", "groups", "pos_label")] == told[1::2]
    result = run_skal("bench", "a.csv", *small, "--target", "bougt")
    assert "'--target': must name a column of" in said(result)


def test_bench_counts_in_cost_and_says_where_near_copies_cross(tmp_path, rng):
    who = np.repeat(np.arange(60), 6)
    rows = np.c_[rng.normal(size=(60, 5))[who], 1 + who % 3, who % 2, who]
    rows[:, :5] += 0.01 * rng.normal(size=(360, 5))
    names, style = "a,b,c,d,e,minutes,y,who", {"delimiter": ",", "comments": ""}
    np.savetxt(tmp_path / "a.csv", rows[:, :-1], header=names[:-4], **style)
    np.savetxt(tmp_path / "b.csv", rows, header=names, **style)
    small = ["--seeds", 1, "--labels", 80, "-s", "random", "--costs", "minutes"]
    result = run_skal("bench", "a.csv", *small)
    assert result.exit_code == 0, result.output
    assert "a: labels cost 1 to 3, 720 for all rows. The budget is an" in said(result)
    assert re.search(r"a: \d+ % of the test rows have near-copies", said(result))
    config = json.loads((tmp_path / "skal-bench/a/config.json").read_text())
    assert config["costs"] == "minutes"
    (record,) = Results.from_dir(tmp_path / "skal-bench" / "a").records
    assert 76 < record["cost"][-1] <= 80
    result = run_skal("bench", "b.csv", *small, "--groups", "who")
    assert result.exit_code == 0, result.output
    assert "near-copies" not in said(result)
    result = run_skal("bench", "a.csv", *small[:-1], "hours", "-o", "c")
    assert "'--costs': must name a column of" in said(result)


def test_no_seed_fails_where_one_class_is_rare(tmp_path, rng):
    """With two positives in a hundred the first labels of seeds 1 and 7 held none."""
    rows = [f"{rng.normal() + (i < 20)},{i < 20}" for i in range(1000)]
    (tmp_path / "rare.csv").write_text("a,y\n" + "\n".join(rows))
    small = ["--labels", 22, "--metrics", "accuracy", "-s", "random"]
    result = run_skal("bench", "rare.csv", *small, "--seeds", 4)
    assert result.exit_code == 0, result.output
    assert "The first labels are drawn by class" in said(result)
    saved = tmp_path / "skal-bench" / "rare" / "config.json"
    config = json.loads(saved.read_text())
    assert config.pop("initial") == "stratified"
    saved.write_text(json.dumps({**config, "seeds": 1}))  # as it was written before
    result = run_skal("bench", "rare.csv", *small, "--seeds", 1)
    assert "initial was 'stratified' and is 'random'" in said(result)


def test_a_run_that_was_stopped_at_once_goes_on(tmp_path):
    (tmp_path / "runs" / "cells").mkdir(parents=True)
    saved = {"data": "digits", "seeds": 1, "strategies": ["margin", "random"]}
    (tmp_path / "runs" / "config.json").write_text(json.dumps(saved))
    config, is_file = _bench._config(None, tmp_path / "runs", {})
    experiment, config = _bench._checked(config, tmp_path / "runs", False, is_file)
    assert experiment.check() == 2


def test_a_file_describes_an_experiment(tmp_path):
    (tmp_path / "table.csv").write_text(
        "a,b,y\n" + "".join(f"{i % 7},{i % 11},{i % 2}\n" for i in range(80))
    )
    (tmp_path / "bench.toml").write_text(
        """
        data = {mine = "table.csv"}
        n_labels = 30
        n_initial = 10
        seeds = [3, 4]
        metrics = ["accuracy", "f1"]

        [estimators.bayes]
        class = "sklearn.naive_bayes.GaussianNB"
        var_smoothing = 0.1

        [strategies]
        random = "random"
        short = {class = "Shortlist", base = "entropy", n_candidates = 20}
        """
    )
    result = run_skal("bench", "bench.toml", "-o", "runs", "--seeds", 1)
    assert result.exit_code == 0, result.output
    results = Results.from_dir(tmp_path / "runs")
    assert results.settings() == [("mine", "bayes")]
    assert results.strategies() == ["random", "short"]
    assert results.definition["seeds"] == [0]
    assert json.loads((tmp_path / "runs/config.json").read_text())["seeds"] == 1
    assert {"accuracy", "f1"} < set(results.frame)


def test_masks_and_cells_of_them_are_compared(tmp_path):
    (tmp_path / "bench.toml").write_text(
        """
        n_labels = 32
        n_initial = 24
        batch_size = 8
        seeds = 1

        [data.pictures]
        class = "skal.datasets.make_shapes"
        n_samples = 30
        size = 16
        return_X_y = true
        random_state = 0

        [estimators.net]
        class = "skal.nets.SegmentationNet"
        module__channels = [4, 8]
        max_steps = 2

        [strategies]
        random = "random"
        cells = { class = "Regions", grid = 2 }
        """
    )
    result = run_skal("bench", "bench.toml", "-o", "runs")
    assert result.exit_code == 0, result.output
    for words in (
        "pictures: a row has a label for each of its units.",
        "random's last score, of 32 cells",
        "Mean IoU over the budget",
    ):
        assert words in said(result)
    results = Results.from_dir(tmp_path / "runs")
    assert results.asked(strategy="cells", seed=0)[1].shape == (8, 2)


@pytest.mark.parametrize("said_by", ["option", "file"])
def test_an_oracle_runs_beside_strategies(tmp_path, monkeypatch, said_by):
    monkeypatch.setattr(_oracle, "N_BATCHES", 3)
    (tmp_path / "table.csv").write_text(
        "a,b,y\n" + "".join(f"{i % 7},{i % 11},{i % 2}\n" for i in range(80))
    )
    (tmp_path / "bench.toml").write_text(
        """
        data = {mine = "table.csv"}
        n_labels = 20
        n_initial = 10
        seeds = 2
        metrics = ["accuracy"]
        strategies = ["random", "margin"]
        """
        + "oracle = true\n" * (said_by == "file")
        + "[estimators.bayes]\n"
        + 'class = "sklearn.naive_bayes.GaussianNB"\n'
    )
    options = ["--oracle"] * (said_by == "option")
    result = run_skal("bench", "bench.toml", "-o", "runs", *options)
    assert result.exit_code == 0, result.output
    results = Results.from_dir(tmp_path / "runs")
    assert results.strategies() == ["random", "margin", "oracle"]
    assert "share_of_gain" in results.summary()
    assert json.loads((tmp_path / "runs/config.json").read_text())["oracle"] is True


def test_a_file_may_hold_sizes_of_rounds_and_none(tmp_path):
    (tmp_path / "a.toml").write_text(
        """
        data = "digits"
        batch_size = [5, 20]
        strategies = ["random"]

        [estimators]
        few = { class = "sklearn.ensemble.RandomForestClassifier", n_estimators = 3 }

        [estimators.all]
        class = "sklearn.ensemble.RandomForestClassifier"
        max_features = { class = "None" }
        """
    )
    experiment = experiment_of(read_config(tmp_path / "a.toml"))
    assert experiment.batch_size == [5, 20]
    assert experiment.estimators["all"].max_features is None
    assert build([1, {"class": "None"}], "estimators") == [1, None]
    assert experiment.check() == 20


ARMS = """
data = "digits"
pool_size = 60
n_initial = 10
n_labels = 20
seeds = 1
metrics = "accuracy"

[strategies]
bandit = "bandit"
schedule = "schedule"

[strategies.mine]
class = "Bandit"
policy = "thompson"
discount = 1.0
strategies = [
    ["far", "core_set"],
    ["doubt", { class = "Shortlist", base = "entropy", n_candidates = 20 }],
]

[strategies.later]
class = "Schedule"
switch = 15
unit = "labels"
strategies = [["cover", "typiclust"], ["learn", { class = "Bandit" }]]
"""


def test_a_file_may_hold_strategies_around_several(tmp_path):
    (tmp_path / "a.toml").write_text(ARMS)
    experiment = experiment_of(read_config(tmp_path / "a.toml"))
    mine, later = (experiment.strategies[name] for name in ("mine", "later"))
    assert mine.get_params()["doubt__n_candidates"] == 20
    assert (mine.policy, mine.discount) == ("thompson", 1.0)
    assert [name for name, _ in later.strategies] == ["cover", "learn"]
    results = experiment.run(tmp_path / "runs")
    assert results.strategies() == ["bandit", "schedule", "mine", "later"]
    assert not results.failures


def test_yaml_says_the_same_as_toml(tmp_path):
    pytest.importorskip("yaml")
    (tmp_path / "a.yaml").write_text("data: digits\nseeds: [1, 2]\nn_labels: 50\n")
    (tmp_path / "a.toml").write_text('data = "digits"\nseeds = [1, 2]\nn_labels = 50\n')
    (tmp_path / "a.json").write_text(
        '{"data": "digits", "seeds": [1, 2], "n_labels": 50}'
    )
    read = [read_config(tmp_path / f"a.{end}") for end in ("yaml", "toml", "json")]
    assert read[0] == read[1] == read[2]


def test_yaml_without_pyyaml_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "yaml", None)
    (tmp_path / "a.yaml").write_text("data: digits\n")
    with pytest.raises(ValueError, match=r"pip install pyyaml\. Or write it in TOML"):
        read_config(tmp_path / "a.yaml")


def test_objects_are_built_to_any_depth():
    strategy = build({"class": "Shortlist", "base": {"class": "Margin"}}, "strategies")
    assert isinstance(strategy, Shortlist)
    assert isinstance(strategy.base, Margin)
    pipeline = build(
        {
            "class": "sklearn.pipeline.Pipeline",
            "steps": [
                ["scale", {"class": "sklearn.preprocessing.StandardScaler"}],
                ["fit", {"class": "sklearn.linear_model.LogisticRegression", "C": 3}],
            ],
        },
        "estimators",
    )
    assert isinstance(pipeline, Pipeline)
    assert pipeline.fit(np.arange(8.0).reshape(4, 2), [0, 0, 1, 1])[-1].C == 3
    assert experiment_of({"seeds": 3}, n_jobs=2).n_jobs == 2


@pytest.fixture
def no_compute(monkeypatch):
    def fail(*args):
        pytest.fail("The command began to compute.")

    monkeypatch.setattr(_bench, "_run", fail)


@pytest.mark.usefixtures("no_compute")
@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (["bnch"], "Did you mean 'bench'?"),
        (["bench"], "Name data, a config, or a folder to --resume; one of them."),
        (["bench", "digts"], "Invalid value for 'data': must be one of 'digits'"),
        (["bench", "none.npz"], "must be a file that exists"),
        (["bench", "none.toml"], "There is no file 'none.toml'"),
        (["bench", "digits", "-s", "margn"], "'--strategies': must be one of 'margin'"),
        (
            ["bench", "digits", "-e", "logic"],
            "'--estimators': must be one of 'logistic'",
        ),
        (["bench", "digits", "--labels", 5000], "'--labels': must be at most 1257"),
        (["bench", "digits", "--labels", 15], "'--initial': must be less than the 15"),
        (["bench", "digits", "--seeds", 0], "Invalid value for '--seeds'"),
        (["bench", "digits", "--metrics", "acuracy"], "such as 'accuracy'"),
        (["bench", "digits", "--details", "1,x"], "must be whole numbers with commas"),
        (["bench", "digits", "--time-limit", 0], "'--time-limit': must be in"),
        (["bench", "digits", "-o", "full"], "must be a new folder or one of results"),
        (["bench", "--resume", "full"], "must hold config.json"),
        (["bench", "--resume", "none"], "'none' does not exist"),
        (["bench", "bad.toml"], "may hold 'n_labels'"),
        (["bench", "broken.toml"], "cannot be read"),
        (["bench", "class.toml"], "must name a class by its dotted path"),
        (["bench", "param.toml"], "strategies must give 'Shortlist' what it takes"),
        (["bench", "param.toml"], "got 'n_candidate'. ("),
        (["bench", "list.json"], "must hold names and values"),
        (["bench", "type.toml"], "batch_size must be an integer or a list of integers"),
        (["bench", "type.toml", "--batch", 5], "metrics must be names, or a dict"),
        (["bench", "data.toml"], "data must be a name, a file"),
        (["bench", "digits", "--jobs", 0], "'--jobs': must be a number of cells at"),
        (["bench", "digits", "-s", ","], "must name at least one, got none"),
        (["bench", "digits", "--batch", "5,10"], "Invalid value for '--batch'"),
        (["bench", "digits", "-s", "vote_entropy"], "VoteEntropy needs"),
        (["bench", "target.toml"], "Shortlist needs a regressor"),
        (["bench", "--resume", "half"], "config.json' is broken"),
        (["report", "full"], "must hold results of an experiment"),
        (["report", "full", "-o", "none/a.html"], "must lie in an existing folder"),
    ],
)
def test_mistakes_get_a_helpful_answer(tmp_path, arguments, answer):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("years of work")
    (tmp_path / "bad.toml").write_text("n_label = 3\n")
    (tmp_path / "broken.toml").write_text("n_label =\n")
    (tmp_path / "class.toml").write_text('estimators = {a = {class = "sklearn.Foo"}}\n')
    (tmp_path / "param.toml").write_text(
        'strategies = {a = {class = "Shortlist", n_candidate = 3}}\n'
    )
    (tmp_path / "target.toml").write_text(
        'strategies = [{class = "Shortlist", base = {class = "GreedySampling"}}]\n'
    )
    (tmp_path / "list.json").write_text("[1, 2]")
    (tmp_path / "type.toml").write_text('batch_size = "5"\nmetrics = 3\n')
    (tmp_path / "data.toml").write_text("data = 3\n")
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "config.json").write_text('{"data": "dig')
    result = run_skal(*arguments)
    assert result.exit_code == 2, result.output
    assert answer in said(result)


WITHOUT = """
import sys

class Missing:
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in ("pandas", "pyarrow"):
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Missing)
from typer.testing import CliRunner
from skal.cli import app

def run(*arguments):
    result = CliRunner(env={"COLUMNS": "200"}).invoke(app, arguments)
    print("exit", result.exit_code, result.output)

run("--help")
run("demo", "--seeds", "1", "--labels", "30", "--jobs", "1", "-s", "margin")
run("bench", "no such data")
"""


@pytest.mark.long
def test_without_pandas_all_but_experiments_works(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=True
    )
    helped, demo, bench = done.stdout.split("exit ")[1:]
    assert helped.startswith("0 ")
    assert demo.startswith("0 "), demo
    assert (tmp_path / "skal-demo.png").is_file()
    assert bench.startswith("2 ")
    assert 'pip install "skal[experiment]"' in bench


def test_a_cluster_that_is_none_is_refused_by_its_option(tmp_path):
    result = run_skal("bench", "digits", *SMALL, "--cluster", "spark")
    assert result.exit_code == 2
    assert "Invalid value for '--cluster': must be 'dask', 'ray'" in said(result)
    assert not (tmp_path / "skal-bench").exists()


@pytest.mark.usefixtures("no_compute")
def test_resume_takes_nothing_that_changes_the_experiment(tmp_path):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "config.json").write_text("{}")
    result = run_skal("bench", "--resume", "runs", "--seeds", 3)
    assert "takes --jobs and --time-limit" in said(result)
    assert "got --seeds" in said(result)


@pytest.mark.usefixtures("no_compute")
def test_missing_data_says_where_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("SKAL_DATA", str(tmp_path))
    result = run_skal("bench", "mnist", "-s", "random")
    assert result.exit_code == 2
    assert "skal bench with --download" in said(result)


def test_a_folder_that_cannot_be_written_is_no_traceback(tmp_path):
    (tmp_path / "file").write_text("no folder")
    result = run_skal("bench", "digits", *SMALL, "-o", "file/runs")
    assert result.exit_code == 2
    assert "'--out': must be a folder to write in, got 'file/runs'" in said(result)


def test_failures_are_counted_and_the_exit_says_so(tmp_path):
    options = ["-s", "random", "--time-limit", "0.02", "-o", "runs"]
    result = run_skal("bench", "digits", *SMALL, *options)
    assert result.exit_code == 1
    assert "2 of 2 runs failed" in said(result)
    assert "TimeLimit" in said(result)


def test_results_that_cannot_be_compared_are_no_traceback(tmp_path, monkeypatch):
    def nothing(*args):
        raise ValueError("Strategies must share a seed to be compared.")

    monkeypatch.setattr(_bench.command_line, "headlines", nothing)
    result = run_skal("bench", "digits", *SMALL, "-s", "random", "--seeds", 1)
    assert result.exit_code == 0
    assert "There is no report: Strategies must share a seed" in said(result)


def test_an_interrupted_run_says_how_to_go_on(tmp_path, monkeypatch):
    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr("skal.experiment._experiment.run_grid", interrupt)
    result = run_skal("bench", "digits", *SMALL, "-s", "random", "-o", "runs[1]")
    assert result.exit_code == 130
    assert "skal bench --resume runs[1]" in said(result)


def test_the_table_cuts_no_figure_in_a_narrow_window(monkeypatch):
    figures = ["mean accuracy", "last accuracy", "labels to match random"]
    columns = ["estimator", "strategy", *figures]
    row = ["random_forest", "expected_gradient_length"]
    row += ["0.7687", "0.868 ± 0.010", "43 (35-48)"]
    monkeypatch.setattr(
        _bench.command_line, "summary_table", lambda *args: (columns, [row])
    )
    console = Console(width=50, record=True, file=io.StringIO())
    console.print(_bench.table_of(None, "accuracy"))
    text = console.export_text()
    assert "…" not in text
    assert all(cell in text for cell in row[2:])


def test_a_class_that_cannot_be_imported_says_why(tmp_path, monkeypatch):
    """All that was said is that it must be a dotted path, which it was."""
    (tmp_path / "mine.py").write_text("import nowhere_to_be_found\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match="Error: No module named 'nowhere_to_be_fo"):
        build({"class": "mine.Net"}, "estimators")
    with pytest.raises(ValueError, match=r"AttributeError: .* no attribute 'SVK'"):
        build({"class": "sklearn.svm.SVK"}, "estimators")


def test_resuming_runs_no_strange_code_unasked(tmp_path, monkeypatch):
    """The configuration in a folder from a stranger was imported and called."""
    evil = {"class": "strange.Thing"}
    config = {"data": "digits", "strategies": ["random"], "estimators": {"a": evil}}
    (tmp_path / "strange.py").write_text("open('hacked', 'w').close()\n")
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "config.json").write_text(json.dumps(config))
    result = run_skal("bench", "--resume", "runs")
    assert result.exit_code == 2
    assert "which names 'strange.Thing'. Add --trust if" in said(result)
    assert not (tmp_path / "hacked").exists()
    monkeypatch.syspath_prepend(tmp_path)
    run_skal("bench", "--resume", "runs", "--trust")
    assert (tmp_path / "hacked").exists()
    assert foreign_classes([{"a": [{"class": "Margin"}, {"class": "None"}]}]) == []


OWN = """
import numpy as np

def rows(n=80, path=None):
    y = np.arange(n) % 2
    return np.c_[y + np.sin(y + np.arange(n)), np.cos(np.arange(n))], y

def furthest(learner, X, n_instances=1):
    return np.argsort(-np.abs(np.asarray(X)[:, 0]))[:n_instances]

def hits(estimator, X, y):
    return float((estimator.predict(X) == y).sum())
"""
NAMES_OWN = """
n_labels = 30
seeds = 1

[data]
mine = { import = "own_of_%(n)s.rows" }
more = { class = "own_of_%(n)s.rows", n = 90, path = "a.csv" }

[estimators]
logistic = "logistic"

[strategies]
far = { import = "own_of_%(n)s.furthest" }

[metrics]
hits = { import = "own_of_%(n)s.hits" }
"""


def test_a_file_names_functions_and_loaders_of_ones_own(tmp_path, monkeypatch):
    """Only classes could be named, which were called, and only what Python found."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab" / "own_of_a.py").write_text(OWN)
    (tmp_path / "lab" / "bench.toml").write_text(NAMES_OWN % {"n": "a"})
    result = run_skal("bench", "lab/bench.toml", "-o", "runs")
    assert result.exit_code == 0, result.output
    results = Results.from_dir(tmp_path / "runs")
    assert [len(one["asked"][0]) for one in results.records] == [20, 20]
    assert results.settings() == [("mine", "logistic"), ("more", "logistic")]
    assert results.frame["hits"].between(0, 27).all()
    config = json.loads((tmp_path / "runs" / "config.json").read_text())
    assert config["modules_in"] == str(tmp_path / "lab")
    assert config["data"]["more"]["path"] == str(tmp_path / "lab" / "a.csv")


def test_resuming_asks_before_it_imports_functions(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "own_of_b.py").write_text(OWN + "open('imported', 'w').close()\n")
    (tmp_path / "b.toml").write_text(NAMES_OWN % {"n": "b"})
    (tmp_path / "runs").mkdir()
    config = read_config(tmp_path / "b.toml")
    (tmp_path / "runs" / "config.json").write_text(json.dumps(config))
    result = run_skal("bench", "--resume", "runs")
    assert result.exit_code == 2
    for name in ("rows", "furthest", "hits"):
        assert f"'own_of_b.{name}'" in said(result)
    assert str(tmp_path) not in sys.path
    assert not (tmp_path / "imported").exists()
    result = run_skal("bench", "--resume", "runs", "--trust")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "imported").exists()


def test_an_import_is_no_call():
    assert build({"import": "sklearn.svm.SVC"}, "estimators").__name__ == "SVC"
    with pytest.raises(ValueError, match=r"nothing beside its path, got .*'C'\. What"):
        build({"import": "sklearn.svm.SVC", "C": 3}, "estimators")


def test_folders_of_images_are_data(tmp_path, rng, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for i in range(40):
        folder = tmp_path / "photos" / ("dark" if i % 2 else "bright")
        folder.mkdir(parents=True, exist_ok=True)
        pixels = rng.randint(0, 128, (6, 5, 3)) + (0 if i % 2 else 127)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{i}.png")
    small = ["--labels", 25, "--seeds", 1, "-s", "random", "--metrics", "accuracy"]
    result = run_skal("bench", "photos/", *small)
    assert result.exit_code == 0, result.output
    assert "photos: 40 images of 3 x 6 x 5." in said(result)
    results = Results.from_dir(tmp_path / "skal-bench" / "photos")
    assert results.definition["data"]["photos"]["classes"] == ["bright", "dark"]
    assert results.frame["accuracy"].iloc[-1] == 1
    (tmp_path / "a.toml").write_text(
        'data = { gray = { folder = "photos", size = 8, color = "gray" } }\n'
    )
    data = loaded_experiment(read_config(tmp_path / "a.toml"))[0].data["gray"]
    assert data.X.shape == (40, 8, 8)
    (tmp_path / "photos" / "40.png").write_bytes((folder / "39.png").read_bytes())
    with pytest.warns(UserWarning, match="1 images that have no label and are left"):
        grouped = load_data("photos", groups=data.y)["photos"]
    assert len(grouped.y) == 40
    assert grouped.groups.max() == 1


def test_folders_of_scans_are_read_as_they_are_told_to(tmp_path, rng, monkeypatch):
    """A table of labels, 16 bits and broken files could not be spoken of."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "scans").mkdir()
    for i in range(12):
        pixels = rng.randint(0, 4096, (6, 5)).astype(np.uint16)
        Image.fromarray(pixels).save(tmp_path / "scans" / f"{i}.png")
    (tmp_path / "scans" / "3.png").write_bytes(b"broken")
    lines = [f"{i}.png,{'ill' if i % 2 else 'well'}" for i in range(11)]
    (tmp_path / "labels.csv").write_text("\n".join(["file,label", *lines]))
    (tmp_path / "a.toml").write_text(
        "data = { scans = { folder = 'scans', size = 4, color = 'gray', labels = "
        "'labels.csv', depth = 'uint16', on_error = 'skip', formats = 'images' } }\n"
    )
    config = read_config(tmp_path / "a.toml")
    monkeypatch.chdir(tmp_path / "scans")  # a run resumes from anywhere
    with pytest.warns(UserWarning, match=r"left out: 1 in .*3\.png|1 images that have"):
        data = loaded_experiment(config)[0].data["scans"]
    assert data.X.shape == (10, 4, 4)
    assert data.X.dtype == np.uint16
    names = sorted(f"{i}.png" for i in range(11) if i != 3)
    expected = ["ill" if int(name[:-4]) % 2 else "well" for name in names]
    assert data.y.tolist() == expected
    with pytest.raises(ValueError, match=r"may hold 'depth', .* got 'dept'"):
        load_data({"scans": {"folder": "scans", "dept": "uint16"}})


BRACKETS = "[/a] [red]x [link=b]"


def test_names_with_brackets_are_shown_as_they_are(monkeypatch):
    """They ended skal bench in a MarkupError after all the work, or were left out."""
    columns = ["strategy", f"last {BRACKETS}"]
    monkeypatch.setattr(
        _bench.command_line, "summary_table", lambda *args: (columns, [[BRACKETS] * 2])
    )
    console = Console(width=99, record=True, file=io.StringIO())
    console.print(_bench.table_of(None, "accuracy"))
    text = console.export_text()
    assert text.count(BRACKETS) == 2
    assert text.split()[:3] == ["last", "[/a]", "[red]x"]


def test_the_bar_of_a_run_takes_names_with_brackets(capsys):
    where = dict.fromkeys(("data", "estimator", "strategy"), BRACKETS)
    cell = type("Cell", (), {"key": 1, "seed": 0, **where})
    with GridBar([cell], 0) as bar:
        bar.update(cell, {"failure": {"reason": BRACKETS}})


def test_reports_in_folders_with_brackets_are_named(tmp_path, monkeypatch):
    (tmp_path / "a[red]").mkdir()
    monkeypatch.setattr(Results, "from_dir", lambda directory: Results([], {}))
    monkeypatch.setattr(Results, "report", lambda self, path: path)
    result = run_skal("report", "a[red]")
    assert "Report: a[red]/report.html" in said(result)


def test_the_bar_says_how_long_it_will_take(capsys):
    assert [as_time(s) for s in (3.2, 75, 7300)] == ["3 s", "1 min 15 s", "2 h 01 min"]
    cells = [
        type(
            "Cell",
            (),
            dict(
                zip(
                    ("key", "data", "estimator", "strategy", "seed"),
                    (i, "d", "e", "ab"[i % 2], i),
                    strict=True,
                )
            ),
        )
        for i in range(6)
    ]
    bar = GridBar(cells, 4)
    assert bar.text() == ""
    bar.update(cells[0], {"record": {}, "timings": {"seconds": 10}})
    bar.update(cells[1], {"record": {}, "timings": {"seconds": 2}})
    # Two of each are left: 24 s of work, of which 12 s took as long as this run.
    assert bar.remaining(12.0) == pytest.approx(24)
    assert bar.remaining(6.0) == pytest.approx(12)  # two at once
    bar.update(cells[2], {"failure": {"reason": "E"}})
    assert bar.text().endswith("1 failed")


def test_a_folder_that_another_run_has_is_refused(tmp_path, monkeypatch):
    """Both ran, and the configuration was that of the second."""

    def taken(directory):
        raise BlockingIOError(f"directory must be free, got {str(directory)!r}.")

    out = tmp_path / "results"
    asked = ("bench", "digits", "--seeds", "1", "--out", out)
    monkeypatch.setattr("skal.experiment._experiment.check_free", taken)
    early = run_skal(*asked)
    monkeypatch.undo()
    monkeypatch.setattr("skal.experiment._command_line.owned", taken)
    late = run_skal(*asked)  # when it had been free a moment before
    for done in (early, late):
        assert done.exit_code == 2
        assert "Invalid value for '--out': must be free, got" in said(done)
    assert not out.exists()
