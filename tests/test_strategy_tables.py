"""The tables of strategies are made from the classes, and none is missing in any."""

import re
import runpy
from inspect import isclass
from pathlib import Path

import pytest

from skal import query

ROOT = Path(__file__).parents[1]
TABLES = runpy.run_path(str(ROOT / "docs/strategy_tables.py"))
ENTRIES = {entry.name: entry for entry in TABLES["entries"]()}
#: What nobody asks for by name: what strategies derive from, or are wrapped in.
BASES = {"CallableStrategy", "QueryStrategy", "ScoreStrategy", "UnitStrategy"}
STRATEGIES = [
    name
    for name, thing in vars(query).items()
    if name in query.__all__
    and isclass(thing)
    and issubclass(thing, query.QueryStrategy)
    and name not in BASES
]


@pytest.mark.parametrize("page", TABLES["pages"](), ids=lambda page: page.name)
def test_the_tables_say_what_the_classes_say(page):
    text = page.read_text(encoding="utf-8")
    assert text == TABLES["written"](text, ENTRIES.values()), "run `make tables`"


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_strategy_says_in_a_line_what_it_does_and_what_it_costs(name):
    entry = ENTRIES[name]
    assert re.fullmatch(r"[A-Z].{19,79}\.", entry.summary)
    assert entry.cost, f"the Notes of {name} must begin with 'Cost: O(...) for ...'"
    assert len(entry.cost) <= 60
    assert entry.cost.count("(") == entry.cost.count(")")


@pytest.mark.parametrize(
    ("page", "as_written"),
    [
        ("README.md", "`{handle}`"),
        ("docs/user_guide.md", "{{class}}`~skal.query.{name}`"),
        ("docs/api.rst", "   {name}\n"),
    ],
)
def test_every_strategy_and_wrapper_is_in_the_list_of(page, as_written):
    blocks = "".join(
        found[0] for found in TABLES["BLOCK"].finditer((ROOT / page).read_text("utf-8"))
    )
    for name in STRATEGIES:
        alias = getattr(query, name).alias
        handle = f'"{alias}"' if alias else name
        assert as_written.format(name=name, handle=handle) in blocks


def test_a_new_strategy_gets_its_row_in_every_list():
    class Newest(query.QueryStrategy):
        """Pick the rows that came last.

        Notes
        -----
        Cost: O(n^2) a step for n rows, as nobody would have it.
        """

        needs = frozenset({"proba"})
        target_types = frozenset({"multiclass"})

        def _query(self, view, rows, n_instances, rng):
            return range(len(rows) - n_instances, len(rows))

    entry = TABLES["entry_of"](Newest)
    row = (
        "| {class}`~skal.query.Newest` | Pick the rows that came last | probabilities "
        "| multiclass | O(n²) a step |"
    )
    for page, expected in [
        ("README.md", "`Newest` | probabilities;"),
        ("docs/user_guide.md", row),
        ("docs/batches.md", row),
        ("docs/api.rst", "   Newest\n"),
    ]:
        text = (ROOT / page).read_text(encoding="utf-8")
        assert expected in TABLES["written"](text, [*ENTRIES.values(), entry])


def test_a_docstring_without_a_cost_has_none_to_quote():
    assert TABLES["cost_in"]("Pick.\n\nNotes\n-----\nNeeds O(n) for n rows.") == ""
