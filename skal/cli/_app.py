"""The ``skal`` command."""

import time
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich import box
from rich.console import Console
from rich.progress import track
from rich.table import Table

from skal import __version__
from skal._checks import nearest_first
from skal.cli import _bench, _demo, _exchange, _label

__all__ = ["app", "main"]

STRATEGIES = ("auto", "entropy", "least_confidence", "margin")
DEFAULT_STRATEGIES = ("auto", "margin")
TARGETS = (0.90, 0.95)
FORMATS = (".pdf", ".png", ".svg")

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Deep active learning for scikit-learn: choose which rows to label next.",
    epilog="Start with: skal demo",
)


app.command()(_bench.bench)
app.command()(_bench.report)
app.command()(_label.label)
app.command()(_exchange.export)
app.command("import")(_exchange.import_)
app.command("ls-backend")(_exchange.ls_backend)


def main() -> None:
    """Run the command line."""
    app(prog_name="skal")


def _show_version(wanted):
    if wanted:
        typer.echo(f"skal {__version__}")
        raise typer.Exit


@app.callback()
def skal(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_show_version,
            is_eager=True,
            help="Show the version and exit.",
        ),
    ] = False,
) -> None:
    """Take the options that belong to no command."""


def _check_out(out):
    """Refuse a picture that could not be written, before anything is computed."""
    if out.suffix.lower() not in FORMATS:
        raise typer.BadParameter(
            f"must end in {', '.join(FORMATS)}, got {str(out)!r}. "
            f"Try {str(out.with_suffix('.png'))!r}."
        )
    if not out.parent.is_dir():
        raise typer.BadParameter(
            f"must lie in an existing folder, got {str(out)!r}. "
            f"Create {str(out.parent)!r} first."
        )
    try:
        is_new = not out.exists()
        out.open("ab").close()
    except OSError as error:
        raise typer.BadParameter(
            f"must be a file that can be written, got {str(out)!r} "
            f"({error.strerror}). Choose another place."
        ) from error
    if is_new:
        out.unlink()
    return out


def _check_strategies(strategies):
    """Refuse unknown names, naming the nearest first; take each name once."""
    strategies = strategies or DEFAULT_STRATEGIES
    for name in strategies:
        if name not in STRATEGIES:
            words = ", ".join(map(repr, nearest_first(name, STRATEGIES)))
            raise typer.BadParameter(f"must be one of {words}, got {name!r}.")
    return list(dict.fromkeys(strategies))


@app.command()
def demo(
    strategy: Annotated[
        list[str] | None,
        typer.Option(
            "--strategy",
            "-s",
            callback=_check_strategies,
            metavar="NAME",
            show_default=", ".join(DEFAULT_STRATEGIES),
            help=f"Strategy to compare with random: {', '.join(STRATEGIES)}. "
            "Repeat it for several.",
        ),
    ] = None,
    seeds: Annotated[
        int,
        typer.Option(
            min=1, metavar="N", help="Repetitions, each with its own split and start."
        ),
    ] = 20,
    labels: Annotated[
        int, typer.Option(min=1, metavar="N", help="Labels to buy in all (the budget).")
    ] = 200,
    initial: Annotated[
        int,
        typer.Option(min=1, metavar="N", help="Labels to start with, drawn at random."),
    ] = 20,
    batch: Annotated[
        int, typer.Option(min=1, metavar="N", help="Labels to buy a round.")
    ] = 10,
    jobs: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Processes to use.",
            show_default="one a core, 4 at most",
        ),
    ] = None,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            callback=_check_out,
            dir_okay=False,
            metavar="FILE",
            help="Where to write the learning curves: .png, .svg or .pdf.",
        ),
    ] = Path("skal-demo.png"),
) -> None:
    """See active learning save labels on handwritten digits.

    Buys labels for a logistic regression with each strategy and at random, from the
    same initial labels, over several seeds. Prints how many labels each needs, and
    draws the learning curves. Takes less than a minute on two cores; nothing is
    downloaded.
    """
    console = Console()
    start = time.perf_counter()
    _check_budget(initial, labels, _demo.POOL_SIZE)
    strategies = [*(strategy or DEFAULT_STRATEGIES), "random"]
    results = _demo.run_all(strategies, seeds, labels, initial, batch, jobs)
    curves = _demo.gather(_watched(results, len(strategies) * seeds, console))
    curves = {name: curves[name] for name in strategies}
    console.print(_table(curves, seeds))
    _draw(curves, out)
    seconds = time.perf_counter() - start
    console.print(
        f"Learning curves: {out}  ({seconds:.0f} s)",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


def _check_budget(initial, labels, pool_size):
    """Refuse a budget that is spent at the start, or larger than the pool."""
    if labels > pool_size:
        raise typer.BadParameter(
            f"must be at most {pool_size}, the digits in the pool, got {labels}.",
            param_hint="'--labels'",
        )
    if initial >= labels:
        raise typer.BadParameter(
            f"must be less than --labels ({labels}), got {initial}. "
            f"Leave some labels to choose.",
            param_hint="'--initial'",
        )


def _watched(results, n_results, console):
    """Show a progress bar while results come in."""
    return track(
        results,
        total=n_results,
        description="Labelling digits",
        console=console,
        transient=True,
    )


def _table(curves, seeds):
    """Tell in numbers what the curves show."""
    budget = int(curves["random"][0][-1])
    table = Table(
        title=f"Labels needed on handwritten digits, {seeds} seeds",
        title_justify="left",
        caption="Labels: where the mean curve gets there, with a 95 % interval over "
        "seeds.\nAccuracy: mean ± standard deviation over seeds.",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
    )
    table.add_column("strategy")
    for target in TARGETS:
        table.add_column(f"labels to\n{target:.0%} accuracy", justify="right")
    table.add_column(f"labels to match\nrandom's {budget}", justify="right")
    table.add_column(f"accuracy at\n{budget} labels", justify="right")
    for name, curve in curves.items():
        final = curve[1][:, -1]
        spread = f" ± {final.std(ddof=1):.3f}" if seeds > 1 else ""
        table.add_row(
            name,
            *(
                _count(_demo.labels_needed(curve, target=target), budget)
                for target in TARGETS
            ),
            _count(_demo.labels_needed(curve, baseline=curves["random"]), budget),
            f"{final.mean():.3f}{spread}",
        )
    return table


def _count(needed, budget):
    """Write a number of labels and its interval."""
    labels, low, high = (
        f"{count:.0f}" if np.isfinite(count) else f">{budget}" for count in needed
    )
    if low == high or np.isnan(needed[1]):  # one seed has no interval
        return labels
    return f"{labels} [dim]({low}-{high})[/dim]"


def _draw(curves, out):
    """Write the picture; no window opens."""
    from matplotlib.figure import Figure

    from skal.plotting import LabelCurveDisplay

    figure = Figure(figsize=(7, 4.5), dpi=150, layout="constrained")
    ax = figure.subplots()
    LabelCurveDisplay.from_history(
        curves, score_name="accuracy", ax=ax, target=curves["random"][1][:, -1].mean()
    )
    ax.set_title("Handwritten digits", loc="left")
    figure.savefig(out)
