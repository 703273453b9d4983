"""Times as people say them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mmbench.cli.status import ago

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (timedelta(seconds=40), "just now"),
        (timedelta(minutes=6), "6 min ago"),
        (timedelta(hours=2, minutes=5), "2 h ago"),
        (timedelta(days=3), "3 days ago"),
        (timedelta(days=20), "on 2026-11-09"),
    ],
)
def test_a_moment_is_so_long_ago(before: timedelta, said: str) -> None:
    assert ago(NOW - before, NOW) == said
