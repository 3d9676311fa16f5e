"""Results from a stranger: they are read, and nothing in them is run or swells."""

import json
import sys
import zlib

import numpy as np
import pytest
from helpers import peak_bytes
from sklearn.datasets import load_iris
from sklearn.naive_bayes import GaussianNB

from skal.experiment import Experiment, Results, _parquet, _report

CANARY = "from pathlib import Path\nPath(__file__).with_suffix('.sung').touch()\n"


@pytest.fixture
def directory(tmp_path):
    """Return a folder of results, which the tests alter."""
    data, folder = load_iris(return_X_y=True), tmp_path / "results"
    settings = {"n_labels": 30, "n_initial": 10, "seeds": 1}
    Experiment(GaussianNB(), ["margin", "random"], data, **settings).run(folder)
    return folder


def alter(path, change):
    """Change what a file of names and values holds."""
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


class Sings:
    """Imports the canary where it is unpickled."""

    def __reduce__(self):
        return __import__, ("canary",)


@pytest.mark.parametrize("number", [1, pytest.param(2, marks=pytest.mark.long)])
def test_reports_import_nothing_that_results_name(
    directory, tmp_path, monkeypatch, number
):
    (tmp_path / "canary.py").write_text(CANARY)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(_report, "figure_of", lambda *args: "")

    def change(definition):
        thing = {"class": "canary.Model", "import": "canary", "params": {}}
        for part in ("estimators", "strategies"):
            definition[part] = dict.fromkeys(definition[part], thing)
        definition["settings"]["metrics"] = {"canary.<b>": "canary.metric"}
        definition["settings"]["initial"] = thing
        definition["format"] = number

    def rename(record):
        record["termination"] = "canary.Rule"
        record["metrics"]["canary.<b>"] = record["metrics"]["accuracy"]

    alter(directory / "experiment.json", change)
    for path in (directory / "cells").iterdir():
        alter(path, rename)
    for path in (directory / "experiment.json", *(directory / "cells").iterdir()):
        path.write_text(path.read_text().replace('"margin"', '"canary.<b>"'))
    (directory / "config.json").write_text('{"estimators": {"class": "canary.Model"}}')
    array = np.array([Sings()], dtype=object)
    np.savez(directory / "asked_images.npz", array, allow_pickle=True)
    with pytest.warns(UserWarning, match=r"asked_images\.npz' is broken"):
        results = Results.from_dir(directory)
    page = results.report(tmp_path / "page.html").read_text()
    assert "canary.&lt;b&gt;" in page
    assert "canary.<b>" not in page
    results.to_parquet(tmp_path / "a.parquet")
    Results.from_parquet(tmp_path / "a.parquet").summary("canary.<b>")
    assert "canary" not in sys.modules
    assert not (tmp_path / "canary.sung").exists()


def test_keys_that_lead_out_of_the_folder_are_refused(directory):
    def change(definition):
        definition["cells"][0]["key"] = "../../mine"

    alter(directory / "experiment.json", change)
    with pytest.raises(ValueError, match=r"experiment\.json is about something else"):
        Results.from_dir(directory)


def test_a_file_of_brackets_is_broken(directory):
    """It raised RecursionError, which names no file."""
    path = min((directory / "cells").iterdir())
    path.write_text("[" * 10**5)
    with pytest.warns(UserWarning, match=f"{path.name}' is broken"):
        assert len(Results.from_dir(directory).records) == 1


# Parquet --------------------------------------------------------------------------


def table_of(path, columns, rest):
    """Write columns, and beside them what is packed."""
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    keys = {"key": ["a"] * len(next(iter(columns.values())))}
    table = pa.table({**keys, **columns}).replace_schema_metadata(
        {b"skal": zlib.compress(rest)}
    )
    pq.write_table(table, path)


def test_what_is_packed_does_not_swell(tmp_path, monkeypatch):
    """A file of 1 MB took a GB."""
    table_of(tmp_path / "a", {"round": [1]}, b" " * 2 * 10**7)
    monkeypatch.setattr(_parquet, "MAX_PACKED", 10**5)

    def read():
        with pytest.raises(ValueError, match="at most 100000 bytes, got more"):
            Results.from_parquet(tmp_path / "a")

    assert peak_bytes(read) < 10**7


@pytest.mark.parametrize(
    ("columns", "match"),
    [
        ({"round": np.zeros(10**5)}, "at most 100000 bytes, got 16"),
        ({"asked": [[0] * 10**5]}, "at most 100000 bytes, got 8"),
        ({"accuracy": [b"a"]}, r"columns of numbers .*got \['accuracy'\]"),
        ({"round": [{"a": 1}]}, r"columns of numbers .*got \['round'\]"),
    ],
)
def test_columns_do_not_swell(tmp_path, monkeypatch, columns, match):
    table_of(tmp_path / "a", columns, b"{}")
    monkeypatch.setattr(_parquet, "MAX_COLUMNS", 10**5)
    assert (tmp_path / "a").stat().st_size < 10**4
    with pytest.raises(ValueError, match=match):
        Results.from_parquet(tmp_path / "a")


def test_words_that_swell_are_not_read(tmp_path):
    """A long word that all rows have is short in the file."""
    words = ["a" * 10**4] * 10**3
    table_of(tmp_path / "a", {"data": words, "round": [0] * 10**3}, b"{}")
    frame, _ = _parquet.read_parquet(tmp_path / "a")
    assert list(frame) == ["key", "round"]
    assert frame["key"].memory_usage() < 10**4


def test_a_file_that_could_not_be_read_is_not_written(directory, monkeypatch, tmp_path):
    results = Results.from_dir(directory)
    monkeypatch.setattr(_parquet, "MAX_PACKED", 10**2)
    with pytest.raises(ValueError, match="to_parquet must have at most 100 bytes"):
        results.to_parquet(tmp_path / "a.parquet")
