"""Settings of a Ray of our own: little noise, and few of the cores that trials need."""

from __future__ import annotations

import os

ENVIRONMENT = {
    # Ray Tune: no tables, no CSV, JSON and TensorBoard files, no tracebacks of lost workers; the ledger has it all.
    "RAY_AIR_NEW_OUTPUT": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
    # Tune's own record of the sweep, which nobody reads, takes a second of the driver's time with a thousand slots.
    "TUNE_GLOBAL_CHECKPOINT_S": "86400",
    # After Ctrl-C a trial in flight is ended, not waited for.
    "TUNE_FORCE_TRIAL_CLEANUP_S": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
}

SYSTEM: dict[str, object] = {
    # By default workers run at nice 15: whatever else the machine does then starves the trials.
    "worker_niceness": 0,
    # Ray's memory monitor ends several workers at once, innocent ones too, whoever fills the memory. The kernel ends
    # the largest one alone, so the trial that is to blame is known.
    "memory_monitor_refresh_ms": 0,
    # Together these save a sixth of what Ray's own processes take (measured: docs/decisions/0003-sweep.md).
    "enable_metrics_collection": False,
    "event_stats": False,
    "io_context_monitor_probe_interval_ms": 10_000,
    "task_events_report_interval_ms": 0,
    "raylet_report_resources_period_milliseconds": 500,
    "gcs_pull_resource_loads_period_milliseconds": 10_000,
}


def is_remote() -> bool:
    """Whether trials run on a cluster that somebody else has started."""
    return bool(os.environ.get("RAY_ADDRESS"))
