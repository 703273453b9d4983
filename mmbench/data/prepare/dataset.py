"""From a data set's card to prepared arrays: generated, or read from raw data, split, checked for leaks and decoded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mmbench.data.table.card import FILE, Card, Leak, SplitCard, load_card
from mmbench.errors import UserError, suggest
from mmbench.registry import check_options, get
from mmbench.schema.dataset import DataSpec, load_spec
from mmbench.schema.params import is_plain_name
from mmbench.schema.task import Task, task_of

if TYPE_CHECKING:
    from mmbench.data.public.loader import Loader
    from mmbench.data.synthetic.generator import Generator
    from mmbench.data.table.table import Table


@dataclass(frozen=True, kw_only=True)
class Raw:
    """A data set before it is prepared. made: by what the card names; None for a person's own manifest."""

    name: str
    folder: Path
    card: Card
    made: Generator | Loader | None

    def table(self) -> Table:
        """The samples of raw data. Raises DataError with all problems; a generated data set has none."""
        from mmbench.data.public.loader import Loader
        from mmbench.data.table import manifest

        if isinstance(self.made, Loader):
            return self._with_metric(self.made.table(manifest.root_of(self.card, self.folder)))
        if self.made is None:
            return self._with_metric(manifest.table(self.card, self.folder))
        raise UserError(f"{self.name} is generated, not read")

    def _with_metric(self, table: Table) -> Table:
        if self.card.metric is None or self.card.metric == table.task.metric:
            return table
        return replace(table, task=self._task(table.task))

    def _task(self, task: Task) -> Task:
        try:
            return task_of(task.kind, task.targets, self.card.metric, affect=task.affect)
        except ValueError as error:
            why = str(error).split("\n")[-2].strip().removeprefix("Value error, ").split(" [type")[0]
            raise UserError(f"{self.folder / FILE}: {why}") from None


def read(name: str, raw: Path) -> Raw:
    """The data set `name` among the folders of `raw`. Raises UserError for an unknown name or a card that is wrong."""
    folder = raw / name
    if not is_plain_name(name):
        raise UserError(f"data set name {name!r}: use letters, digits, _, - and . only; it names a folder of {raw}")
    if not (folder / FILE).exists():
        known = sorted(file.parent.name for file in raw.glob(f"*/{FILE}"))
        hint = suggest(name, known) if known else "; `mmbench data init` makes one"
        raise UserError(f"unknown data set {name!r}: there is no {folder / FILE}{hint}")
    card = load_card(folder)
    made = None
    if card.dataset is not None:
        where = f"{folder / FILE}: dataset"
        info = get("dataset", card.dataset.name, where=where)
        options = check_options(info, card.dataset.options, where=where)
        try:
            made = info.cls(**options)
        except UserError as error:
            raise UserError(f"{where}.{info.name}: {error}") from None
    return Raw(name=name, folder=folder, card=card, made=made)


@dataclass(frozen=True, kw_only=True)
class About:
    """What a data set says of itself. warning: one of its notes."""

    description: str = ""
    licence: str = ""
    source: str = ""
    citation: str = ""
    warning: str = ""


def prepared(folder: Path) -> DataSpec | None:
    """spec.json of a prepared data set; None where it is missing or broken."""
    try:
        return load_spec(folder)
    except UserError:
        return None


def prepare(raw: Raw, folder: Path, *, progress: bool = True) -> DataSpec:
    """Write the prepared data set to `folder`; returns its spec. Raises UserError; DataError names file and row."""
    # Late: decoders, PyTorch and what makes signals are not needed to read a card.
    from mmbench.data.prepared import save
    from mmbench.data.public.loader import Loader
    from mmbench.data.synthetic.generator import Generator

    if isinstance(raw.made, Generator):
        return save(folder, *raw.made.make(raw.name))
    origin = raw.made.origin if isinstance(raw.made, Loader) else None
    about = About(
        description=raw.card.description or (raw.made.description if isinstance(raw.made, Loader) else ""),
        licence=raw.card.licence or (origin.licence if origin else ""),
        source=raw.card.source or (f"{origin.page} ({origin.revision})" if origin else ""),
        citation=raw.card.citation or (origin.citation if origin else ""),
        warning=origin.warning if origin else "",
    )
    return prepare_table(
        raw.name, raw.table(), folder, cuts=raw.card.splits, accept=raw.card.accept, about=about, progress=progress
    )


def prepare_table(
    name: str,
    table: Table,
    folder: Path,
    *,
    cuts: SplitCard,
    accept: Sequence[Leak] = (),
    about: About,
    progress: bool = True,
    processes: int | None = None,
) -> DataSpec:
    """Split a table, look for leaks, decode it into `folder`; returns the spec. Raises DataError.

    cuts: how samples are split that the table leaves open. accept: kinds of leakage that are known. processes: that
    decode; None for one per core.
    """
    from mmbench.data.prepare import sample_groups
    from mmbench.data.prepare.arrays import prepare as decode
    from mmbench.data.prepare.readers import FILE as READERS
    from mmbench.data.prepare.readers import to_json
    from mmbench.data.prepared import Writer
    from mmbench.data.split import drawing, leakage, learnability

    drawn = drawing.draw(table, cuts, accept)
    split = drawn.split
    known = learnability.check(table, split)
    leaks = leakage.judge(drawn.leaks, accept)
    # Of what was there before: it is not part of what the writer makes, and would be taken for somebody's own.
    (folder / sample_groups.FILE).unlink(missing_ok=True)
    with Writer(folder) as writer:
        done = decode(table, split, writer, progress=progress, processes=processes)
        writer.text(READERS, to_json(done.readers))
        spec = writer.finish(
            DataSpec(
                name=name,
                description=about.description,
                modalities=done.modalities,
                task=table.task,
                splits=done.splits,
                chance=done.chance,
                ceiling=None,
                scale=done.scale,
                licence=about.licence,
                source=about.source,
                citation=about.citation,
                notes=(
                    *table.notes,
                    *done.notes,
                    *known,
                    *drawn.notes,
                    *drawing.accepted(leaks, accept),
                    *([about.warning] if about.warning else []),
                ),
                hash="",
            )
        )
    sample_groups.save(folder, sample_groups.groups_of(table, split == "test"))
    return spec
