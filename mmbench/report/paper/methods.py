"""How the run was made, as paragraphs of a paper: every setting, with citations."""

from __future__ import annotations

from collections.abc import Iterator

from mmbench.report.draw import latex
from mmbench.report.paper.references import cite, known
from mmbench.report.paper.sources import MMBENCH, of_dataset, of_variant
from mmbench.report.scores.context import Context
from mmbench.report.values import titles
from mmbench.report.values.training import TrainingReport
from mmbench.report.values.words import count, listing, training
from mmbench.schema.tuning import Distribution

_HEAD = r"""% How this run was made: \input{paper/methods}. Citations are in references.bib.
"""
_PLURAL = {"attention": "attention mechanisms", "fusion": "fusions", "architecture": "architectures"}


def methods(context: Context) -> str:
    """methods.tex."""
    parts = (_compared(context), _trained(context), _judged(context), _made(context))
    return _HEAD + "\n\n".join(" ".join(sentences) for sentences in parts) + "\n"


def _say(text: str) -> str:
    return latex.prose(text)


def _key(name: str) -> str:
    return cite([known()[name]])


def _levels(context: Context, axis: str) -> str:
    """`three fusions (concatenation [1], cross-attention [2] and ...)`"""
    levels = context.levels[axis]
    names = [f"{_say(titles.level(axis, lv))}{cite(of_variant(axis, lv))}" for lv in levels]
    kind = _PLURAL[axis] if len(levels) > 1 else _PLURAL[axis].removesuffix("s")
    return f"{len(levels)} {kind} ({listing(names, most=len(names))})"


def _compared(context: Context) -> Iterator[str]:
    cells = sum(m.role == "cell" for m in context.methods.values())
    axes = [_levels(context, axis) for axis in _PLURAL if context.levels[axis]]
    if axes:
        yield f"We compared {_say(count(cells, 'combination'))} of {listing(axes)} with mmbench~\\cite{{{MMBENCH}}}."
    controls = _controls(context)
    if controls:
        yield f"Controls were {listing(controls, most=len(controls))}."
    for d in context.datasets:
        sizes = listing([f"{n:,} {'training' if split == 'train' else split}" for split, n in d.splits.items()])
        said = f" {d.description.rstrip('.')}." if d.description else ""
        yield (
            f"Data set {_say(d.name)}{cite(of_dataset(d))} has the modalities {_say(listing(d.modalities, most=9))}, "
            f"{_say(d.targets)} as target, and {_say(sizes)} samples.{_say(said)}"
        )


def _controls(context: Context) -> list[str]:
    roles = {m.role for m in context.methods.values()}
    found = ["each modality alone under each attention"] if "single" in roles else []
    baselines = dict.fromkeys(m.baseline for m in context.methods.values() if m.baseline is not None)
    found += [f"{_say(titles.level('baseline', b))}{cite(of_variant('baseline', b))}" for b in baselines]
    return found


def _trained(context: Context) -> Iterator[str]:
    p = context.params
    m, t = p.model, p.train
    size = f"width {m.width}, {count(m.depth, 'layer')}, {count(m.heads, 'head')} and MLPs of {m.mlp_ratio:g} widths"
    matched = "before sizes were scaled so that all models on a data set had equally many parameters" * m.match_params
    stems = {kind.kind: None for name in context.names for kind in context.specs[name].modalities.values()}
    embedded = [f"{_say(kind)}{cite(of_variant('stem', kind))}" for kind in stems]
    size += f", {matched}" if matched else ""
    yield f"All models had {_say(size)}; inputs were embedded as {listing(embedded)}."
    yield (
        f"They were trained from scratch with AdamW{_key('loshchilov2019decoupled')} "
        + _say(
            f"(batch size {t.batch_size}, weight decay {t.weight_decay:g}, gradients clipped to a norm of "
            f"{t.clip_norm:g}, linear warm-up over {100 * t.warmup:g} % of the steps and cosine decay, dropout "
            f"{t.dropout:g}, label smoothing {t.label_smoothing:g}, "
            f"{'balanced' if t.class_weights == 'balanced' else 'no'} class weights, "
            f"precision {'bfloat16 where a GPU has it, else float32' if t.precision == 'auto' else t.precision})."
        )
    )
    yield from (_say(_budget(x)) for x in context.training)
    if t.epochs == "auto" or t.learning_rate == "auto":
        yield _found(context)
    if t.patience is not None:
        yield f"Training stopped early after {count(t.patience, 'epoch')} without a better validation score."
    if t.modality_dropout:
        hidden = f"each modality of each sample was hidden with probability {t.modality_dropout:g}"
        yield f"In training, {hidden}, at least one kept{_key('neverova2016moddrop')}."
    yield "The epoch that is best on validation was tested, once."
    if t.averaging:
        yield _say(f"Tested weights are the average over about the last {100 * t.averaging:g} % of the steps so far.")
    yield from _ladder(context)
    yield from (_say(f"On {name}, this is too brief to rank anything: {why}.") for name, why in context.short.items())
    yield _tuned(context)


def _budget(t: TrainingReport) -> str:
    return f"On {t.dataset}, each had {t.words}."


def _found(context: Context) -> str:
    """How budgets were found; only what params.yaml left open was looked for."""
    t = context.params.train
    settled = all(x.budget is None or x.budget.settled for x in context.training)
    what = {(True, True): "These budgets were", (True, False): "These lengths were"}.get(
        (t.epochs == "auto", t.learning_rate == "auto"), "These learning rates were"
    )
    rates = "at several learning rates, of which the one with the lowest validation loss was taken"
    longer = "longer and longer" + (
        ", until twice as long gave none of them a lower loss and a score better by more than half the margin"
        if settled
        else "; on at least one data set they were still getting better"
    )
    done = [rates] if t.learning_rate == "auto" else []
    done += [longer] if t.epochs == "auto" else []
    return f"{what} found per data set before the comparison: reference models were trained {', and then '.join(done)}."


def _ladder(context: Context) -> Iterator[str]:
    """What was trained under other budgets too."""
    tried = sorted({factor for ladder in context.ladder.values() for factor in ladder.epochs})
    if tried:
        factors = listing([training(f) for f in tried])
        yield _say(f"Every trained method was trained once more, with one seed, for {factors}.")


def _tuned(context: Context) -> str:
    tuning = context.params.tuning
    if not context.tuned:
        return "Hyperparameters were not tuned per method; all methods share them."
    space = "; ".join(f"{name}: {_distribution(d)}" for name, d in tuning.space.items())
    return _say(
        f"With each seed, every method was trained under {tuning.configurations} configurations, the default and "
        f"others drawn at random, the same for all methods ({space}); the one that is best on validation counts."
    )


def _distribution(d: Distribution) -> str:
    values = ", ".join(str(v) for v in d.values)
    kinds = {"log_uniform": "log-uniform on", "uniform": "uniform on", "choice": "one of"}
    return f"{'the default times ' if d.times else ''}{kinds[d.kind]} {values}"


def _judged(context: Context) -> Iterator[str]:
    race, p = context.params.grid.race, context.params
    if not context.replicated:
        yield "There is one seed, and so no interval and no test."
        return
    if race is not None:
        looks = listing([str(n) for n in race.looks], most=9)
        yield (
            f"Every method had {race.least} seeds, and those on which there was no verdict yet up to {race.most}; "
            f"there were looks after {looks} seeds, and the error of looking often was allowed for."
        )
        if p.sweep.budget is not None:
            yield f"The race was limited to {p.sweep.budget:g} s of training in all."
    else:
        yield f"Every method had {count(p.grid.most_seeds, 'seed')}."
    yield "Seeds are paired: with one seed all methods see the same order of samples."
    level = f"{100 * context.confidence:g} %"
    yield _say(
        f"Intervals are {level} Student-t intervals over seeds; those of differences draw on the seed noise of all "
    ) + (f"methods of a data set (moderated variances{_key('smyth2004linear')}).")
    margin = context.rope_words.removeprefix("±")
    yield (
        f"Combinations were compared with the best of the others (subset selection{_key('gupta1965some')} with "
        f"Dunnett's constants{_key('dunnett1955multiple')}), adjusted by Holm's method{_key('holm1979simple')}."
    )
    yield (
        f"Two methods count as equal where two one-sided tests{_key('schuirmann1987comparison')} place their "
        f"difference within a margin of {_say(margin)}."
    )
    if len(context.names) > 1 and not context.scale.is_ranks:
        yield "Over data sets, the estimate is the mean of theirs; its interval combines theirs and is of these alone."


_UNITS = {"cores": "{} cores", "memory_gib": "{} GiB of memory"}


def _machine(facts: str) -> str:
    """`cpu AMD EPYC, cores 2, memory_gib 23.5` -> `AMD EPYC, 2 cores, 23.5 GiB of memory`"""
    parts = [part.partition(" ") for part in facts.split(", ")]
    return ", ".join(_UNITS.get(name, "{}").format(value or name) for name, _, value in parts)


def _made(context: Context) -> Iterator[str]:
    o, total = context.provenance, context.total
    done = f"{count(total.declared, 'trial')}, of which {total.done:,} ended well"
    done = f"{count(total.done, 'trial')}" if total.done == total.declared else done
    time = f"{o.hours:.1f} hours" if o.hours >= 1 else count(round(60 * o.hours), "minute")
    machines = f" on {listing([_machine(h) for h in o.hardware])}" if o.hardware else ""
    yield _say(f"The run has {done}, {time} of training in sum{machines}.")
    versions = [
        f"{name} {' / '.join(v)}" for name, v in o.versions.items() if name in ("python", "torch", "scikit-learn")
    ]
    commit = f", commit {context.commit[:10]}{' with uncommitted changes' if o.dirty else ''}" if context.commit else ""
    own = " / ".join(o.versions.get("mmbench", ()))
    if own:
        yield (
            f"We used mmbench {_say(own)}{_say(commit)}"
            + (f" with {_say(listing(versions))}{_key('paszke2019pytorch')}." if versions else ".")
        )
    if o.unrepeatable:
        yield _say(f"{sum(o.unrepeatable.values()):,} trials used GPU operations that do not repeat bit by bit.")
