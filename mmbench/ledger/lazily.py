"""Results that are read when they are asked for: who counts a hundred thousand trials needs none of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from mmbench.errors import UserError
from mmbench.ledger.store import Ledger
from mmbench.schema.result import TrialResult


class Lazily(Mapping[str, TrialResult]):
    """The results of these trials, by id; each is read anew whenever it is asked for.

    ids: of trials that the ledger holds. Raises UserError where one is no longer there when it is asked for.
    """

    def __init__(self, ledger: Ledger, ids: Iterable[str]) -> None:
        self._ledger = ledger
        self._ids = dict.fromkeys(ids)

    def __getitem__(self, trial_id: str) -> TrialResult:
        if trial_id not in self._ids:
            raise KeyError(trial_id)
        found = self._ledger.one(trial_id)
        if found is None:
            raise UserError(f"{self._ledger.json_file(trial_id)} has changed while it was in use; try again")
        return found

    def __contains__(self, trial_id: object) -> bool:
        return trial_id in self._ids

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids)

    def __len__(self) -> int:
        return len(self._ids)
