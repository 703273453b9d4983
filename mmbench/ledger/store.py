"""Finished trials on disk, one JSON file each: the record from which everything else is rebuilt.

A file appears whole or not at all, and only one sweep at a time may write.
"""

from __future__ import annotations

import errno
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import filelock
import pydantic

from mmbench.errors import UserError
from mmbench.schema.params import Sweep
from mmbench.schema.plan import Job, Limits, Plan
from mmbench.schema.result import State, TrialResult

_NAME = re.compile(r"[0-9a-f]{16}\.json")
_SCRATCH = ".writing."
"""How the name of a file that is being written begins; only a killed sweep leaves one behind."""

_LIMIT_OF = {State.TIMEOUT: "seconds", State.OUT_OF_MEMORY: "memory_gb"}


def _cannot_write(folder: Path, error: OSError) -> UserError:
    """What went wrong in a person's words. What the ledger already holds is untouched in every case."""
    place = str(folder)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        what = f"the disk is full: no room for a result in {place}; free some space"
    elif error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        what = f"{place} cannot be written ({error.strerror}); allow writing there"
    elif error.errno in (errno.EEXIST, errno.ENOTDIR):
        what = f"{error.filename or place} is a file where the ledger needs a folder; move it away"
    else:
        what = f"{place} cannot be written ({error.strerror or error})"
    return UserError(f"{what}, then run again: finished trials are kept")


def misnamed(result: TrialResult, job: Job) -> str | None:
    """Why a result that is named like a planned trial is not of it; None where it is."""
    origin = result.provenance
    same = (result.config, origin.data_hash, origin.fingerprint) == (job.config, job.data_hash, job.fingerprint)
    return None if same else f"its contents are of another trial ({result.config.name})"


class Ledger:
    """The finished trials in a folder, as `<trial_id>.json`.

    broken: after `read`, the files that hold no valid result, with the reason. They count as absent, so that their
    trials run again, and are never deleted.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.broken: dict[Path, str] = {}

    def _load(self, file: Path) -> TrialResult | None:
        try:
            result = TrialResult.model_validate_json(file.read_bytes())
        except FileNotFoundError:
            return None
        except pydantic.ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(map(str, first["loc"]))
            self.broken[file] = f"{place}: {first['msg']}" if place else first["msg"]
            return None
        except OSError as error:
            self.broken[file] = error.strerror or str(error)
            return None
        if f"{result.trial_id}.json" != file.name:
            self.broken[file] = f"holds the trial {result.trial_id}"
            return None
        return result

    def read(self, ids: Iterable[str] | None = None) -> dict[str, TrialResult]:
        """The results of these trials, or of all, by id. Absent ones are left out; see `broken`."""
        self.broken = {}
        wanted: Iterable[Path]
        try:
            present = {entry.name for entry in os.scandir(self.folder)}
        except (FileNotFoundError, NotADirectoryError):
            return {}
        if ids is None:
            foreign = sorted(n for n in present if not _NAME.fullmatch(n) and not n.startswith("."))
            self.broken.update({self.folder / n: "is not named like a trial" for n in foreign})
            wanted = [self.folder / n for n in sorted(present) if _NAME.fullmatch(n)]
        else:
            wanted = [self.folder / f"{i}.json" for i in ids if f"{i}.json" in present]
        results = (self._load(file) for file in wanted)
        return {r.trial_id: r for r in results if r is not None}

    def of(self, jobs: Iterable[Job]) -> dict[str, TrialResult]:
        """The results of planned trials, by id. One that holds another trial than its name says is broken."""
        planned = {job.trial_id: job for job in jobs}
        return self._held_to(planned, self.read(planned))

    def whole(self, jobs: Iterable[Job]) -> dict[str, TrialResult]:
        """All results, by id, planned or not; the planned ones are held to the plan as in `of`."""
        return self._held_to({job.trial_id: job for job in jobs}, self.read())

    def _held_to(self, planned: Mapping[str, Job], results: Mapping[str, TrialResult]) -> dict[str, TrialResult]:
        found = {}
        for i, result in results.items():
            why = misnamed(result, planned[i]) if i in planned else None
            if why is None:
                found[i] = result
            else:
                self.broken[self.folder / f"{i}.json"] = why
        return found

    def write(self, result: TrialResult) -> None:
        """Keep a result; whoever reads sees the old file or the new one, never a part.

        Raises UserError where the folder cannot be written or the disk is full; the ledger is then as it was.
        """
        self._put(self.folder / f"{result.trial_id}.json", result.model_dump_json(indent=1).encode() + b"\n")

    def _put(self, file: Path, content: bytes) -> None:
        scratch = None
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            handle, scratch = tempfile.mkstemp(dir=self.folder, prefix=_SCRATCH)
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            Path(scratch).chmod(0o644)
            Path(scratch).replace(file)
            scratch = None
        except OSError as error:
            raise _cannot_write(self.folder, error) from None
        finally:
            if scratch is not None:
                with suppress(OSError):
                    Path(scratch).unlink()

    def forget(self, *states: State) -> list[str]:
        """Delete the results in these states, so that their trials run again. Returns their ids."""
        gone = [i for i, result in self.read().items() if result.state in states]
        for i in gone:
            try:
                (self.folder / f"{i}.json").unlink(missing_ok=True)
            except OSError as error:
                raise _cannot_write(self.folder, error) from None
        return gone

    def pending(self, plan: Plan, limits: Limits) -> list[Job]:
        """The planned trials that still have to run, in the plan's order.

        One that hit a limit of time or memory counts as pending again where today's limit is larger. Raises UserError
        where a folder lies in the place of a result, which no result could replace.
        """
        results = self.of(plan.jobs)
        for file in self.broken:
            if file.is_dir():
                raise UserError(f"{file} is a folder where a result belongs; move it away")
        return [job for job in plan.jobs if _open(results.get(job.trial_id), limits)]

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the ledger for one sweep; the lock ends with the process, however that ends.

        Raises UserError where another sweep holds it (naming its process) or where the folder cannot be written.
        """
        # Beside the folder, not in it: what lies in it is a stage's output.
        name = f".{self.folder.name}"
        holder = self.folder.with_name(f"{name}.pid")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = filelock.FileLock(self.folder.with_name(f"{name}.lock"), timeout=0)
            lock.acquire()
        except filelock.Timeout:
            with suppress(OSError):
                pid = holder.read_text(encoding="utf-8").strip()
                raise UserError(
                    f"another sweep (process {pid}) is writing to {self.folder}; wait for it to end, or stop it"
                ) from None
            raise UserError(f"another sweep is writing to {self.folder}; wait for it to end, or stop it") from None
        except OSError as error:
            raise _cannot_write(self.folder, error) from None
        try:
            self._try_writing()
            with suppress(OSError):
                holder.write_text(f"{os.getpid()}\n", encoding="utf-8")
            yield
        finally:
            with suppress(OSError):
                holder.unlink(missing_ok=True)
            lock.release()

    def _try_writing(self) -> None:
        """Remove what a killed sweep left half written, and see to it that a result would find room."""
        probe = self.folder / f"{_SCRATCH}probe"
        self._put(probe, b" " * 2**16)
        for scratch in self.folder.glob(f"{_SCRATCH}*"):
            scratch.unlink(missing_ok=True)


def limits_of(settings: Sweep) -> Limits:
    """What params.yaml allows one trial."""
    return Limits(seconds=settings.time_limit_s, memory_gb=settings.memory_limit_gb)


def _open(result: TrialResult | None, limits: Limits) -> bool:
    """Whether a trial with this result, if any, still has to run."""
    if result is None:
        return True
    limit = _LIMIT_OF.get(result.state)
    if limit is None:
        return False
    then, now = result.limits.get(limit), getattr(limits, limit)
    return then is not None and (now is None or now > then)


def coverage(plan: Plan, results: dict[str, TrialResult]) -> dict[State, int]:
    """How many trials of the plan stand in each state; the counts sum to `plan.declared`."""
    counts = dict.fromkeys(State, 0)
    counts[State.SKIPPED] = len(plan.skipped)
    for job in plan.jobs:
        result = results.get(job.trial_id)
        counts[State.PENDING if result is None else result.state] += 1
    return counts
