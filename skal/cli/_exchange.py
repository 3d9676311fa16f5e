"""The commands ``skal export``, ``skal import`` and ``skal ls-backend``."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from skal.label import export_labels, import_labels, ml_backend, undo_import

Project = Annotated[
    Path,
    typer.Argument(
        metavar="PROJECT",
        exists=True,
        help="The folder of labels, or the source beside it.",
    ),
]


def export(
    project: Project,
    to: Annotated[
        str,
        typer.Option(
            "--to",
            "-t",
            metavar="FORMAT",
            help="csv, jsonl, parquet, imagefolder or label-studio.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="PATH",
            show_default="NAME.labels.csv beside the project",
            help="Where to write.",
        ),
    ] = None,
    everything: Annotated[
        bool,
        typer.Option(
            "--all", help="Rows too of which nobody has said anything, with the guess."
        ),
    ] = False,
    neutralise_formulas: Annotated[
        bool,
        typer.Option(
            "--neutralise-formulas",
            help="Put an apostrophe before texts that a spreadsheet would run (csv).",
        ),
    ] = False,
    copy: Annotated[
        bool, typer.Option("--copy", help="Copy images, where links would do.")
    ] = False,
    image_prefix: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            show_default="/data/local-files/?d=FOLDER/",
            help="What stands before images' paths in Label Studio's tasks.",
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace what is there.")
    ] = False,
) -> None:
    """Write the labels of a project to a file, or sort its images into folders.

    A line is what one person said of one row, beside what the model takes it for.
    """
    path = _told(
        export_labels,
        _folder(project),
        to,
        out,
        everything=everything,
        neutralise_formulas=neutralise_formulas,
        copy=copy,
        image_prefix=image_prefix,
        overwrite=overwrite,
    )
    _say(f"Written: {path}")
    if to == "label-studio":
        _say(f"Labelling config: {path.with_suffix('.xml')}")


def import_(
    project: Project,
    path: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE|FOLDER",
            exists=True,
            show_default=False,
            help="Labels: csv, jsonl, parquet, json of Label Studio, or a folder of "
            "images with a folder a class.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", "-n", help="Report only; write nothing.")
    ] = False,
    undo: Annotated[
        bool, typer.Option("--undo", help="Take the last import back.")
    ] = False,
    fmt: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="FORMAT", show_default="by the ending", help="The format."
        ),
    ] = None,
    annotator: Annotated[
        str,
        typer.Option(metavar="NAME", help="Who said what the file ascribes to nobody."),
    ] = "me",
    add_classes: Annotated[
        bool, typer.Option("--add-classes", help="Add classes that are not known.")
    ] = False,
    rename: Annotated[
        list[str] | None,
        typer.Option(
            metavar="THEIRS=OURS", help="The name here of a class there. Repeat it."
        ),
    ] = None,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace", help="Take the file's word where it contradicts the project's."
        ),
    ] = False,
    id_column: Annotated[
        str | None,
        typer.Option("--id", metavar="COLUMN", help="The file's column of ids."),
    ] = None,
    label_column: Annotated[
        str | None,
        typer.Option("--label", metavar="COLUMN", help="The file's column of labels."),
    ] = None,
    text_column: Annotated[
        str | None,
        typer.Option("--text", metavar="COLUMN", help="The file's column of texts."),
    ] = None,
    from_name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The choice to read (label-studio)."),
    ] = None,
) -> None:
    """Bring labels from a file into a project; --undo takes the last import back.

    Says first what matches, what does not, and what contradicts; rows that are not
    known and contradictions are left out.
    """
    folder = _folder(project)
    if undo == (path is not None):
        raise typer.BadParameter("Name a file or folder, or --undo; one of them.")
    if undo:
        _say(f"Taken back: {_told(undo_import, folder)}")
        return
    columns = {"id": id_column, "label": label_column, "text": text_column}
    options: dict[str, Any] = {
        "fmt": fmt,
        "annotator": annotator,
        "columns": {ours: theirs for ours, theirs in columns.items() if theirs},
        "rename": _pairs(rename or []),
        "from_name": from_name,
        "replace_conflicts": replace,
    }
    look = _told(import_labels, folder, path, dry_run=True, **options)
    _say(str(look))
    if dry_run:
        _say("Nothing was written.")
        return
    done = _told(import_labels, folder, path, add_classes=add_classes, **options)
    _say(f"Written: {done.new}")


def ls_backend(
    project: Project,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="The address to listen at.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", "-p", metavar="N", help="The port to listen at.")
    ] = 9090,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="A name that Label Studio may know this machine by, as "
            "host.docker.internal. Repeat it.",
        ),
    ] = None,
    allow_remote: Annotated[
        bool,
        typer.Option("--allow-remote", help="Let other machines connect, at --host."),
    ] = False,
    train: Annotated[
        bool,
        typer.Option(
            "--train", help="Train behind, too: where no `skal label` runs beside it."
        ),
    ] = False,
    new_password: Annotated[
        bool, typer.Option("--new-password", help="Draw another password.")
    ] = False,
    from_name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The choice to answer, of several."),
    ] = None,
) -> None:
    """Be the ML backend of a Label Studio project: its order, guesses and record.

    Answers from the stored ranking and writes annotations into the project; `skal
    label`, a session or --train makes that ranking. Connect it in Label Studio under
    Settings, Model, with the user name and password that it says.
    """
    if not _is_loopback(host) and not allow_remote:
        raise typer.BadParameter(
            f"must be an address of this machine alone, got {host!r}. Add "
            "--allow-remote if others are to connect; they need the password.",
            param_hint="'--host'",
        )
    _told(
        ml_backend.serve_backend,
        _folder(project),
        _say,
        host=host,
        port=port,
        allow_hosts=allow_host or (),
        from_name=from_name,
        fresh_password=new_password,
        train=train,
    )


def _folder(project):
    """Return the folder of a project, also by the name of its source."""
    beside = project.absolute().with_name(f"{project.absolute().name}.skal")
    return beside if beside.is_dir() else project


def _is_loopback(host):
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _pairs(words):
    """Split THEIRS=OURS."""
    for word in words:
        if "=" not in word:
            raise typer.BadParameter(
                f"must be THEIRS=OURS, got {word!r}.", param_hint="'--rename'"
            )
    return dict(word.split("=", 1) for word in words)


def _told(function, *args, **options):
    """Call a function of skal; what it does not like is said in a line."""
    try:
        return function(*args, **options)
    except (OSError, ImportError, ValueError) as error:
        raise typer.BadParameter(str(error)) from error


def _say(words):
    Console().print(words, highlight=False, markup=False, soft_wrap=True)
