"""What a person sees while a sweep runs, and the lines that end it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from mmbench.ledger.coverage import coverage
from mmbench.schema.budget import Budget
from mmbench.schema.plan import Plan
from mmbench.schema.result import State, TrialResult
from mmbench.sweep.ray_settings import is_remote
from mmbench.sweep.wording import count_words, duration, under_others

LOGS = "/tmp/ray/session_latest/logs, where RAY_TMPDIR names no other folder"
LINE_EVERY_S = 30.0
"""Seconds between two lines where the output is not a terminal; in between, only failures speak."""


class Watch:
    """Shows finished trials as they come: a live bar on a terminal, plain lines at intervals elsewhere."""

    def __init__(self, console: Console, *, more: Callable[[], int] | None = None) -> None:
        """more: how many trials may yet be asked for beside those that are known of; None where these are all."""
        self.console, self.more = console, more
        self.counts: Counter[State] = Counter()
        self.measured = self.total = 0
        self.began = time.monotonic()
        self.spoke = float("-inf")
        self.bar: Progress | None = None
        self.task = TaskID(0)

    def start(self, trials: int, unmeasured: int, slots: int) -> None:
        """`trials` to train and `unmeasured` finished ones to measure begin now, `slots` at a time."""
        self.total, self.began = trials + unmeasured, time.monotonic()
        parts = [f"{trials} trials to run"] if trials else []
        parts += [f"{unmeasured} finished trials to measure"] if unmeasured else []
        self.console.print(f"{', '.join(parts)}, {slots} at a time", highlight=False)
        if self.console.is_terminal:
            columns = (BarColumn(), TextColumn("{task.completed}/{task.total}"), TextColumn("{task.fields[line]}"))
            # Drawing takes time from the trials: twice a second is often enough.
            self.bar = Progress(*columns, console=self.console, refresh_per_second=2, transient=True)
            self.task = self.bar.add_task("", total=self.total, line="waiting for the first trial")
            self.bar.start()

    def add_more(self, count: int) -> None:
        """So many more steps have been asked for on the way."""
        self.total += count
        if self.bar is not None:
            self.bar.update(self.task, total=self.total)

    def tell_silence(self, seconds: float) -> None:
        """Nothing is trained although trials wait."""
        why = "this machine is busy, or it is short of memory: Ray's logs tell more"
        if is_remote():
            why = (
                "others use the cluster, which `ray status` shows, or its nodes cannot start workers, "
                "of which Ray's logs on them tell more"
            )
        said = f"no worker has started for {duration(seconds)}: {why} ({LOGS})"
        self.console.print(said, style="yellow", highlight=False, soft_wrap=True)

    def tell_budget(self, budget: Budget) -> None:
        """A budget has been found."""
        self.console.print(f"{budget.dataset}: {budget.why}", highlight=False, soft_wrap=True, markup=False)

    def add(self, result: TrialResult) -> None:
        """A trial has finished."""
        self.counts[result.state] += 1
        if result.state is not State.DONE:
            what = f"[red]{result.state.value.replace('_', ' ')}[/] {escape(result.config.name)}"
            self.console.print(f"{what}: {escape(result.message or '')}", highlight=False, soft_wrap=True)
        self._show()

    def add_measured(self) -> None:
        """Probes were measured on a trial that was finished before."""
        self.measured += 1
        self._show()

    def _show(self) -> None:
        done = self.counts.total() + self.measured
        if self.bar is not None:
            self.bar.update(self.task, completed=done, line=self._line())
        elif time.monotonic() - self.spoke >= LINE_EVERY_S or done == self.total:
            self.spoke = time.monotonic()
            self.console.print(f"{done}/{self.total} trials: {self._line()}", highlight=False, soft_wrap=True)

    def _line(self) -> str:
        elapsed, done = time.monotonic() - self.began, self.counts.total() + self.measured
        more = self.more() if self.more is not None else 0
        left = "all of these run" if more else "all run"
        if done < self.total:
            left = f"about {duration(elapsed / done * (self.total - done))} left{' for these' if more else ''}"
        if more:
            left += f", then up to {more:,} more"
        parts = filter(None, (count_words(self.counts), f"{self.measured} measured" if self.measured else ""))
        return f"{', '.join(parts)} · {duration(elapsed)}, {left} · {done / elapsed * 60:.1f} trials/min"

    def close(self) -> None:
        """Take the bar away; safe to call twice."""
        if self.bar is not None:
            self.bar.stop()
            self.bar = None


class MeasureWatch:
    """Shows how much has been measured after training: a live bar on a terminal, lines elsewhere."""

    def __init__(self, console: Console, total: int, what: str = "trials measured") -> None:
        self.console, self.total, self.done, self.what = console, total, 0, what
        self.spoke = time.monotonic()
        self.bar: Progress | None = None
        self.task = TaskID(0)
        if console.is_terminal:
            columns = (BarColumn(), TextColumn(f"{{task.completed}}/{{task.total}} {what}"))
            self.bar = Progress(*columns, console=console, refresh_per_second=2, transient=True)
            self.task = self.bar.add_task("", total=total)
            self.bar.start()

    def add(self) -> None:
        """One more trial is done."""
        self.done += 1
        if self.bar is not None:
            self.bar.update(self.task, completed=self.done)
        elif time.monotonic() - self.spoke >= LINE_EVERY_S or self.done == self.total:
            self.spoke = time.monotonic()
            self.console.print(f"{self.done}/{self.total} {self.what}", highlight=False)

    def close(self) -> None:
        """Take the bar away; safe to call twice."""
        if self.bar is not None:
            self.bar.stop()
            self.bar = None


def summary(console: Console, plan: Plan, results: Mapping[str, TrialResult], *, most: int = 20) -> None:
    """The state of the whole plan, and why trials of `results` did not end well: at most so many messages."""
    what = f"{plan.declared} trials{under_others(len(plan.ladder))}"
    console.print(f"{what}: {count_words(coverage(plan, results))}", highlight=False)
    why = Counter(
        f"{r.state.value.replace('_', ' ')}: {r.message}" for r in results.values() if r.state is not State.DONE
    )
    for reason, times in why.most_common(most):
        console.print(f"  {times} x {reason}", style="red", markup=False, highlight=False, soft_wrap=True)
    if len(why) > most:
        console.print(f"  and {len(why) - most} more reasons; see `mmbench status`")
