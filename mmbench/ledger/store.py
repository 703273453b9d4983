"""Finished trials on disk: the record from which everything else is rebuilt.

Of each trial, in the order in which they are written: its weights (where they are kept), its outputs, what was measured
on it, and its JSON, which names the digests of the first two. So a trial that is done counts as finished only with its
outputs, whenever a sweep was killed. A file appears whole or not at all, and only one sweep at a time may write. After
a power cut, outputs may be short of the size in their JSON: then the trial runs again.
"""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import pydantic

from mmbench import atomic
from mmbench.errors import UserError
from mmbench.ledger.briefs import Brief, brief_of, names_itself
from mmbench.ledger.index import Index, stamp_of
from mmbench.ledger.lock import cannot_write, locked
from mmbench.paused_collector import paused_collector
from mmbench.schema.measured import Measured
from mmbench.schema.metric import METRICS
from mmbench.schema.outputs import LARGEST as LARGEST_OUTPUTS
from mmbench.schema.outputs import Outputs, OutputsError, digest
from mmbench.schema.params import Sweep
from mmbench.schema.plan import Job, Limits, Plan
from mmbench.schema.result import FileDigest, State, TrialResult

_LENGTH = 16
"""Of a trial's id."""
_HEX = re.compile(r"[0-9a-f]*")
_SUFFIXES = (".json", ".measured.json", ".safetensors")
_OWN = re.compile(r"([0-9a-f]{16})\.(json|measured\.json|safetensors)")
SETTLED_NS = 2_000_000_000
"""So long after a folder's last change, another one has another moment, however coarse the clock of its disk is."""
COSTS = re.compile(r"costs\.(.+)\.json")
"""Files of `mmbench.ledger.idle_costs`."""
LARGEST = 2**26
"""Bytes of a JSON file that is read at all."""
_SCRATCH = ".writing."
"""How the name of a file that is being written begins; only a killed sweep leaves one behind."""

_LIMIT_OF = {State.TIMEOUT: "seconds", State.OUT_OF_MEMORY: "memory_gb"}


def misnamed(result: TrialResult, job: Job) -> str | None:
    """Why a result that is named like a planned trial is not of it; None where it is."""
    origin = result.provenance
    # What a trial is part of makes no other trial of it: one result serves two configurations of a study that happen to
    # be drawn alike, or a calibration and the ladder.
    apart = {name: getattr(job.config, name) for name in ("configuration", "budget")}
    same = result.config.model_copy(update=apart) == job.config
    same = same and (origin.data_hash, origin.fingerprint) == (job.data_hash, job.fingerprint)
    return None if same else f"its contents are of another trial ({result.config.name})"


def _first_problem(error: pydantic.ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    place = ".".join(map(str, first["loc"]))
    return f"{place}: {first['msg']}" if place else first["msg"]


class _BrokenError(ValueError):
    """A file of the ledger that cannot be used, and why."""


def _content(file: Path, largest: int) -> bytes:
    """Raises FileNotFoundError, and _BrokenError for whatever else keeps it from being read."""
    try:
        facts = file.stat()
        if not stat.S_ISREG(facts.st_mode):
            raise _BrokenError("is no regular file")
        if facts.st_size > largest:
            raise _BrokenError(f"has {facts.st_size} bytes, more than any file of a trial")
        return file.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _BrokenError(error.strerror or str(error)) from None


class Ledger:
    """The finished trials in a folder: `<trial_id>.json`, `.measured.json` and `.safetensors` (outputs); weights are in
    the folder `weights` beside it.

    Attributes:
        broken: After a read, the files that hold no valid result, with the reason. They count as absent, so that their
            trials run again, and are never deleted.
        notes: After a read, what is odd about files that are used all the same.
        without_weights: Why the weights of a trial could not be kept; None where all were.
    """

    def __init__(self, folder: Path) -> None:
        # "." has no name, beside which lock and weights could lie.
        self.folder = folder if folder.name else folder.resolve()
        self.weights = self.folder.with_name("weights")
        self.broken: dict[Path, str] = {}
        self.notes: dict[Path, str] = {}
        self.without_weights: str | None = None
        self._index = Index(self.folder.with_name(f".{self.folder.name}.index"))

    def json_file(self, trial_id: str) -> Path:
        return self.folder / f"{trial_id}.json"

    def outputs_file(self, trial_id: str) -> Path:
        return self.folder / f"{trial_id}.safetensors"

    def measured_file(self, trial_id: str) -> Path:
        return self.folder / f"{trial_id}.measured.json"

    def weights_file(self, trial_id: str) -> Path:
        return self.weights / f"{trial_id}.weights.safetensors"

    def _load(self, file: Path) -> TrialResult | None:
        """A result with what was measured on it; None, and a reason in `broken`, where it counts as absent."""
        try:
            result = TrialResult.model_validate_json(_content(file, LARGEST))
            if f"{result.trial_id}.json" != file.name:
                raise _BrokenError(f"holds the trial {result.trial_id}")
            return result if result.outputs is None else self._complete(result, result.outputs)
        except FileNotFoundError:
            return None
        except pydantic.ValidationError as error:
            self.broken[file] = _first_problem(error)
        except _BrokenError as error:
            self.broken[file] = str(error)
        return None

    def _complete(self, result: TrialResult, wanted: FileDigest) -> TrialResult:
        """With what was measured. Raises _BrokenError where the outputs are missing or of another size."""
        file = self.outputs_file(result.trial_id)
        try:
            size = file.stat().st_size
        except OSError as error:
            raise _BrokenError(f"its outputs {file.name} are missing ({error.strerror or error})") from None
        if size != wanted.size:
            raise _BrokenError(f"its outputs {file.name} have {size} bytes, not {wanted.size}")
        measured = self._measured(result.trial_id, wanted)
        if measured is not None:
            try:
                complete = result.complete(measured)
            except pydantic.ValidationError as error:
                self.notes[self.measured_file(result.trial_id)] = f"{_first_problem(error)}; it is measured again"
            else:
                if unknown := sorted(measured.metrics.keys() - METRICS.keys()):
                    self.notes[self.json_file(result.trial_id)] = (
                        f"has metrics that are not installed here: {', '.join(unknown)}"
                    )
                result = complete
        if result.metrics:
            return result
        # They can be made again, and here are all numbers that the outputs hold.
        scores = self._outputs(file, wanted).scores()
        return result.model_copy(update={"metrics": {split: found for split, found in scores.items() if found}})

    def _measured(self, trial_id: str, outputs: FileDigest) -> Measured | None:
        """What was measured on the model with these outputs; None where that is not known."""
        file = self.measured_file(trial_id)
        try:
            measured = Measured.model_validate_json(_content(file, LARGEST))
        except FileNotFoundError:
            return None
        except (pydantic.ValidationError, _BrokenError) as error:
            why = _first_problem(error) if isinstance(error, pydantic.ValidationError) else str(error)
            self.notes[file] = f"is no record of measurements ({why}); they are made again"
            return None
        if (measured.trial_id, measured.outputs) == (trial_id, outputs.sha256):
            return measured
        what = f"is of the trial {measured.trial_id}" if measured.trial_id != trial_id else "is of other outputs"
        self.notes[file] = f"{what}; the measurements are made again"
        return None

    def _outputs(self, file: Path, wanted: FileDigest) -> Outputs:
        """Raises _BrokenError where the file is not the one that is wanted."""
        try:
            content = _content(file, LARGEST_OUTPUTS)
        except FileNotFoundError:
            raise _BrokenError(f"its outputs {file.name} are missing") from None
        if digest(content) != wanted:
            raise _BrokenError(f"its outputs {file.name} are others than its JSON names (SHA-256)")
        try:
            return Outputs.from_bytes(content)
        except OutputsError as error:
            raise _BrokenError(f"its outputs {file.name} are broken: {error}") from None

    def outputs(self, trial_id: str) -> Outputs:
        """What the trial's model said on validation and test. Raises UserError where that is not known."""
        file = self.json_file(trial_id)
        try:
            result = TrialResult.model_validate_json(_content(file, LARGEST))
            if result.outputs is None:
                why = "is from before outputs were kept" if result.state is State.DONE else "did not end well"
                raise UserError(f"{file} has no outputs: the trial {why}")
            return self._outputs(self.outputs_file(trial_id), result.outputs)
        except FileNotFoundError:
            raise UserError(f"{self.folder} holds no trial {trial_id!r}") from None
        except (pydantic.ValidationError, _BrokenError) as error:
            why = _first_problem(error) if isinstance(error, pydantic.ValidationError) else str(error)
            raise UserError(f"{file} cannot be used: {why}") from None

    def weights_of(self, result: TrialResult) -> bytes | None:
        """The file of its weights; None where there is none, or another than its JSON names."""
        if result.weights is None:
            return None
        try:
            content = _content(self.weights_file(result.trial_id), LARGEST_OUTPUTS)
        except (FileNotFoundError, _BrokenError):
            return None
        return content if digest(content) == result.weights else None

    def measured(self, results: Mapping[str, TrialResult]) -> dict[str, Measured]:
        """What was measured on each of these trials, with the fingerprints; of one that was never measured, nothing.
        Trials without outputs are left out: nothing can be measured on them."""
        kept = {i: result.outputs for i, result in results.items() if result.outputs is not None}
        return {
            i: self._measured(i, outputs) or Measured(trial_id=i, outputs=outputs.sha256) for i, outputs in kept.items()
        }

    def read(self, ids: Iterable[str] | None = None) -> dict[str, TrialResult]:
        """The results of these trials, or of all, by id. Absent ones are left out; see `broken`."""
        self.broken, self.notes = {}, {}
        names = self._names()
        wanted = self._all(names) if ids is None else [i for i in ids if f"{i}.json" in names]
        results = (self._load(self.json_file(i)) for i in wanted)
        return {r.trial_id: r for r in results if r is not None}

    def one(self, trial_id: str) -> TrialResult | None:
        """The result of a trial; None where there is none that can be used."""
        return self._load(self.json_file(trial_id))

    def _names(self) -> set[str]:
        """Of what lies in the folder."""
        try:
            # Names alone: a Path for each of 300,000 would take longer than all else.
            return set(os.listdir(self.folder))  # noqa: PTH208
        except FileNotFoundError:
            return set()
        except NotADirectoryError:
            raise UserError(f"{self.folder} is a file where the ledger needs a folder; move it away") from None
        except OSError as error:
            raise UserError(f"{self.folder} cannot be read ({error.strerror or error}); allow reading there") from None

    def _all(self, names: Iterable[str]) -> list[str]:
        """All trials; whatever else there is, is broken."""
        stems: dict[str, list[str]] = {suffix: [] for suffix in _SUFFIXES}
        others = []
        for name in names:
            stem, suffix = name[:_LENGTH], name[_LENGTH:]
            if suffix in stems:
                stems[suffix].append(stem)
            elif not (COSTS.fullmatch(name) or name.startswith(".")):
                others.append(name)
        for suffix, own in stems.items():
            # One look at all of them: there may be 300,000.
            if not _HEX.fullmatch("".join(own)):
                others += [stem + suffix for stem in own if not _HEX.fullmatch(stem)]
                stems[suffix] = [stem for stem in own if _HEX.fullmatch(stem)]
        self.broken.update({self.folder / name: "is not named like a trial" for name in sorted(others)})
        return sorted(stems[".json"])

    def briefs(self, jobs: Iterable[Job], *, whole: bool = False, quick: bool = False) -> dict[str, Brief]:
        """As `of`, or as `whole`, but what is needed to count alone: files that have not changed since they were last
        read are not opened. quick: whether outputs that are there are taken for whole, as before."""
        self.broken, self.notes = {}, {}
        planned = {job.trial_id: job for job in jobs}
        if not self.folder.is_dir():
            # Empty, or no folder and an error.
            self._names()
            return {}
        with paused_collector(), self._opened() as folder:
            known, changed = self._index.read(), self.folder.stat().st_mtime_ns
            settled = changed < time.time_ns() - SETTLED_NS
            # Where no file has come, gone or taken another's place, there is none to look for.
            as_before = whole and quick and self._index.complete_at() == changed
            names = None if as_before else self._names()
            ids = known if names is None else self._all(names) if whole else planned
            found: dict[str, Brief] = {}
            read = []
            for i in ids:
                stamp = stamp_of(i, folder, names, outputs=not quick)
                if stamp is None:
                    continue
                held = known.get(i)
                if held and held[0].holds(stamp) and (names is None or held[1].is_whole(names)):
                    found[i] = held[1]
                    continue
                read.append(i)
                brief = self._brief(i, planned.get(i), folder)
                if brief is not None:
                    found[i] = brief
        self._index.forget(i for i in known.keys() - found.keys() if self.json_file(i) in self.broken)
        self._index.flush()
        odd = bool(self.broken or self.notes)
        if odd or (whole and settled and not (as_before or read)):
            self._index.complete(None if odd else changed)
        return found

    @contextmanager
    def _opened(self) -> Iterator[int]:
        """The folder, for calls on what lies in it: by their whole paths they would take twice as long."""
        number = os.open(self.folder, os.O_RDONLY)
        try:
            yield number
        finally:
            os.close(number)

    def _brief(self, trial_id: str, job: Job | None, folder: int) -> Brief | None:
        """Of a file that has to be read; kept where nothing about it is odd."""
        odd = len(self.broken) + len(self.notes)
        stamp, file = stamp_of(trial_id, folder), self.json_file(trial_id)
        result = self._load(file)
        why = misnamed(result, job) if result is not None and job is not None else None
        if result is None or why is not None:
            if why is not None:
                self.broken[file] = why
            return None
        brief = brief_of(result, self.measured({trial_id: result}).get(trial_id))
        if stamp is not None and names_itself(result) and len(self.broken) + len(self.notes) == odd:
            self._index.add(stamp, brief)
        return brief

    def of(self, jobs: Iterable[Job]) -> dict[str, TrialResult]:
        """The results of planned trials, by id. One that holds another trial than its name says is broken."""
        planned = {job.trial_id: job for job in jobs}
        return self._drop_misnamed(planned, self.read(planned))

    def whole(self, jobs: Iterable[Job]) -> dict[str, TrialResult]:
        """All results, by id, planned or not; the planned ones are held to the plan as in `of`."""
        return self._drop_misnamed({job.trial_id: job for job in jobs}, self.read())

    def _drop_misnamed(self, planned: Mapping[str, Job], results: Mapping[str, TrialResult]) -> dict[str, TrialResult]:
        found = {}
        for i, result in results.items():
            why = misnamed(result, planned[i]) if i in planned else None
            if why is None:
                found[i] = result
            else:
                self.broken[self.folder / f"{i}.json"] = why
        return found

    def write(
        self,
        result: TrialResult,
        outputs: bytes | None = None,
        measured: Measured | None = None,
        weights: bytes | None = None,
    ) -> None:
        """Keep a trial; whoever reads sees the old one or the new one, never a part.

        outputs, weights: the files that the result names. Raises UserError where the folder cannot be written or the
        disk is full; the ledger is then as it was. Raises ValueError where the result names other files than these.
        """
        for name, content, wanted in (("outputs", outputs, result.outputs), ("weights", weights, result.weights)):
            if wanted != (None if content is None else digest(content)):
                raise ValueError(f"the result of trial {result.trial_id} names other {name} than are given")
        trial_id = result.trial_id
        if outputs is not None and self._differs(self.outputs_file(trial_id), outputs):
            # The JSON that is there names other outputs: it goes before they do.
            self._remove(self.json_file(trial_id))
        if weights is not None:
            try:
                self._put(self.weights_file(trial_id), weights)
            except UserError as error:
                # They only save a training later on: no reason to lose this one.
                self.without_weights = str(error)
                result = result.model_copy(update={"weights": None})
        if outputs is not None:
            # No wait for the disk: after a power cut, what is short of the size in the JSON is trained again.
            self._put(self.outputs_file(trial_id), outputs, sync=False)
        if measured is not None:
            self.write_measured(measured)
        kept = result if result.outputs is None else result.bare()
        self._put(self.json_file(trial_id), kept.model_dump_json(indent=1).encode() + b"\n")
        self._remember(result, measured)

    def _remember(self, result: TrialResult, measured: Measured | None) -> None:
        """What has just been written need not be read again to be counted."""
        if result.outputs is not None and (measured is None or measured.outputs != result.outputs.sha256):
            return
        with suppress(OSError), self._opened() as folder:
            stamp = stamp_of(result.trial_id, folder)
            if stamp is not None and names_itself(result):
                self._index.add(stamp, brief_of(result, None if result.outputs is None else measured))

    def add_probes(self, found: Measured) -> bool:
        """Add what was measured on a finished trial to what is known of it; False where it is of other outputs."""
        before = self.measured(self.read([found.trial_id])).get(found.trial_id)
        if before is None or before.outputs != found.outputs:
            return False
        self.write_measured(before.updated(probes=found.probes))
        return True

    def write_measured(self, measured: Measured) -> None:
        """Keep what was measured on a trial, in place of what was before. Raises UserError as `write` does."""
        content = measured.model_dump_json(indent=1).encode() + b"\n"
        # It can be made again: no wait for the disk.
        self._put(self.measured_file(measured.trial_id), content, sync=False)

    def _differs(self, file: Path, content: bytes) -> bool:
        try:
            return _content(file, LARGEST_OUTPUTS) != content
        except (FileNotFoundError, _BrokenError):
            return True

    def _remove(self, file: Path) -> None:
        try:
            file.unlink(missing_ok=True)
        except OSError as error:
            raise cannot_write(file.parent, error) from None

    def _put(self, file: Path, content: bytes, *, sync: bool = True) -> None:
        try:
            atomic.write(file, content, prefix=_SCRATCH, sync=sync)
        except OSError as error:
            raise cannot_write(file.parent, error) from None

    def forget(self, *states: State) -> list[str]:
        """Delete the results in these states, so that their trials run again. Returns their ids."""
        gone = [i for i, result in self.read().items() if result.state in states]
        for i in gone:
            # The JSON first: what is left without it counts for nothing.
            for file in (self.json_file(i), self.measured_file(i), self.outputs_file(i), self.weights_file(i)):
                self._remove(file)
        return gone

    def pending(self, plan: Plan, limits: Limits) -> list[Job]:
        """The planned trials that still have to run, in the plan's order.

        One that hit a limit of time or memory counts as pending again where today's limit is larger. Raises UserError
        where a folder lies in the place of a result, which no result could replace.
        """
        return self.open_of(plan, self.briefs(plan.trials), limits)

    def open_of(self, plan: Plan, briefs: Mapping[str, Brief], limits: Limits) -> list[Job]:
        """The same, given what has just been read. Raises as `pending`."""
        for broken in self.broken:
            for file in (broken, broken.with_suffix(".safetensors")):
                if file.is_dir():
                    raise UserError(f"{file} is a folder where a result belongs; move it away")
        return [job for job in plan.trials if _open(briefs.get(job.trial_id), limits)]

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the ledger for one sweep; the lock ends with the process, however that ends.

        Raises UserError where another sweep holds it (naming its process) or where the folder cannot be written.
        """
        with locked(self.folder):
            self._try_writing()
            try:
                yield
            finally:
                self._index.flush()

    def _try_writing(self) -> None:
        """Remove what a killed sweep left: files half written, and those that no JSON names. See to it that a result
        would find room."""
        probe = self.folder / f"{_SCRATCH}probe"
        self._put(probe, b" " * 2**16)
        for scratch in self.folder.glob(f"{_SCRATCH}*"):
            scratch.unlink(missing_ok=True)
        for scratch in self.weights.glob(f"{_SCRATCH}*"):
            scratch.unlink(missing_ok=True)
        for file in self.folder.iterdir():
            own = _OWN.fullmatch(file.name)
            if own is not None and file.is_file() and not self.json_file(own[1]).exists():
                file.unlink(missing_ok=True)


def limits_of(settings: Sweep) -> Limits:
    """What params.yaml allows one trial."""
    return Limits(seconds=settings.time_limit_s, memory_gb=settings.memory_limit_gb)


def _open(result: Brief | None, limits: Limits) -> bool:
    """Whether a trial with this result, if any, still has to run."""
    if result is None:
        return True
    limit = _LIMIT_OF.get(result.state)
    if limit is None:
        return False
    then, now = result.limits.get(limit), getattr(limits, limit)
    return then is not None and (now is None or now > then)
