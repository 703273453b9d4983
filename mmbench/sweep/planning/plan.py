"""params.yaml x registries -> the list of trials, and the cells that cannot be, with reasons. Runs nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmbench import provenance
from mmbench.errors import UserError, suggest
from mmbench.paused_collector import paused_collector
from mmbench.registry import GRID_AXES, Axis, check_options, get, variants
from mmbench.schema.dataset import DataSpec, load_spec
from mmbench.schema.metric import metric_to_compare
from mmbench.schema.params import Choice, Levels, ModelSize, Params, Training
from mmbench.schema.plan import Job, Plan, Skip
from mmbench.schema.trial import TrialConfig, trial_id, trial_id_of
from mmbench.source.kept import process_cache
from mmbench.sweep.planning.fingerprint import fingerprint
from mmbench.sweep.planning.interleaved import interleaved
from mmbench.sweep.planning.ladder import at_other_budgets
from mmbench.sweep.planning.refusal import cannot
from mmbench.sweep.planning.study import Studies

if TYPE_CHECKING:
    from mmbench.sweep.planning.model_counts import ModelCounter

FILE = "params.yaml"


def _choice(axis: Axis, choice: Choice, where: str) -> Choice:
    """The choice, checked, with options that equal their default dropped: two spellings of one level are one level."""
    info = get(axis, choice.name, where=where)
    options = check_options(info, choice.options, where=where)
    defaults = {name: parameter.default for name, parameter in info.options().items()}
    return Choice(name=choice.name, options={k: v for k, v in options.items() if v != defaults[k]})


def _duplicates(names: list[str], where: str) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UserError(f"{where} names {twice[0]!r} twice; remove one")


def _levels(axis: Axis, levels: Levels) -> tuple[Choice, ...]:
    """The levels of an axis that params.yaml asks for. Raises UserError naming the place."""
    where = f"{FILE}: grid.{axis}"
    if isinstance(levels, str):
        chosen = tuple(Choice(name=v.name) for v in variants(axis).values() if v.core or levels != "core")
        if not chosen:
            raise UserError(f"{where} is {levels!r}, but no {axis} is found; is the package installed whole?")
        return chosen
    resolved = tuple(_choice(axis, level, where) for level in levels)
    _duplicates([level.label for level in resolved], where)
    return resolved


def check_names(params: Params, known: Collection[str]) -> dict[Axis, tuple[Choice, ...]]:
    """The levels of the three axes. known: the data sets that there are. Needs no data.

    Raises UserError for whatever name or option in params.yaml is unknown, ill-typed or doubled.
    """
    where = f"{FILE}: grid.datasets"
    for name in params.grid.datasets:
        if name not in known:
            hint = suggest(name, known) if known else "; `mmbench data init` makes one of a folder of yours"
            raise UserError(f"unknown data set {name!r} in {where}{hint}")
    _duplicates(list(params.grid.datasets), where)
    where = f"{FILE}: controls.baselines"
    for name in params.controls.baselines:
        check_options(get("baseline", name, where=where), {}, where=where)
    _duplicates(list(params.controls.baselines), where)
    if isinstance(params.probes, tuple):
        where = f"{FILE}: probes"
        for name in params.probes:
            probe: Any = get("probe", name, where=where).cls
            if probe.on != "trial":
                raise UserError(f"{where}: {name} is measured on attention by itself: mmbench cost-curves")
        _duplicates(list(params.probes), where)
    return {axis: _levels(axis, getattr(params.grid, axis)) for axis in GRID_AXES}


def known_datasets(root: Path) -> list[str]:
    """The data sets of a project: those with a card, and those that are prepared."""
    cards = (root / "data" / "raw").glob("*/dataset.yaml")
    prepared = (root / "data" / "prepared").glob("*/spec.json")
    return sorted({file.parent.name for file in (*cards, *prepared)})


def load_specs(params: Params, root: Path) -> dict[str, DataSpec]:
    """spec.json of every data set in the grid. Raises UserError with the remedy where one is not prepared."""
    check_names(params, known_datasets(root))
    specs = {name: load_spec(root / "data" / "prepared" / name) for name in params.grid.datasets}
    for name, spec in specs.items():
        for modality in spec.modalities.values():
            get("stem", modality.kind, where=f"data/prepared/{name}/spec.json")
    return specs


PROVISIONAL = {"epochs": 1, "learning_rate": 0.003}
"""Of trials whose budget is not known yet, so that they can be counted."""


def _methods(
    params: Params,
    levels: Mapping[Axis, tuple[Choice, ...]],
    specs: Mapping[str, DataSpec],
    training: Mapping[str, Training],
) -> Iterator[TrialConfig]:
    """Every declared trial with seed 0, data sets fastest.

    Baselines come first, being the quickest; single modalities end a round, being the shortest of the trained ones.
    """
    sets = [(name, tuple(specs[name].modalities)) for name in params.grid.datasets]
    size = params.model.size
    provisional = params.train.resolved(**PROVISIONAL)  # type: ignore[arg-type]
    for baseline, (name, modalities) in product(params.controls.baselines, sets):
        yield TrialConfig(role="baseline", dataset=name, modalities=modalities, baseline=baseline, seed=0)
    cells = product(levels["attention"], levels["fusion"], levels["architecture"], sets)
    for attention, fusion, architecture, (name, modalities) in cells:
        yield TrialConfig(
            role="cell",
            dataset=name,
            modalities=modalities,
            attention=attention,
            fusion=fusion,
            architecture=architecture,
            seed=0,
            model=size,
            train=training.get(name, provisional),
        )
    if params.controls.single_modalities:
        for attention, (name, modalities) in product(levels["attention"], sets):
            for modality in modalities:
                yield TrialConfig(
                    role="single",
                    dataset=name,
                    modalities=(modality,),
                    attention=attention,
                    seed=0,
                    model=size,
                    train=training.get(name, provisional),
                )


def _try_options(config: TrialConfig, spec: DataSpec, seen: set[tuple[str, str]]) -> None:
    """Build one model for every level with options: a value that the constructor refuses is the person's mistake,
    reported now. Levels without options are not tried; if one is broken, its trials fail and the others go on. What
    could be built is not tried again while its source stays as it is."""
    for axis in GRID_AXES:
        choice: Choice | None = getattr(config, axis)
        if choice is None or not choice.options or (axis, choice.label) in seen:
            continue
        seen.add((axis, choice.label))
        plain = {"attention": "mean", "fusion": "concat", "architecture": "independent"}
        update = {other: Choice(name=name) for other, name in plain.items()} | {axis: choice}
        tried = config.model_copy(update=update)
        key = trial_id(tried.model_copy(update={"seed": 0}), spec.hash, fingerprint(tried, spec))
        if process_cache().get("built", key) is not None:
            continue
        from mmbench.model import build as model

        try:
            model.build(tried, spec)
            process_cache().put("built", key, True)
        except (ValueError, TypeError, RuntimeError) as error:
            message = " ".join(str(error).split())
            raise UserError(f"{FILE}: grid.{axis}: {choice.label} cannot be built: {message}") from None


def job_of(config: TrialConfig, spec: DataSpec, commit: str | None, dirty: bool | None) -> Job:
    """A trial with its identity."""
    source = fingerprint(config, spec)
    return Job(
        trial_id=trial_id(config, spec.hash, source),
        config=config,
        data_hash=spec.hash,
        fingerprint=source,
        commit=commit,
        dirty=dirty,
    )


class _Resolver:
    """What is the same for all seeds of a method: whether it can be, and its size."""

    def __init__(self, params: Params, specs: Mapping[str, DataSpec], counter: ModelCounter | None) -> None:
        self.specs = specs
        self.fit = _fitter(params, counter) if params.model.match_params else None
        self.tried: set[tuple[str, str]] = set()

    def resolved(self, config: TrialConfig) -> TrialConfig | Skip:
        """With its size; or why it cannot be."""
        spec = self.specs[config.dataset]
        reason = cannot(config, spec)
        if reason is not None:
            return Skip(config=config, reason=reason)
        if config.role == "cell":
            _try_options(config, spec, self.tried)
        if self.fit is None or config.model is None:
            return config
        size = self.fit(config, spec)
        return size if isinstance(size, Skip) else config.model_copy(update={"model": size})


class _Method:
    """The trials of a method on a data set, by seed. config: with seed 0."""

    def __init__(self, config: TrialConfig, spec: DataSpec) -> None:
        self.config, self.spec = config, spec
        self._around = config.around_seed()
        self._source = fingerprint(config, spec)

    def trial_id(self, config: TrialConfig) -> str:
        """config: its own with another seed, or drawn from that."""
        if config.configuration:
            return trial_id(config, self.spec.hash, self._source)
        before, after = self._around
        return trial_id_of(f"{before}{config.seed}{after}", self.spec.hash, self._source)

    def job(self, config: TrialConfig, commit: str | None, dirty: bool | None) -> Job:
        return Job(
            trial_id=self.trial_id(config),
            config=config,
            data_hash=self.spec.hash,
            fingerprint=self._source,
            commit=commit,
            dirty=dirty,
        )


def _fitter(params: Params, counter: ModelCounter | None) -> Callable[[TrialConfig, DataSpec], ModelSize | Skip | None]:
    """What gives a trial the size at which its parameters are matched. It builds models."""
    from mmbench.sweep.local import one_thread
    from mmbench.sweep.planning.match_parameters import CannotMatchError, Matcher
    from mmbench.sweep.planning.model_counts import ModelCounter

    counter = counter or ModelCounter()
    matcher = Matcher(params.model, counter)

    def fit(config: TrialConfig, spec: DataSpec) -> ModelSize | Skip | None:
        with one_thread():
            try:
                counter.parameters(config, spec)
            except (Exception, SystemExit):
                # A broken variant: its trials fail and say why, as they do without matching.
                return config.model
            try:
                return matcher.size(config, spec)
            except CannotMatchError as error:
                return Skip(config=config, reason=str(error))

    return fit


def build(
    params: Params,
    specs: Mapping[str, DataSpec],
    *,
    root: Path,
    training: Mapping[str, Training] | None = None,
    counter: ModelCounter | None = None,
) -> Plan:
    """Every trial that could be asked for, with its identity. `specs`: of every data set in the grid; `root`: the
    project's folder; `training`: by data set, in place of what params.yaml leaves to be found; `counter`: one that has
    counted before.

    Raises UserError, naming the place and the remedy, for whatever in params.yaml cannot be.
    """
    levels = check_names(params, specs)
    for name in params.grid.datasets:
        metric_to_compare(params.report.metric, name, specs[name].task)
    commit, dirty = provenance.commit(root)
    jobs: list[Job] = []
    skipped: list[Skip] = []
    resolver = _Resolver(params, specs, counter)
    studies = Studies(params.tuning)
    with paused_collector():
        declared = [resolver.resolved(config) for config in _methods(params, levels, specs, training or {})]
        methods = [one if isinstance(one, Skip) else _Method(one, specs[one.dataset]) for one in declared]
        # Seeds vary slowest, then configurations, so that a sweep that is cut short is balanced.
        for seed in range(params.grid.most_seeds):
            under = []
            for method in methods:
                config = method.config.model_copy(update={"seed": seed})
                if seed and config.role == "baseline":
                    continue
                if isinstance(method, Skip):
                    skipped.append(Skip(config=config, reason=method.reason))
                elif params.tuning.configurations == 1:
                    jobs.append(method.job(config, commit, dirty))
                else:
                    under.append([method.job(one, commit, dirty) for one in studies.configurations(config)])
            jobs += interleaved(under)
        ladder = tuple(
            job_of(config, specs[config.dataset], commit, dirty)
            for config in at_other_budgets((job.config for job in jobs), ladder_budgets(params))
        )
    return Plan(jobs=tuple(jobs), skipped=tuple(skipped), ladder=ladder, probes=params.probes)


def ladder_budgets(params: Params) -> tuple[float, ...]:
    """Multiples of the budget in the ladder: none where there is no verdict that could last (one seed), or where the
    length of training is tuned itself."""
    tuned = params.tuning.configurations > 1
    return () if tuned or params.grid.most_seeds == 1 else params.controls.budgets
