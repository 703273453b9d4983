"""Settings that keep Ray's own processes from taking the cores that trials need."""

from __future__ import annotations

QUIET_ENVIRONMENT: dict[str, str] = {
    "RAY_AIR_NEW_OUTPUT": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_FORCE_TRIAL_CLEANUP_S": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_worker_niceness": "0",
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
}
QUIET_SYSTEM: dict[str, object] = {}
