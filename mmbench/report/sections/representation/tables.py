"""Representations by level, method and modality."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from mmbench.probe.shared.places import PLACES
from mmbench.report.draw.measured import contrasts_table, levels_table, methods_table
from mmbench.report.draw.table import Column, Table, build, spread_columns
from mmbench.report.scores.measured import Compared
from mmbench.report.sections.representation.compute import Representations
from mmbench.report.values.methods import POOLING
from mmbench.report.values.words import interval


def tables(part: Representations) -> Iterator[Table]:
    name, words = part.dataset, part.seeds_words
    told = "linear probes of all modalities, and retrieval between two"
    relations = "how vectors relate; means over pairs and modalities"
    made = [
        levels_table(f"representation_levels_{name}", f"{name}: {told}, by level, {words}", part.compared),
        _undirected(
            levels_table(f"representation_relations_{name}", f"{name}: {relations}, by level, {words}", part.described),
            part.described,
        ),
        _modalities(part),
        methods_table(f"representation_{name}", f"{name}: {told}, by method, {words}", part.compared),
        contrasts_table(f"representation_contrasts_{name}", f"{name}: contrasts of {told}", part.compared),
    ]
    yield from (table for table in made if table is not None)


def _undirected(table: Table | None, parts: Sequence[Compared]) -> Table | None:
    """Without arrows: of these numbers, neither more nor less is better."""
    if table is None:
        return None
    plain = {x.number.scale.title: x.number.label for x in parts}
    return replace(
        table, shown=table.shown.rename(columns=plain), numeric=tuple(plain.get(c, c) for c in table.numeric)
    )


def _modalities(part: Representations) -> Table | None:
    """A row a modality with attention and one with pooling, a column a place."""
    if not part.by_modality:
        return None
    places = [p for p in PLACES if any(p in own for own in part.by_modality.values())]
    columns: list[Column] = [
        ("modality", lambda row: row[0], False),
        ("mixing", lambda row: "pooling" if row[1] == POOLING else row[1], False),
        *(
            (place, lambda row, place=place: interval(part.by_modality[row].get(place), part.scale), True)
            for place in places
        ),
    ]
    raw = (
        {
            "dataset": part.dataset,
            "modality": modality,
            "mixing": "pooling" if kind == POOLING else kind,
            "place": place,
        }
        | spread_columns("linear_probe", own.get(place))
        for (modality, kind), own in part.by_modality.items()
        for place in places
    )
    caption = f"{part.dataset}: linear probe of each modality ({part.scale.title}), over all combinations"
    return build(f"representation_modalities_{part.dataset}", caption, list(part.by_modality), raw, columns)
