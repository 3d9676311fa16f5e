"""The proof of strategies for several labels: its page says what its results say."""

import sys
from importlib import import_module
from pathlib import Path

import pytest
from sklearn.datasets import make_multilabel_classification

PAPERS = Path(__file__).parents[2] / "examples" / "papers"


@pytest.fixture
def paper(monkeypatch):
    monkeypatch.syspath_prepend(str(PAPERS))
    yield import_module("several_labels")
    sys.modules.pop("several_labels")


def test_the_table_of_the_page_is_what_the_results_say(paper):
    page = paper.DOCS.read_text("utf-8")
    assert paper.filled(page) == page
    assert "| yeast (" in page


def test_strategies_of_rows_and_of_labels_start_from_the_same_labels(paper):
    starts: dict = {}
    for (data, _, seed), curve in paper.read().items():
        starts.setdefault((data, seed), set()).add(curve[0])
    assert all(len(scores) == 1 for scores in starts.values())


def test_a_run_goes_on_where_it_stopped(paper, tmp_path, monkeypatch, capsys):
    X, Y = make_multilabel_classification(60, 4, n_classes=2, random_state=11)
    strategies = ("random", "random_labels")
    for name, value in {
        "RESULTS": tmp_path / "several_labels.csv",
        "DATA": {"made up": lambda: (X, Y)},
        "STRATEGIES": strategies,
        "BUDGET": 30,
        "N_POINTS": 2,
    }.items():
        monkeypatch.setattr(paper, name, value)
    paper.run(2)
    whole, text = paper.read(), paper.RESULTS.read_text()
    assert set(whole) == {("made up", s, seed) for s in strategies for seed in (0, 1)}
    paper.RESULTS.write_text("".join(text.splitlines(keepends=True)[:-1]))
    assert len(paper.read()) == 3
    capsys.readouterr()
    paper.run(2)
    assert paper.read() == whole
    assert capsys.readouterr().err.count("made up") == 1
