"""Plan and ledger -> Report. A pure function: no clock, no environment; of files only the code of sections."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from mmbench.report.pages.report import Part, Report
from mmbench.report.scores.context import Context
from mmbench.report.section import find_sections
from mmbench.report.trials.frame import Results
from mmbench.report.values.provenance import Source
from mmbench.schema.budget import Budget
from mmbench.schema.cost_curves import Profile
from mmbench.schema.dataset import DataSpec
from mmbench.schema.idle_cost import IdleCosts
from mmbench.schema.params import Params
from mmbench.schema.plan import Plan
from mmbench.stats.agreement import Agreement
from mmbench.stats.estimates import Verdict
from mmbench.stats.jackknife import OnSamples


def analyse(
    plan: Plan,
    results: Results,
    specs: Mapping[str, DataSpec],
    params: Params,
    *,
    families: Mapping[str, str],
    profiles: Sequence[Profile] = (),
    sources: Sequence[Source] = (),
    budgets: Mapping[str, Budget] | None = None,
    races: Mapping[str, Mapping[str, Verdict]] | None = None,
    unpaid: Collection[str] = (),
    ensembles: Mapping[str, Mapping[tuple[str, int], float]] | None = None,
    samples: Mapping[str, OnSamples] | None = None,
    costs: Mapping[str, IdleCosts] | None = None,
    agreements: Mapping[str, Agreement] | None = None,
    unmeasured: Mapping[str, int] | None = None,
) -> Report:
    """Everything the report shows; arguments as in `Context`.

    Equal input gives equal output, whatever the order of the mappings. Raises UserError where params.report.metric is
    none of a data set's, or two sections have one name.
    """
    context = Context(
        plan=plan,
        results=results,
        specs=specs,
        params=params,
        families=families,
        profiles=profiles,
        sources=sources,
        budgets=budgets or {},
        races=races or {},
        unpaid=frozenset(unpaid),
        ensembles=ensembles or {},
        samples=samples or {},
        costs=costs or {},
        agreements=agreements or {},
        unmeasured=unmeasured or {},
    )
    sections, broken = find_sections()
    # Whatever all sections need fails here, and not in each of them.
    _ = context.headline
    return Report(
        context=context,
        parts=tuple(Part(s, context) for s in sections),
        unreadable={b.name: b.reason for b in broken},
    )
