"""What unlabelled rows are worth: the page says what the results say."""

import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("torch")

PAPERS = Path(__file__).parents[2] / "examples" / "papers"


@pytest.fixture
def paper(monkeypatch):
    monkeypatch.syspath_prepend(str(PAPERS))
    yield import_module("unlabeled")
    for name in ("unlabeled", "page"):
        sys.modules.pop(name)


def test_the_tables_of_the_page_are_what_the_results_say(paper):
    page = paper.PAGE.read_text("utf-8")
    assert paper.filled(page) == page
    assert all(f"<!-- unlabeled: {name} -->" in page for name in paper.TABLES)


def test_a_run_goes_on_where_it_stopped(paper, tmp_path, monkeypatch):
    played = []

    def play(pool, model, seed):
        played.append((pool, model, seed))
        return [pool, model, seed, 40, 0.9, 0.9, "", ""]

    monkeypatch.setattr(paper, "RESULTS", tmp_path / "unlabeled.csv")
    monkeypatch.setattr(paper, "play", play)
    paper.run(1)
    assert len(played) == len(set(played)) == len(paper.read()) > len(paper.POOLS)
    first = [*played]
    paper.run(2)
    assert len(played) == 2 * len(first)
    assert len(paper.read()) == len(played)


def test_a_long_tail_is_fifty_to_one_and_has_a_label_of_each_class(paper, monkeypatch):
    X = np.zeros((60_000, 1, 1), np.uint8)
    y = np.arange(60_000) % 10
    monkeypatch.setattr(paper, "fetch_mnist", lambda **_: (X, y))
    _, digits, labeled = paper.long_tail(np.random.RandomState(0))
    counts = np.sort(np.bincount(digits))
    assert counts[-1] / counts[0] == pytest.approx(50, rel=0.02)
    assert len(labeled) == len(set(labeled)) == paper.N_LABELS_TAIL
    assert len(np.unique(digits[labeled])) == 10
