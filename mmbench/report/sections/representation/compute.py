"""Linear probes, retrieval, alignment, gap and rank, by data set."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from statistics import fmean

from mmbench.probe.shared.places import PLACES, TOKENS
from mmbench.report.scores.cautions import cautions
from mmbench.report.scores.context import Context
from mmbench.report.scores.dataset_scores import Record
from mmbench.report.scores.effects import level_means
from mmbench.report.scores.measured import Compared, Number, compare, part, plain, scores_of
from mmbench.report.scores.seed_means import seed_means
from mmbench.report.values.effects import LevelMean
from mmbench.report.values.methods import POOLING
from mmbench.report.values.scale import Scale
from mmbench.stats.estimates import Estimate
from mmbench.stats.paired import estimate

Of = Callable[[Record], float | None]


@dataclass(frozen=True, kw_only=True)
class Representations:
    """One data set.

    Attributes:
        dataset: Its name.
        scale: Of the main metric, by which linear probes are scored.
        compared: What is better with more of it: probes of the last layer and of the read-outs, retrieval.
        described: What is neither better nor worse: alignment, gap, distances, rank.
        by_place: Place -> the linear probe of all modalities under each attention.
        by_modality: Modality, with attention or pooling ("") -> place -> its linear probe, over all combinations.
        overall: Name of a number, or a place -> its mean over all combinations.
        candidates: In retrieval; None where there was none.
        seeds_words: What means and intervals are over.
        cautions: What is to be kept in mind first.
    """

    dataset: str
    scale: Scale
    compared: tuple[Compared, ...]
    described: tuple[Compared, ...]
    by_place: Mapping[str, tuple[LevelMean, ...]]
    by_modality: Mapping[tuple[str, str], Mapping[str, Estimate]]
    overall: Mapping[str, Estimate]
    candidates: int | None
    seeds_words: str
    cautions: tuple[str, ...] = ()

    def named(self, name: str) -> Compared | None:
        return next((x for x in (*self.compared, *self.described) if x.number.name == name), None)


def mean_of(record: Record, name: str) -> float | None:
    """The unweighted mean over pairs, or over modalities."""
    values = record.get(name)
    return fmean(map(float, values)) if values is not None and hasattr(values, "__len__") and len(values) else None


def _compared(scale: Scale, guess: float | None) -> list[Number]:
    def probe(place: str, label: str) -> Number:
        return Number(
            name=f"linear_probe_{place.replace('-', '_')}",
            label=label,
            of=partial(part, name="linear_probe_joint", index=PLACES.index(place)),
            higher=scale.higher,
            margin=scale.rope,
            decimals=scale.decimals,
            low=scale.low,
            high=scale.high,
            guess=guess,
        )

    return [
        probe("read-out", "linear probe, read-outs"),
        probe("last", "linear probe, last layer"),
        Number(name="retrieval_1", label="R@1", of=partial(mean_of, name="retrieval_1"), low=0, high=1),
        Number(name="retrieval_5", label="R@5", of=partial(mean_of, name="retrieval_5"), low=0, high=1),
    ]


def _described() -> list[Number]:
    return [
        Number(name="cka_stem", label="CKA, stems", of=partial(mean_of, name="cka_stem"), high=1),
        Number(name="cka_last", label="CKA, last layer", of=partial(mean_of, name="cka_last"), high=1),
        Number(name="modality_gap", label="modality gap", of=partial(mean_of, name="modality_gap"), low=0),
        Number(name="paired_distance", label="paired distance", of=partial(mean_of, name="paired_distance"), low=0),
        Number(name="modality_spread", label="spread", of=partial(mean_of, name="modality_spread"), low=0),
        Number(
            name="effective_rank",
            label="effective rank, read-outs",
            of=partial(part, name="effective_rank_joint", index=PLACES.index("read-out")),
            margin=0.5,
            decimals=1,
            low=0,
        ),
    ]


def representations(context: Context, dataset: str) -> Representations | None:
    """None where nothing was measured."""
    records = context.records[dataset]
    if all(r.get("linear_probe_joint") is None for r in records):
        return None
    scale = context.dataset(dataset).curve
    guess = context.specs[dataset].chance
    compared = tuple(
        x for n in _compared(scale, guess) if (x := compare(context, dataset, n)) is not None and x.methods
    )
    described = tuple(x for n in _described() if (x := _levels_alone(context, dataset, n)) is not None)
    cells = [r for r in records if r["role"] == "cell" and r["state"] == "done"]
    numbers: dict[str, Of] = {x.number.name: x.number.of for x in (*compared, *described)}
    numbers |= {p: partial(part, name="linear_probe_joint", index=i) for i, p in enumerate(PLACES)}
    means = {name: _over_seeds(cells, of, context.confidence) for name, of in numbers.items()}
    counts = [int(n) for r in cells if (n := plain(r, "retrieval_candidates")) is not None]
    return Representations(
        dataset=dataset,
        scale=scale,
        compared=compared,
        described=described,
        by_place={p: found for p in PLACES if (found := _attentions(context, dataset, p, scale))},
        by_modality=dict(_by_modality(context, dataset, cells)),
        overall={name: mean for name, mean in means.items() if mean is not None},
        candidates=min(counts) if counts else None,
        seeds_words=context.seeds_words,
        cautions=cautions(context, dataset),
    )


def _levels_alone(context: Context, dataset: str, number: Number) -> Compared | None:
    """Of what is neither better nor worse there are no verdicts."""
    found = scores_of(context, dataset, number)
    levels = () if found is None else level_means(found, context.levels)
    if not levels:
        return None
    return Compared(dataset=dataset, number=number, methods=(), levels=levels, attention=None, contrasts=())


def _attentions(context: Context, dataset: str, place: str, scale: Scale) -> tuple[LevelMean, ...]:
    of = partial(part, name="linear_probe_joint", index=PLACES.index(place))
    found = scores_of(context, dataset, Number(name="linear_probe_at", label="", of=of, higher=scale.higher))
    return () if found is None else tuple(m for m in level_means(found, context.levels) if m.factor == "attention")


def _over_seeds(records: list[Record], of: Of, confidence: float) -> Estimate | None:
    """The mean over seeds of what each has on average."""
    return estimate(seed_means((r, of(r)) for r in records).means, confidence)


def _by_modality(
    context: Context, dataset: str, cells: list[Record]
) -> Iterator[tuple[tuple[str, str], Mapping[str, Estimate]]]:
    names = tuple(context.specs[dataset].modalities)
    for i, modality in enumerate(names):
        for kind in ("attention", POOLING):
            own = [r for r in cells if (r["attention"] == POOLING) == (kind == POOLING)]
            places: dict[str, Of] = {
                p: partial(part, name="linear_probe", index=i * len(TOKENS) + j) for j, p in enumerate(TOKENS)
            }
            places["read-out"] = partial(part, name="linear_probe_readout", index=i)
            found = {p: _over_seeds(own, of, context.confidence) for p, of in places.items()}
            known = {p: mean for p, mean in found.items() if mean is not None}
            if known:
                yield (modality, kind), known
