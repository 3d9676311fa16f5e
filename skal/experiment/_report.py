"""One page that shows what an experiment found, with everything inside it."""

from __future__ import annotations

from base64 import b64encode
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING

from skal.experiment._amounts import points_of, unit_of
from skal.experiment._files import write_whole
from skal.experiment._measures import title_of
from skal.experiment._near_copies import cautions
from skal.experiment._report_text import (
    comparison_table,
    headlines,
    main_metric,
    setup_table,
    short_name,
    summary_table,
)
from skal.experiment._statistics import MIN_SEEDS

if TYPE_CHECKING:
    from pathlib import Path

    from skal.experiment._results import Results

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #222; background: #fff;
  max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1, h2, h3 { line-height: 1.2; } h2 { margin-top: 2.5rem; }
table { border-collapse: collapse; font-size: .9rem; display: block; overflow-x: auto; }
th, td { text-align: left; padding: .25rem .9rem .25rem 0;
  border-bottom: 1px solid #ddd; vertical-align: top; }
img { max-width: 100%; height: auto; } figure { margin: 1rem 0; }
figcaption, .note { color: #555; font-size: .9rem; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(24rem, 1fr));
  gap: 1rem; }
pre { overflow-x: auto; background: #f5f5f5; padding: .7rem; font-size: .8rem; }
.failed { color: #a40000; }
"""

BASELINE = "random"


def write_report(results: Results, path: Path) -> Path:
    """Write the page, whole or not at all.

    Parameters
    ----------
    results : Results
        What to show.
    path : Path
        The file.

    Returns
    -------
    Path
        The file.
    """
    write_whole(path, page_of(results).encode())
    return path


def page_of(results: Results) -> str:
    """Return the page as HTML."""
    metric = main_metric(results)
    names = ", ".join(results.definition["data"])
    parts = [
        f"<h1>Active learning on {escape(names)}</h1>",
        *_findings(results, metric),
        *(
            part
            for setting in results.settings(metric)
            for part in _setting(results, metric, *setting)
        ),
        *_across(results, metric),
        *_setup(results),
        *_failures(results),
        *_how_to_read(results, metric),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Active learning on {escape(names)}</title>\n"
        f"<style>{STYLE}</style>\n</head>\n<body>\n" + "\n".join(parts) + "\n</body>\n"
        "</html>\n"
    )


def _findings(results, metric):
    for sentence in cautions(results):
        yield f'<p class="failed">{escape(sentence)}</p>'
    sentences = headlines(results, metric, BASELINE)
    yield "<ul>" + "".join(f"<li>{escape(s)}</li>" for s in sentences) + "</ul>"
    if results.failures:
        yield (
            f'<p class="failed">{len(results.failures)} of {len(results.outcomes)} '
            "cells failed; see below.</p>"
        )
    yield table(*summary_table(results, metric, BASELINE))


def _setting(results, metric, data, estimator):
    """Show one data set and estimator."""
    where = {"data": data, "estimator": estimator}
    unit = unit_of(results, data)
    has_baseline = BASELINE in results.runs(metric, data, estimator)
    yield f"<h2>{escape(data)}, {escape(short_name(estimator))}</h2>"
    yield '<div class="pair">'
    yield picture(
        lambda ax: results.plot_curves(metric, ax=ax, **where),
        f"{title_of(metric)} against {unit}: mean over seeds with its 95 % confidence "
        "interval.",
    )
    if has_baseline:
        yield picture(
            lambda ax: results.plot_efficiency(metric, ax=ax, **where),
            f"How many times {'the cost' if unit == 'cost' else f'as many {unit}'} "
            f"{BASELINE} needs for the same {title_of(metric)}, with a 95 % bootstrap "
            "interval over seeds.",
        )
    yield picture(
        lambda ax: results.plot_time(metric, ax=ax, **where),
        f"{title_of(metric)} against the seconds spent on choosing and training.",
    )
    yield "</div>"
    yield from _more_curves(results, metric, where)
    yield from _at_the_end(results, data, estimator)


def _more_curves(results, metric, where):
    setting = where["data"], where["estimator"]
    others = [
        name
        for name in results.metrics()
        if name != metric and setting in results.settings(name)
    ]
    if others:
        yield '<h3>Other measures</h3><div class="pair">'
        for name in others:
            yield picture(
                lambda ax, name=name: results.plot_curves(name, ax=ax, **where),
                title_of(name),
                size=(5.2, 3.2),
            )
        yield "</div>"


def _at_the_end(results, data, estimator):
    """Show what was kept of some rounds, and what was asked."""
    where = {"data": data, "estimator": estimator}
    records = [
        record
        for record in results.records
        if (record["data"], record["estimator"]) == (data, estimator)
    ]
    kept = {int(count) for record in records for count in record["details"]}
    ends_apart = len({record["n_labels"][-1] for record in records}) > 1
    for count in [*sorted(kept), *([None] if kept and ends_apart else [])]:
        try:
            has_roc = bool(results.details("roc", (data, estimator), count))
        except ValueError:  # a run that ended earlier, or that bought another number
            continue
        yield f"<h3>{'At the end' if count is None else f'At {count} labels'}</h3>"
        yield figure_of(
            lambda f, count=count: results.plot_confusion(
                n_labels=count, figure=f, **where
            ),
            "Confusion matrices: shares of each true class in per cent, all seeds.",
        )
        if has_roc:
            yield picture(
                lambda ax, count=count: results.plot_roc(
                    n_labels=count, ax=ax, **where
                ),
                "ROC curves, each class against the others: mean over classes, seeds.",
            )
    if kept:
        yield "<h3>What was asked</h3>"
        yield figure_of(
            lambda f: results.plot_asked_classes(figure=f, **where),
            "Classes among the labels of each round, mean over seeds.",
        )
    if any(record["key"] in results.images for record in records):
        yield figure_of(
            lambda f: results.plot_asked(figure=f, **where),
            "The images asked first in some rounds, the most wanted on the left.",
        )


def _across(results, metric):
    """Compare the strategies over all settings."""
    yield "<h2>Are the differences real?</h2>"
    if BASELINE in results.strategies():
        yield table(*comparison_table(results, metric, BASELINE))
        yield (
            '<p class="note">Difference of the area under the learning curve to '
            f"{BASELINE}, paired by seed; paired t-test, corrected by Holm for all "
            "rows, of which strategies that pick the same rows count as one. "
            f"Fewer than {MIN_SEEDS} seeds cannot tell.</p>"
        )
    if len(results.common_strategies(metric)) < 2:
        return
    ranking = results.ranks(metric)
    yield f"<p>Ranks: {escape(ranking.verdict())}.</p>"
    yield '<div class="pair">'
    yield picture(
        lambda ax: results.plot_ranks(metric, ax=ax),
        f"Average ranks over {ranking.n_blocks} seeds. Strategies whose bars overlap "
        "cannot be told apart (Nemenyi).",
    )
    yield picture(
        lambda ax: results.plot_penalties(metric, ax=ax),
        f"At which share of {points_of(results)} the row beats the column (paired "
        "t-test, p < 0.05, not corrected).",
    )
    yield "</div>"


def _setup(results):
    yield "<h2>What was run</h2>"
    yield table([], setup_table(results.definition))
    for one in results.environments:
        yield (
            '<p class="note">'
            + escape(", ".join(f"{name} {value}" for name, value in one.items()))
            + "</p>"
        )


def _failures(results):
    if results.failures:
        yield '<h2 class="failed">What failed</h2>'
    for one in results.failures:
        where = f"{one['data']}, {one['estimator']}, {one['strategy']}, {one['seed']}"
        yield f"<details><summary>{escape(where)}: {escape(one['reason'])}</summary>"
        yield f"<pre>{escape(one['traceback'])}</pre></details>"
    if results.warnings:
        yield "<h3>Warnings</h3>"
        counts = results.warnings.items()
        yield table(["times", "warning"], [[str(n), text] for text, n in counts])


def _how_to_read(results, metric):
    yield "<h2>How to read this</h2>"
    yield (
        '<p class="note">For one seed all strategies share the pool, the test rows, '
        "the first labels and the seeds of the models; another seed draws all of these "
        "anew. Every label that a model was trained on is counted. Mean "
        f"{escape(title_of(metric))} is the area under the learning curve divided by "
        f"its width. Intervals of {points_of(results)} come from drawing seeds again, "
        'pair by pair. "Cannot tell" means that chance would bring about as large a '
        "difference too often, or that there are too few seeds; it does not mean that "
        "there is no difference. All of it speaks of these data sets and these "
        "estimators."
        "</p>"
    )


def table(columns, rows):
    """Return a table as HTML."""
    head = "".join(f"<th>{escape(str(c))}</th>" for c in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(str(c))}</td>" for c in row) + "</tr>"
        for row in rows
    )
    head = f"<thead><tr>{head}</tr></thead>" if columns else ""
    return f"<table>{head}<tbody>{body}</tbody></table>"


def picture(draw, caption, size=(5.6, 3.6)):
    """Return what ``draw(ax)`` draws, inside the page."""
    return figure_of(lambda figure: draw(figure.subplots()), caption, size)


def figure_of(draw, caption, size=(5.6, 3.6)):
    """Return what ``draw(figure)`` draws, inside the page."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, dpi=130, layout="constrained")
    FigureCanvasAgg(figure)
    draw(figure)
    caption = caption[:1].upper() + caption[1:]
    content = BytesIO()
    figure.savefig(content, format="png")
    data = b64encode(content.getvalue()).decode()
    return (
        f'<figure><img alt="{escape(caption, quote=True)}" '
        f'src="data:image/png;base64,{data}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )
