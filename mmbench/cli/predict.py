"""`mmbench predict`: a registered model on rows of one's own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mmbench.cli.output import spinner
from mmbench.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

    from mmbench.champion.predictor import Predictor
    from mmbench.data.table.rows import Rows

FORMATS = (".csv", ".parquet", ".jsonl")
SHOWN = 5
FILE = click.Path(path_type=Path, dir_okay=False, exists=True)
FOLDER = click.Path(path_type=Path, file_okay=False, exists=True)


@click.command(short_help="Predict rows of your own.")
@click.option(
    "--model", required=True, metavar="MODEL", help="models:/NAME@champion, models:/NAME/VERSION, or a folder."
)
@click.argument("rows", type=FILE)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help=f"{', '.join(FORMATS)}; default: printed.")
@click.option(
    "--files",
    type=FOLDER,
    help="Folder in which the files of ROWS are; no path may leave it. Default: the folder of ROWS.",
)
# What --files was called; everywhere else --root is the project.
@click.option("--root", type=FOLDER, hidden=True)
def predict(*, model: str, rows: Path, out: Path | None, files: Path | None, root: Path | None) -> int:
    """Predict the samples of a table (.csv, .parquet or .jsonl) whose columns are named as in the manifest.

    ROWS has paths, texts or numbers, with one column for each modality, or those of which the card's `path` makes the
    names of files; other columns are ignored. A row that cannot be read gets a message in `error` and no prediction,
    and the exit code is 1. Run this in the folder of the project, whose MLflow has the models. Nothing in a model is
    executed.
    """
    if out is not None and out.suffix.lower() not in FORMATS:
        raise UserError(f"--out {out}: the file ends in one of {', '.join(FORMATS)}")
    if out is not None and not out.parent.is_dir():
        raise UserError(f"--out {out}: there is no folder {out.parent}")
    from mmbench.tracking.champion import fetch

    with spinner("predicting"):
        # Whether there is such a model is known before PyTorch is there.
        folder = fetch(model, Path())
        from mmbench.champion.predictor import Predictor
        from mmbench.data.files.source import Root

        predictor = Predictor.load(folder)
        table = read(rows, predictor, "predict")
        made = predictor.predict(table, Root(files or root or rows.parent))
    made.insert(0, "row", table.numbers)
    _write(made, out)
    bad = made[made["error"].notna()]
    for message in bad["error"].head(SHOWN):
        print(f"error: {message}", file=sys.stderr)
    if len(bad) > SHOWN:
        print(f"error: and {len(bad) - SHOWN} more rows", file=sys.stderr)
    if out is not None:
        said = f"{len(made) - len(bad)} of {len(made)} rows predicted: {out}"
        print(said, file=sys.stderr)
    return 1 if len(bad) else 0


def read(file: Path, predictor: Predictor, what: str) -> Rows:
    """The table, whose notes are printed. what: is done with it ("predict"). Raises DataError with everything that is
    no table, UserError where there is no row."""
    from mmbench.data.files.problems import DataError
    from mmbench.data.table import rows as reading

    wanted = predictor.columns
    with file.open("rb") as stream:
        table = reading.read(file.name, stream, wanted.__contains__)
    if problems := table.findings.problems():
        raise DataError(problems)
    for note in table.findings.notes:
        print(f"note: {note}", file=sys.stderr)
    if not table.numbers:
        raise UserError(f"{file.name} has no rows with a value: there is nothing to {what}")
    return table


def _write(made: pd.DataFrame, out: Path | None) -> None:
    if out is None:
        click.echo(made.to_csv(index=False), nl=False)
    elif out.suffix.lower() == ".csv":
        made.to_csv(out, index=False)
    elif out.suffix.lower() == ".parquet":
        made.to_parquet(out, index=False)
    else:
        made.to_json(out, orient="records", lines=True, force_ascii=False)
