"""The proof of the bandits: its page says what its results say."""

import re
import sys
from importlib import import_module
from pathlib import Path

import pytest

pytest.importorskip("pyarrow")

PAPERS = Path(__file__).parents[2] / "examples" / "papers"


@pytest.fixture(scope="module")
def bandit():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(PAPERS))
        yield import_module("bandit")
        for name in ("bandit", "page"):
            sys.modules.pop(name, None)


def test_the_tables_of_the_page_are_what_the_results_say(bandit):
    words = bandit.PAGE.read_text("utf-8")
    assert bandit.filled(words) == words
    assert set(re.findall("<!-- bandits: (.+?) -->", words)) == set(bandit.TABLES)


def test_regret_is_to_the_best_arm_on_the_same_seeds(bandit, monkeypatch):
    areas = {"margin": (0.7, 0.6), "random": (0.5, 0.7), "bandit, surprise": (0.6, 0.6)}
    rows = [
        {"data": "one", "strategy": name, "seed": seed, "area": area}
        for name, both in areas.items()
        for seed, area in zip("01", both, strict=True)
    ]
    rows.append({"data": "one", "strategy": "margin", "seed": "2", "area": 0.1})
    monkeypatch.setattr(bandit, "read", lambda: rows)
    monkeypatch.setattr(bandit, "DATA", ["one"])
    monkeypatch.setattr(bandit, "STRATEGIES", areas)
    lines = bandit.regret().splitlines()
    assert lines[0] == "| strategy | one (margin) | worst |"
    assert lines[-1] == "| bandit, surprise | -5.0 ± 5.0 | -5.0 |"
    assert bandit.over_chance().splitlines()[2] == "| margin | +5.0 ± 15.0 |"
