"""The command ``skal label``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from skal.label import command_line

EXTRA = (
    "skal label needs starlette and uvicorn. Install them: pip install 'skal[label]'"
)


def label(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="SOURCE",
            help="A folder of images, or a CSV, JSONL or Parquet file of rows. Or "
            "'digits', to try it out.",
        ),
    ],
    classes: Annotated[
        str | None,
        typer.Option(
            "--classes",
            "-c",
            metavar="NAMES",
            help="What a row can be, with commas between. Needed the first time only.",
        ),
    ] = None,
    text: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="The column of texts to label."),
    ] = None,
    show: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMNS", help="The columns of a table to show, with commas."
        ),
    ] = None,
    label_column: Annotated[
        str | None,
        typer.Option(
            "--label",
            metavar="COLUMN",
            help="The column of labels that exist. For images: 'folders'.",
        ),
    ] = None,
    id_column: Annotated[
        str | None,
        typer.Option("--id", metavar="COLUMN", help="The column that names the rows."),
    ] = None,
    project: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            file_okay=False,
            show_default="SOURCE.skal",
            help="Where labels are kept.",
        ),
    ] = None,
    reject_label: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            show_default="none",
            help="The answer 'none of these': counted, and learnt as no class.",
        ),
    ] = None,
    annotators: Annotated[
        str,
        typer.Option(
            metavar="NAMES", help="Who labels, with commas: a link for each of them."
        ),
    ] = "me",
    strategy: Annotated[
        str | None,
        typer.Option(
            "--strategy",
            "-s",
            metavar="NAME",
            show_default="auto",
            help="How to choose what comes next.",
        ),
    ] = None,
    config: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            help="What to train: cnn, forest, logistic, resnet, or a TOML file with "
            "an [estimator].",
        ),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            min=1, max=65535, metavar="N", show_default="a free one, and then the same"
        ),
    ] = None,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page in a browser.")
    ] = True,
    guidelines: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="A text for those who label; ? on the page shows it.",
        ),
    ] = None,
    audit: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            metavar="SHARE",
            show_default="0.1",
            help="Share of rows drawn at random, to measure accuracy on.",
        ),
    ] = None,
    repeat: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            metavar="SHARE",
            show_default="0",
            help="Share of rows shown twice, to measure agreement.",
        ),
    ] = None,
    trust: Annotated[
        bool,
        typer.Option(
            "--trust",
            help="Run the classes that a project names; you know who wrote it.",
        ),
    ] = False,
) -> None:
    """Label rows by hand, in the order in which a model learns most.

    Opens a page on this computer; nobody else can reach it. Every answer is on disk
    before the page acknowledges it, and the same command goes on where you left. Ends
    with ctrl C.
    """
    check_extra()
    people = names(annotators, "--annotators") or ["me"]
    wanted = names(classes, "--classes")
    if str(source) == command_line.NAME and not source.exists():
        source = command_line.digits_folder()
        wanted = wanted or command_line.CLASSES
    options: dict[str, Any] = {"text": text, "show": names(show, "--show")}
    options |= {"label": label_column, "id": id_column}
    if source.is_dir():
        options = {"labels": options.pop("label"), **options}
    try:
        session = command_line.open_project(
            source,
            project=project,
            classes=wanted,
            options=options,
            model=config,
            strategy=strategy,
            trust=trust or config is not None,
            annotator=people[0],
            guidelines=guidelines.read_text(encoding="utf-8") if guidelines else None,
            audit=audit,
            repeat=repeat,
            reject_label=reject_label,
        )
        desk = command_line.Desk(
            session, people, port, trust=trust or config is not None
        )
        with desk:
            say(desk)
            if browser:
                desk.show()
            desk.run()
    except (ValueError, TypeError, OSError) as error:
        raise typer.BadParameter(str(error)) from error
    Console().print("Every label is kept. The same command goes on.", highlight=False)


def check_extra():
    """Refuse to start without what the server is made of."""
    try:
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise typer.BadParameter(f"{EXTRA} ({error}).") from error


def names(words, option):
    """Return the names between commas; None for none."""
    if words is None:
        return None
    found = [word.strip() for word in words.split(",")]
    if not all(found):
        raise typer.BadParameter(
            f"must be names with commas between, got {words!r}.",
            param_hint=f"'{option}'",
        )
    return list(dict.fromkeys(found))


def say(desk):
    """Print the links, and what the source has passed over."""
    console = Console()
    for note in desk.session.pool.source.notes:
        console.print(note, markup=False, highlight=False)
    many = len(desk.links) > 1
    for name, link in desk.links.items():
        before = f"{name}: " if many else "Open "
        console.print(f"{before}{link}", markup=False, highlight=False, soft_wrap=True)
    console.print(f"Labels are kept in {desk.project.folder}", soft_wrap=True)
