"""Writes the tables of strategies in README and docs from what the classes say.

A class says its name, what it needs, which targets it serves, what it does (the first
line of its docstring) and what it costs (the first words of its Notes). The blocks
between the markers are made of that: ``python docs/strategy_tables.py`` writes them
anew, and a test fails where they differ.
"""

import inspect
import re
from dataclasses import dataclass
from pathlib import Path

from skal import query
from skal.query import functional

ROOT = Path(__file__).parents[1]

BLOCK = re.compile(
    r"(?P<begin>^(?:<!--|\.\.) made by docs/strategy_tables\.py: (?P<kind>\w+).*?\n)"
    r".*?"
    r"(?P<end>^(?:<!--|\.\.) made until here)",
    re.M | re.S,
)

#: What the words of ``needs`` stand for.
OFFERS = {
    "proba": "probabilities",
    "decision": "probabilities or decision values",
    "embed": "embeddings",
    "samples": "samples",
    "votes": "votes",
    "head": "a head",
    "gradients": "gradient features",
    "units": "probabilities of units",
    "unit_samples": "samples of units",
    "boxes": "draws of boxes",
    "labels": "labelled rows",
}
TARGETS = ("multiclass", "multilabel", "regression", "structured")

#: How wrappers take strategies, with one that needs nothing.
BASES = {
    "base": query.RandomSampling(),
    "bases": [("anything", query.RandomSampling())],
}

#: The groups as they are read: what their strategies ask for, and what they need.
GROUPS = {
    "Baseline": ("anything", "nothing"),
    "Uncertainty": (
        "what the model is unsure of",
        "probabilities; for margin and least confidence decision values will do",
    ),
    "Committees and posteriors": (
        "what members or draws disagree on",
        "members or samples: a forest, voting, a net with dropout, a posterior",
    ),
    "Coverage": ("rows that stand for many others", "embeddings"),
    "Uncertainty and diversity": (
        "doubt and diversity at once",
        "probabilities and embeddings",
    ),
    "Regression": ("what a regressor has not seen, or would move it", "a regressor"),
    "Single labels": (
        "one label of a row that carries several",
        "nothing, probabilities or decision values",
    ),
    "Units of rows": (
        "rows, or regions of them, by their pixels, tokens, time steps or boxes",
        "an estimator that answers for units: `predict_units`, or draws",
    ),
    "Wrappers": ("what their base asks for, in another way", "what the base needs"),
}


@dataclass(frozen=True)
class Entry:
    """What a class says of itself."""

    name: str
    alias: str | None
    summary: str
    needs: frozenset
    targets: frozenset
    cost: str
    wraps: bool
    scores: bool
    of_units: bool

    @property
    def group(self):
        """The group that the strategy belongs to, by what it needs and serves."""
        if self.wraps:
            return "Wrappers"
        if self.targets == {"structured"}:
            return "Units of rows"
        if self.of_units:
            return "Single labels"
        if self.targets == {"regression"}:
            return "Regression"
        if self.needs & {"samples", "votes"}:
            return "Committees and posteriors"
        if not self.needs:
            return "Baseline"
        if self.needs <= {"embed", "labels"}:
            return "Coverage"
        if self.needs <= {"proba", "decision", "labels"}:
            return "Uncertainty"
        return "Uncertainty and diversity"


def entries():
    """Return what each public strategy and wrapper says of itself, by name."""
    return [entry_of(cls) for cls in strategy_classes()]


def strategy_classes():
    """List the strategies and wrappers of skal.query, in alphabetical order."""
    public = (getattr(query, name) for name in query.__all__)
    return [
        thing
        for thing in public
        if inspect.isclass(thing)
        and issubclass(thing, query.QueryStrategy)
        and not inspect.isabstract(thing)
        and thing is not query.CallableStrategy  # what functions are wrapped in
    ]


def entry_of(cls):
    """Read what a class says of itself, made with its defaults."""
    doc = inspect.getdoc(cls)
    inside = BASES.keys() & inspect.signature(cls).parameters
    # A wrapper tells what it needs itself, so its bases are such as need nothing.
    wraps = bool(inside) and not cls.alias
    strategy = cls(**{name: BASES[name] for name in inside} if wraps else {})
    return Entry(
        name=cls.__name__,
        alias=cls.alias,
        summary=doc.partition("\n")[0],
        needs=strategy.needs,
        targets=frozenset(strategy.target_types),
        cost=cost_in(doc),
        wraps=wraps,
        scores=issubclass(cls, query.ScoreStrategy),
        of_units=issubclass(cls, query.UnitStrategy),
    )


def cost_in(doc):
    """Return the formula that the Notes of a docstring begin with; empty for none."""
    said = re.search(r"^Notes\n-+\nCost: (O\(.+?) for\s", doc, re.M | re.S)
    return " ".join(said[1].split()) if said else ""


def brief(entries):
    """Write a row a group: for the README."""
    rows = [("asks for", "strategies", "needs")]
    for title, members in grouped(entries):
        names = [f'"{e.alias}"' if e.alias else e.name for e in members]
        asks, needs = GROUPS[title]
        rows.append((asks, ", ".join(f"`{name}`" for name in names), needs))
    return table(rows)


def full(entries):
    """Write a table a group, a row a strategy: for the user guide."""
    return "\n\n".join(
        f"**{title}**\n\n{rows_of(members)}" for title, members in grouped(entries)
    )


def batches(entries):
    """Write the strategies that choose their rows together."""
    alone = [e for e in entries if not e.scores and not e.of_units and not e.wraps]
    return rows_of([e for e in alone if e.needs])


def wrappers(entries):
    """Write the strategies that take strategies."""
    return rows_of([e for e in entries if e.wraps])


def reference(entries):
    """Write what autosummary makes the pages of the classes from."""
    return "\n\n".join(
        f".. rubric:: {title}\n\n{autosummary(e.name for e in members)}"
        for title, members in grouped(entries)
    )


def formulas(entries):
    """Write what autosummary makes the pages of the formulas from."""
    return autosummary(functional.__all__)


def grouped(entries):
    """Yield each group that is not empty, and its strategies."""
    for title in GROUPS:
        members = [entry for entry in entries if entry.group == title]
        if members:
            yield title, members


def rows_of(entries):
    """Write a row for each strategy, with all it says of itself."""
    head = ("strategy", "what it does", "needs", "targets", "cost")
    return table([head, *map(row_of, entries)])


def row_of(entry):
    """Write what a strategy says of itself in the cells of a row."""
    role = f"{{class}}`~skal.query.{entry.name}`"
    needs = [OFFERS[need] for need in sorted(entry.needs, key=list(OFFERS).index)]
    needs += ["what its base needs"] * entry.wraps
    return (
        f'{role} `"{entry.alias}"`' if entry.alias else role,
        entry.summary.rstrip("."),
        ", ".join(needs) or "nothing",
        ", ".join(t for t in TARGETS if t in entry.targets)
        if entry.targets < set(TARGETS)
        else "any",
        entry.cost.replace("^2", "²").replace("^3", "³"),
    )


def table(rows):
    """Write rows of cells, the first of them the head, as Markdown."""
    head, *body = rows
    lines = [head, ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def autosummary(names):
    """Write the directive that documents some names."""
    lines = "".join(f"\n   {name}" for name in names)
    return f".. autosummary::\n   :toctree: generated\n{lines}"


KINDS = {
    kind.__name__: kind
    for kind in (brief, full, batches, wrappers, reference, formulas)
}


def written(text, entries):
    """Return the text of a page with its blocks made anew."""

    def block(found):
        body = KINDS[found["kind"]](entries)
        return f"{found['begin']}\n{body}\n\n{found['end']}"

    return BLOCK.sub(block, text)


def pages():
    """Return the pages that have a block, README among them."""
    candidates = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.*"))]
    texts = [page for page in candidates if page.suffix in {".md", ".rst"}]
    return [page for page in texts if BLOCK.search(page.read_text(encoding="utf-8"))]


def main():
    """Write every block anew."""
    known = entries()
    for page in pages():
        text = page.read_text(encoding="utf-8")
        page.write_text(written(text, known), encoding="utf-8")


if __name__ == "__main__":
    main()
