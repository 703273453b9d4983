"""`mmbench explain`: why a registered model answers as it does on rows of one's own."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mmbench.cli.output import spinner
from mmbench.cli.predict import read
from mmbench.errors import UserError

if TYPE_CHECKING:
    from mmbench.champion.predictor import Predictor
    from mmbench.data.table.rows import Rows

FILE = click.Path(path_type=Path, dir_okay=False, exists=True)
FOLDER = click.Path(path_type=Path, file_okay=False, exists=True)
SHOWN = 5


@click.command(short_help="Show what a model looks at in rows of your own.")
@click.option(
    "--model", required=True, metavar="MODEL", help="models:/NAME@champion, models:/NAME/VERSION, or a folder."
)
@click.argument("rows", type=FILE)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("explained.html"),
    show_default=True,
    help="The page; its numbers go into a .csv beside it.",
)
@click.option("--first", type=click.IntRange(1, 200), default=20, show_default=True, help="How many rows.")
@click.option("--files", type=FOLDER, help="Folder in which the files of ROWS are; default: the folder of ROWS.")
@click.option("--force", is_flag=True, help="Replace files that are there already.")
def explain(*, model: str, rows: Path, out: Path, first: int, files: Path | None, force: bool) -> int:
    """Show how relevant each token of the samples in a table is to the answer of a model.

    ROWS is a table as `mmbench predict` takes it. Attention weights, gradient × input, integrated gradients and
    occlusion stand side by side, over words, patches of images and other tokens, in one page that needs nothing else. A
    row that cannot be read has a message there, and the exit code is 1. Run this in the folder of the project, whose
    MLflow has the models.
    """
    table = out.with_suffix(".csv")
    if out.suffix.lower() not in (".html", ".htm"):
        raise UserError(f"--out {out}: the page's name ends in .html")
    if not out.parent.is_dir():
        raise UserError(f"--out {out}: there is no folder {out.parent}")
    try:
        tempfile.TemporaryFile(dir=out.parent).close()
    except OSError as error:
        raise UserError(f"--out {out}: nothing can be written there ({error.strerror}); name another place") from None
    if not force and (there := [str(f) for f in (out, table) if f.exists()]):
        raise UserError(f"{there[0]} exists; --force replaces it, --out names another file")
    if table.exists() and table.resolve() == rows.resolve():
        raise UserError(f"--out {out}: its numbers would replace {rows}; give it another name")
    from mmbench.tracking.champion import fetch

    with spinner("explaining"):
        # Whether there is such a model is known before PyTorch is there.
        folder = fetch(model, Path())
        from mmbench.champion import explained_page
        from mmbench.champion.explainer import explain as explain_rows
        from mmbench.champion.explainer import numbers
        from mmbench.champion.predictor import Predictor
        from mmbench.data.files.source import Root

        predictor = Predictor.load(folder)
        chosen, of = _read(rows, predictor, first)
        found = explain_rows(predictor, chosen, Root(files or rows.parent))
        title = f"{predictor.bundle.result.config.cell} on {rows.name}"
        page = explained_page.page(found, predictor.spec, title)
    out.write_text(page, encoding="utf-8")
    numbers(found).to_csv(table, index=False)
    bad = [row.error for row in found if row.error is not None]
    for message in bad[:SHOWN]:
        print(f"error: {message}", file=sys.stderr)
    if len(bad) > SHOWN:
        print(f"error: {len(bad) - SHOWN} more rows cannot be read; {table} names them", file=sys.stderr)
    which = f"the first {len(found)} of {of} rows (--first {first})" if of > len(found) else f"{len(found)} rows"
    print(f"{len(found) - len(bad)} of {which} explained: {out}, {table}", file=sys.stderr)
    return 1 if bad else 0


def _read(file: Path, predictor: Predictor, first: int) -> tuple[Rows, int]:
    """The first rows, and how many there are. Raises DataError and UserError as `read` does."""
    from mmbench.data.table.findings import Findings
    from mmbench.data.table.rows import Rows

    table = read(file, predictor, "explain")
    columns = {name: values[:first] for name, values in table.columns.items()}
    numbers = table.numbers[:first]
    chosen = Rows(file=table.file, columns=columns, numbers=numbers, findings=Findings(table.file))
    return chosen, len(table.numbers)
