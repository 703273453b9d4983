"""The report's claims against truth, by simulation: how often intervals cover, how often a null ledger yields a
finding, whether what was planted is found. Seeded, so each number is the same every time. Each has one setting in
`make test`, at the full number of simulations and the full bound; the other settings are in `make test-all`."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy import stats as scipy_stats

from mmbench.registry import GRID_AXES
from mmbench.report.scores.dataset_scores import DatasetScores, Settings
from mmbench.report.scores.ranking import Ranking, best_single, rank
from mmbench.report.sections.questions.compute import questions
from mmbench.report.sections.ranks.compute import rank_table
from mmbench.report.values.methods import Method
from mmbench.report.values.scale import scale_of
from mmbench.stats import paired
from mmbench.stats.bootstrap import bootstrap, improvement, iqm
from tests.support.factory import Truth, make

from .test_build import analysed

pytestmark = pytest.mark.slow

NO_ROPE = Settings(scale=scale_of("accuracy", 0.0, scores=(), guess=None), confidence=0.95)
"""Without a region of equivalence every false finding counts."""
LEVELS = {
    "attention": ("mean", "additive", "dot"),
    "fusion": ("early", "middle", "late"),
    "architecture": ("a", "b", "c"),
}
FAMILIES = {lv: lv for lv in LEVELS["fusion"]}
CELLS = [
    Method(key=" ".join(c), role="cell", attention=c[0], fusion=c[1], family=c[1], architecture=c[2], modality=None,
           baseline=None)
    for c in product(*LEVELS.values())
]  # fmt: skip
SINGLES = [
    Method(key=f"{a} · {m} alone", role="single", attention=a, fusion=None, family=None, architecture=None, modality=m,
           baseline=None)
    for a in LEVELS["attention"] for m in ("image", "audio")
]  # fmt: skip


def field(values: np.ndarray, name: str = "data", alone: np.ndarray | None = None) -> DatasetScores:
    """values: (33, S), the cells and then the single modalities. alone: those on the seeds that all have, where some
    have more."""
    methods = {m.key: m for m in (*CELLS, *SINGLES)}
    return DatasetScores(
        dataset=name,
        settings=NO_ROPE,
        methods=methods,
        records={},
        seeds=tuple(range(values.shape[1] if alone is None else alone.shape[1])),
        all_seeds=tuple(range(values.shape[1])),
        index={k: i for i, k in enumerate(methods)},
        values=values if alone is None else alone,
        all_values=values,
        means=paired.compare(values, 0.95, 0.0),
        fixed={"linear baseline": 0.8},
    )


def drawn(rng: np.random.Generator, seeds: int) -> np.ndarray:
    """A null ledger: all means equal, noise of each run and of each seed."""
    return 0.8 + 0.01 * rng.normal(size=(33, seeds)) + 0.02 * rng.normal(size=(1, seeds))


@pytest.mark.parametrize("seeds", [2, 3, 5, 10])
def test_the_interval_of_a_cell_covers(seeds: int) -> None:
    """4,000 cells; a simulation of 95 % varies by 0.35 % (one standard error)."""
    rng = np.random.default_rng(seeds)
    held = 0
    for values in 0.8 + 0.01 * rng.normal(size=(4000, seeds)):
        found = paired.estimate(values, 0.95)
        assert found is not None
        held += found.low <= 0.8 <= found.high
    assert 0.93 <= held / 4000 <= 0.97


@pytest.mark.parametrize("seeds", [3, 5])
def test_intervals_of_differences_cover(seeds: int) -> None:
    """Of two cells, and of a level's mean against another's: the intervals that gains and questions show."""
    rng = np.random.default_rng(10 + seeds)
    cells, levels, runs = 0.0, 0, 600
    truth = 0.8 + 0.02 * rng.normal(size=33)
    pairs = np.arange(26), np.arange(1, 27)
    for _ in range(runs):
        means = paired.compare(drawn(rng, seeds) - 0.8 + truth[:, None], 0.95, 0.0)
        delta, half, _, _ = means.pairs(*pairs)
        cells += float((np.abs(delta - (truth[pairs[0]] - truth[pairs[1]])) <= half).mean())
        group = means.groups(range(9), range(9, 18))
        levels += abs(group.delta[0] - (truth[:9].mean() - truth[9:18].mean())) <= group.half[0]
    assert 0.93 <= cells / runs <= 0.97
    assert 0.93 <= levels / runs <= 0.97


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [3, pytest.param(5, marks=pytest.mark.exhaustive)])
def test_a_null_ledger_rarely_yields_a_finding(seeds: int) -> None:
    """In each family of comparisons at most 6 % of 700 null ledgers hold a finding, the picked best included."""
    rng = np.random.default_rng(20 + seeds)
    runs = 700
    found = dict.fromkeys(("best", "attention", "fusion", "architecture", "multimodal"), 0)
    for _ in range(runs):
        one = field(drawn(rng, seeds))
        cells = one.ranked("cell")
        ranking = rank(one.means, one.index, cells)
        best = ranking.order[0]
        gains = one.to_best(ranking.order, ranking.against, ranking.verdict).values()
        worse = [d for d in gains if d.verdict == "worse"]
        # Who may be best and the verdicts of the table are one family and must agree.
        assert len(worse) == len(cells) - len(ranking.top) == sum(v == "worse" for v in ranking.verdict.values())
        found["best"] += bool(worse)
        single = best_single(one)
        assert single is not None
        gain = one.differences(dict.fromkeys(cells, single))[best]
        for q in questions([one], {"data": gain}, LEVELS, FAMILIES, NO_ROPE):
            found[q.name] += any(d.verdict in ("better", "worse") for d in q.per_dataset["data"])
    rates = {name: n / runs for name, n in found.items()}
    assert max(rates.values()) <= 0.06, rates


@pytest.mark.parametrize("seeds", [3, pytest.param(5, marks=pytest.mark.exhaustive)])
def test_gains_over_a_baseline_cover_though_seeds_move_all_methods_alike(seeds: int) -> None:
    """The number of a baseline never varies, so nothing cancels, and of what a seed does many methods tell little."""
    rng = np.random.default_rng(60 + seeds)
    covered, found, runs = 0.0, 0, 600
    for _ in range(runs):
        gains = field(drawn(rng, seeds)).over_fixed([m.key for m in CELLS], "linear baseline").values()
        covered += float(np.mean([d.half is not None and abs(d.mean) <= d.half for d in gains]))
        found += any(d.verdict in ("better", "worse") for d in gains)
    assert 0.92 <= covered / runs <= 0.97, covered / runs
    assert found / runs <= 0.07, found / runs


def test_two_equal_seeds_are_no_proof_that_there_is_no_noise() -> None:
    """Of one cell they happen to agree, while those of others vary: its gain over a fixed number is not certain."""
    rng = np.random.default_rng(61)
    values = 0.81 + 0.01 * rng.normal(size=(33, 2))
    values[0] = 0.81
    gain = field(values).over_fixed([m.key for m in CELLS], "linear baseline")[CELLS[0].key]
    assert gain.half is not None and gain.half > 0.005 and gain.p is not None and gain.p > 1e-3
    exact = field(np.full((33, 2), 0.81)).over_fixed([CELLS[0].key], "linear baseline")[CELLS[0].key]
    assert (exact.half, exact.p, exact.verdict) == (0, 0, "better"), "where none varies at all, it is"
    one = field(values[:, :1]).over_fixed([CELLS[0].key], "linear baseline")[CELLS[0].key]
    assert (one.half, one.near, one.p, one.verdict) == (None, None, None, "open")


def test_means_of_levels_are_compared_on_shared_seeds_where_some_cells_have_more() -> None:
    """Nine cells have seven seeds more than the others; what a seed does to all methods alike is as large as noise."""
    rng = np.random.default_rng(62)
    held, runs = 0, 600
    for _ in range(runs):
        values = 0.8 + 0.01 * rng.normal(size=(33, 10)) + 0.01 * rng.normal(size=(1, 10))
        values[9:, 3:] = np.nan
        one = field(values, alone=values[:, :3])
        pairs = list(zip([m.key for m in CELLS[:9]], [m.key for m in CELLS[9:18]], strict=True))
        found = one.group_difference("mean", "additive", pairs)
        held += found.half is not None and abs(found.mean) <= found.half
        assert found.mean == pytest.approx(values[:9, :3].mean() - values[9:18, :3].mean())
    assert 0.92 <= held / runs <= 0.98, held / runs


@pytest.mark.parametrize(("behind", "rope"), [(0.012, 0.0), (0.0, 0.01)])
def test_about_as_many_seeds_as_are_said_to_be_needed_decide(behind: float, rope: float) -> None:
    """Of eight cells two are open on three seeds, for one is a little behind the other, or equal to it. What is said
    there is tried in new ledgers: twice as many seeds mostly decide, and a quarter of them mostly do not."""
    rng = np.random.default_rng(63)
    truth = np.array([[0.9], [0.9 - behind], *[[0.7]] * 6])
    index = {m.key: i for i, m in enumerate(CELLS[:8])}

    def drawn_ranking(seeds: int) -> Ranking:
        return rank(paired.compare(truth + 0.01 * rng.normal(size=(8, seeds)), 0.95, rope), index, list(index))

    first = [drawn_ranking(3) for _ in range(200)]
    said = [n for ranking in first for key in ranking.order if (n := ranking.decided_at(key)) is not None]
    needed = int(np.median(said))
    enough, few = (
        np.mean(["open" not in drawn_ranking(seeds).verdict.values() for _ in range(200)])
        for seeds in (2 * needed, max(2, needed // 4))
    )
    assert 6 < needed < 60 and enough >= 0.8 and few <= 0.5, (needed, enough, few)


@pytest.mark.parametrize(
    ("levels", "datasets"),
    [
        pytest.param(2, 6, marks=pytest.mark.exhaustive),
        (3, 8),
        pytest.param(5, 12, marks=pytest.mark.exhaustive),
    ],
)
def test_ranks_of_equal_levels_are_rarely_called_better(levels: int, datasets: int) -> None:
    rng = np.random.default_rng(30 + levels)
    runs, names = 1500, [f"level {i}" for i in range(levels)]
    where = [f"data {i}" for i in range(datasets)]
    hits = 0
    for _ in range(runs):
        table = rank_table("fusion", names, where, rng.normal(size=(datasets, levels)), 0.95, 1)
        assert table.withheld is None
        hits += any(p.apart for p in table.pairs)
    assert hits / runs <= 0.06


@pytest.mark.parametrize("seeds", [3, pytest.param(5, marks=pytest.mark.exhaustive)])
def test_bootstrap_intervals_of_aggregates_cover(seeds: int) -> None:
    """Three data sets, nine settings, their means fixed; what the numbers tend to with many seeds is the truth."""
    rng = np.random.default_rng(40 + seeds)
    levels = 0.8 + 0.05 * rng.normal(size=(2, 3, 9, 1))
    levels[1] = levels[0] - 0.005
    many = levels + 0.02 * rng.normal(size=(2, 3, 9, 4000))
    # The expected value of the number itself at this many seeds: trimming is not linear.
    each = many.reshape(2, 3, 9, -1, 20)[..., :seeds]
    middle = float(np.mean([iqm(each[0, :, :, i].ravel()) for i in range(each.shape[3])]))
    chance = float(scipy_stats.norm.cdf(0.005 / (0.02 * np.sqrt(2))))
    runs, held, better = 400, 0, 0
    for _ in range(runs):
        first, second = levels + 0.02 * rng.normal(size=(2, 3, 9, seeds))
        boot = bootstrap(3, seeds, 0.95, resamples=200)
        of_middle, of_chance = boot.iqm(first), boot.improvement(first, second)
        assert of_middle.low is not None and of_middle.high is not None
        assert of_chance.low is not None and of_chance.high is not None
        held += of_middle.low <= middle <= of_middle.high
        better += of_chance.low <= chance <= of_chance.high
    assert improvement(*many[..., :300]) == pytest.approx(chance, abs=0.01)
    assert 0.92 <= held / runs <= 0.98, held / runs
    assert 0.92 <= better / runs <= 0.98, better / runs


def test_planted_effects_and_interactions_are_recovered() -> None:
    """Through the whole analysis: six attentions, five fusions, four architectures, with an interaction of two."""
    rng = np.random.default_rng(50)
    levels = {
        "attention": ["mean", *(f"attention{i}" for i in range(5))],
        "fusion": [f"fusion{i}" for i in range(5)],
        "architecture": [f"architecture{i}" for i in range(4)],
    }
    effect = {f: dict(zip(names, rng.normal(0, 0.03, len(names)), strict=True)) for f, names in levels.items()}
    pairs = product(levels["attention"], levels["fusion"])
    both = dict(zip(pairs, rng.normal(0, 0.03, 30), strict=True))
    truth = Truth(
        base=0.6,
        **effect,
        extra={(a, f, r): both[a, f] for a, f, r in product(*levels.values())},
        single={"image": 0.4, "audio": 0.4},
    )
    families = {f: f for f in levels["fusion"]}
    (table,) = analysed(make(truths={"planted": truth}, levels=levels, families=families)).context.effects.per_dataset
    expected = {
        (a, f, r): effect["attention"][a] + effect["fusion"][f] + effect["architecture"][r] + both[a, f]
        for a, f, r in product(*levels.values())
    }
    for i, factor in enumerate(GRID_AXES):
        planted = {lv: np.mean([v for c, v in expected.items() if c[i] == lv]) for lv in levels[factor]}
        shown = {m.level: m.score.mean for m in table.means if m.factor == factor}
        assert scipy_stats.spearmanr([planted[lv] for lv in shown], list(shown.values())).statistic >= 0.95, factor
    joint = {p.levels: p.score.mean for p in table.pairs if p.factors == ("attention", "fusion")}
    planted_joint = {(a, f): np.mean([expected[a, f, r] for r in levels["architecture"]]) for a, f in joint}
    assert scipy_stats.spearmanr(list(planted_joint.values()), list(joint.values())).statistic >= 0.95
    # The interaction itself: what is left of a pair's mean after both levels' means.
    left = [_interaction(values) for values in (planted_joint, joint)]
    assert scipy_stats.spearmanr(*left).statistic >= 0.95
    terms = {t.factors: t for t in table.terms}
    assert terms["attention", "fusion"].p < 1e-6 < 0.001 < terms["attention", "architecture"].p


def _interaction(values: dict[tuple[str, str], float]) -> list[float]:
    rows = {a: np.mean([v for (x, _), v in values.items() if x == a]) for a, _ in values}
    columns = {f: np.mean([v for (_, y), v in values.items() if y == f]) for _, f in values}
    return [v - rows[a] - columns[f] for (a, f), v in values.items()]


def test_sums_of_squares_close() -> None:
    """The terms and the noise add up to the total to 1e-8 of it, on each data set and with data set as block; the total
    is computed anew from the scores."""
    found = analysed(make())
    tables = [*found.context.effects.per_dataset, found.context.effects.blocked]
    cells = found.context.frame[found.context.frame["role"] == "cell"].astype({"test_accuracy": float})
    for table in tables:
        assert table is not None and not table.dropped
        assert abs(sum(t.share for t in table.terms) - 1) <= 1e-8
        part = cells if table.dataset is None else cells[cells["dataset"] == table.dataset]
        scores = part["test_accuracy"] - part.groupby("dataset")["test_accuracy"].transform("mean")
        noise = part["test_accuracy"] - part.groupby(["dataset", "method"])["test_accuracy"].transform("mean")
        assert table.noise_share == pytest.approx((noise**2).sum() / (scores**2).sum(), abs=1e-8)
        assert sum(t.df for t in table.terms) == len(part) - part["dataset"].nunique()
