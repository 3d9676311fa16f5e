"""The commands ``skal bench`` and ``skal report``."""

from __future__ import annotations

import re
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from skal.experiment import Results, command_line

BASELINE = "random"
#: Columns of the summary that hold words.
NAMES = ("data", "estimator", "strategy")
#: Parameters of Experiment, and the options that they come from.
OPTIONS = {
    "batch_size": "--batch",
    "cluster": "--cluster",
    "costs": "--costs",
    "data": "data",
    "details_at": "--details",
    "directory": "--out",
    "estimators": "--estimators",
    "groups": "--groups",
    "metrics": "--metrics",
    "n_initial": "--initial",
    "n_jobs": "--jobs",
    "n_labels": "--labels",
    "n_threads": "--threads",
    "oracle": "--oracle",
    "pos_label": "--pos-label",
    "reject_label": "--reject-label",
    "seeds": "--seeds",
    "strategies": "--strategies",
    "target": "--target",
    "time_limit": "--time-limit",
}


def bench(
    what: Annotated[
        str | None,
        typer.Argument(
            metavar="DATA|CONFIG",
            help="Data: digits, digits_images, mnist, cifar10, shapes, a CSV, npz or "
            "parquet file, a folder of images; several with commas. Or an experiment "
            "in a TOML, YAML or JSON file.",
            show_default=False,
        ),
    ] = None,
    strategies: Annotated[
        str | None,
        typer.Option(
            "--strategies",
            "-s",
            metavar="NAMES",
            show_default=",".join(command_line.STRATEGIES),
            help="Strategies, with commas between them.",
        ),
    ] = None,
    estimators: Annotated[
        str | None,
        typer.Option(
            "--estimators",
            "-e",
            metavar="NAMES",
            show_default="logistic",
            help="What to train: logistic, forest, cnn, resnet; for numbers ridge, "
            "forest; for masks unet.",
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            show_default="target, label, class or y",
            help="The column of labels.",
        ),
    ] = None,
    groups: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            show_default="none",
            help="The column of what belongs together: no split tears it apart.",
        ),
    ] = None,
    costs: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            show_default="none",
            help="The column of what each label costs: --labels is then an amount of "
            "cost.",
        ),
    ] = None,
    pos_label: Annotated[
        str | None,
        typer.Option(
            metavar="CLASS",
            show_default="1",
            help="The class of two that recall, f1 and the like look for.",
        ),
    ] = None,
    reject_label: Annotated[
        str | None,
        typer.Option(
            metavar="LABEL",
            show_default="none",
            help="The label of rows of no class: asked for, counted, not learnt.",
        ),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", show_default="10", help="Repetitions of every run."
        ),
    ] = None,
    labels: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", show_default="200", help="Labels to buy in all."
        ),
    ] = None,
    initial: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", show_default="20", help="Labels to start with."
        ),
    ] = None,
    batch: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", show_default="10", help="Labels to buy a round."
        ),
    ] = None,
    metrics: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES", show_default="all", help="What to measure each round."
        ),
    ] = None,
    details: Annotated[
        str | None,
        typer.Option(
            metavar="COUNTS",
            show_default="the end",
            help="Label counts of confusion matrices and ROC curves, with commas.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            file_okay=False,
            metavar="DIR",
            show_default="skal-bench/NAME",
            help="Where results go. What is finished there is not run again.",
        ),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            file_okay=False,
            metavar="DIR",
            show_default=False,
            help="Go on with a run that was stopped, and nothing else.",
        ),
    ] = None,
    trust: Annotated[
        bool,
        typer.Option(
            "--trust",
            help="With --resume: run what the configuration in DIR names.",
        ),
    ] = False,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs", "-j", metavar="N", show_default="1", help="Runs at once."
        ),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            show_default="none",
            help="Run on dask or Ray: dask or ray for --jobs processes here, "
            "tcp://host:8786 or scheduler.json for a dask scheduler, ray://host:10001.",
        ),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", show_default="1", help="Threads of each run."),
    ] = None,
    time_limit: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            show_default="none",
            help="A run that takes longer has failed.",
        ),
    ] = None,
    oracle: Annotated[
        bool,
        typer.Option(
            "--oracle",
            help="Run a bound that sees hidden labels, beside the strategies: what "
            "share of the attainable gain do they get?",
        ),
    ] = False,
    download: Annotated[
        bool, typer.Option("--download", help="Fetch data that is missing.")
    ] = False,
) -> None:
    """Compare strategies fairly, and say whether they save labels.

    Every strategy runs over the same seeds, from the same first labels. Prints what
    each one needs, whether the difference is real, and writes every number and a
    report into a folder. A run that was stopped goes on where it was.
    """
    console = Console()
    options = {
        "strategies": _listed(strategies),
        "estimators": _listed(estimators),
        "target": target,
        "groups": groups,
        "costs": costs,
        "pos_label": pos_label,
        "reject_label": reject_label,
        "seeds": seeds,
        "n_labels": labels,
        "n_initial": initial,
        "batch_size": batch,
        "metrics": _listed(metrics),
        "details_at": _listed(details, "--details"),
        "time_limit": time_limit,
        "n_threads": threads,
        "n_jobs": jobs,
        "oracle": oracle or None,
    }
    given = {name: value for name, value in options.items() if value is not None}
    if (what is None) == (resume is None):
        raise typer.BadParameter(
            "Name data, a config, or a folder to --resume; one of them."
        )
    directory = resume or out or _default_folder(what)
    config, is_file = _config(what, resume, given)
    if resume is not None and not trust:
        _check_harmless(config, resume)
    experiment, config = _checked(config, directory, download, is_file)
    for sentence in command_line.told_of(experiment.data, experiment.initial):
        _say(console, sentence)
    _run(experiment, config, directory, cluster, console)


def report(
    directory: Annotated[
        Path,
        typer.Argument(
            exists=True, file_okay=False, metavar="DIR", help="A folder of results."
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            dir_okay=False,
            metavar="FILE",
            show_default="DIR/report.html",
            help="Where to write the page.",
        ),
    ] = None,
) -> None:
    """Write the report of a run, also of one that is still going on."""
    path = out or directory / "report.html"
    if not path.parent.is_dir():
        raise typer.BadParameter(
            f"must lie in an existing folder, got {str(path)!r}.", param_hint="'--out'"
        )
    try:
        written = Results.from_dir(directory).report(path)
    except (OSError, ImportError, ValueError) as error:
        raise typer.BadParameter(str(error)) from error
    _say(Console(), f"Report: {written}")


def _listed(text, counts_of=None):
    """Split words at commas; into whole numbers, for an option of counts."""
    if text is None:
        return None
    words = [word.strip() for word in text.split(",") if word.strip()]
    if counts_of is None:
        return words
    if not all(word.isdecimal() for word in words):
        raise typer.BadParameter(
            f"must be whole numbers with commas, got {text!r}.",
            param_hint=f"'{counts_of}'",
        )
    return [int(word) for word in words]


def _default_folder(what):
    return Path("skal-bench") / "-".join(Path(word).stem for word in _listed(what))


def _config(what, resume, given):
    """Return the parameters of the experiment, and whether a file named them."""
    if resume is not None:
        if not (resume / command_line.CONFIG).is_file():
            raise typer.BadParameter(
                f"must hold {command_line.CONFIG} from an earlier skal bench, got "
                f"{str(resume)!r}. Where a script ran the experiment, run it again: "
                "it goes on.",
                param_hint="'--resume'",
            )
        strange = set(given) - {"n_jobs", "time_limit"}
        if strange:
            raise typer.BadParameter(
                "takes --jobs and --time-limit, nothing that changes the experiment, "
                f"got {', '.join(sorted(OPTIONS[name] for name in strange))}.",
                param_hint="'--resume'",
            )
        try:
            return {**command_line.saved_config(resume), **given}, True
        except ValueError as error:
            raise typer.BadParameter(
                f"{error} Give the options of the run again, with --out "
                f"{str(resume)!r} in place of --resume: it goes on.",
                param_hint="'--resume'",
            ) from error
    if Path(what).suffix in command_line.CONFIGS:
        try:
            config = command_line.read_config(Path(what))
        except (OSError, ValueError) as error:
            raise typer.BadParameter(str(error)) from error
        return {**config, **given}, True
    data = [command_line.whole_path(word, Path()) for word in _listed(what)]
    return {"data": data, **given}, False


def _check_harmless(config, resume):
    """Refuse to import what a folder names: it may be from a stranger."""
    found = command_line.foreign_classes(config)
    if found:
        raise typer.BadParameter(
            f"must name a folder whose {command_line.CONFIG} runs nothing but skal, "
            f"got {str(resume)!r}, which names {', '.join(map(repr, found))}. Add "
            "--trust if you know who wrote it.",
            param_hint="'--resume'",
        )


def _checked(config, directory, download, is_file):
    """Return the experiment after every check there is before the work, and its config.

    What the data decides, such as the strategies that serve it, is in the config then.
    """
    if command_line.holds_other_files(directory):
        raise typer.BadParameter(
            f"must be a new folder or one of results, got {str(directory)!r}.",
            param_hint="'--out'",
        )
    try:
        config = command_line.as_begun(directory, config)
        experiment, config = command_line.loaded_experiment(config, download)
        experiment.check(directory)
    except (OSError, ImportError, TypeError, ValueError) as error:
        raise _as_option(str(error), is_file) from error
    return experiment, config


def _as_option(message, is_file):
    """Say what is wrong with an option, by the name it was typed under."""
    match = re.match(r"(\w+) must ", message)
    if match is None or match[1] not in OPTIONS:
        return typer.BadParameter(message)
    if is_file and match[1] != "directory":  # which no file names
        return typer.BadParameter(message)
    words = message[match.end(1) + 1 :]
    return typer.BadParameter(words, param_hint=f"'{OPTIONS[match[1]]}'")


def _run(experiment, config, directory, cluster, console):
    """Run, print what came of it, and write the report."""
    start = time.perf_counter()
    with ExitStack() as stack:
        try:
            on_cluster = command_line.on_cluster(cluster, experiment.n_jobs)
            stack.enter_context(on_cluster)
        except (ImportError, OSError, ValueError) as error:
            raise _as_option(str(error), is_file=False) from error
        try:
            stack.enter_context(command_line.owned(directory))
            command_line.save_config(directory, config)
        except BlockingIOError as error:  # it was free when it was checked
            raise _as_option(str(error), is_file=True) from error
        except OSError as error:
            raise typer.BadParameter(
                f"must be a folder to write in, got {str(directory)!r} "
                f"({error.strerror}).",
                param_hint="'--out'",
            ) from error
        try:
            results = experiment.run(directory, verbose=1)
        except KeyboardInterrupt:
            trust = " --trust" if command_line.foreign_classes(config) else ""
            _say(
                console, f"Stopped. Go on with: skal bench --resume {directory}{trust}"
            )
            raise typer.Exit(130) from None
    if results.records:
        _tell(results, directory, console)
    _say(
        console,
        f"Results: {directory}  ({command_line.as_time(time.perf_counter() - start)})",
    )
    if results.failures:
        _say(
            console, f"{len(results.failures)} of {len(results.outcomes)} runs failed."
        )
        raise typer.Exit(1)


def _tell(results, directory, console):
    """Print what there is to tell; failures may leave nothing to compare."""
    try:
        metric = command_line.main_metric(results)
        console.print(table_of(results, metric))
        for sentence in command_line.headlines(results, metric, BASELINE):
            _say(console, sentence)
        for sentence in command_line.cautions(results):
            _say(console, f"\n{sentence}")
        _say(console, f"\nReport: {results.report(directory / 'report.html')}")
    except ValueError as error:
        _say(console, f"There is no report: {error}")


def table_of(results: Results, metric: str) -> Any:
    """Return the summary as a table for the terminal."""
    columns, rows = command_line.summary_table(results, metric, BASELINE)
    table = Table(box=box.SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
    for column in columns:  # Text, for names may hold what rich takes for markup
        head = Text(column.replace(" ", "\n"))
        if column in NAMES:  # in a narrow window names break and figures stay whole
            table.add_column(head, overflow="fold")
        else:
            table.add_column(head, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _say(console, text):
    console.print(text, highlight=False, markup=False, soft_wrap=True)
