"""MLflow: a view of the ledger for people, never the record. The only code that imports mlflow."""

from mmbench.tracking.store import TrackingError, open_store, redact, take_over, tracking_uri
from mmbench.tracking.summary import log_report
from mmbench.tracking.views import first_view_url, report_url, saved_view_url
from mmbench.tracking.writer import Counts, Tracker, sync

__all__ = [
    "Counts",
    "Tracker",
    "TrackingError",
    "first_view_url",
    "log_report",
    "open_store",
    "redact",
    "report_url",
    "saved_view_url",
    "sync",
    "take_over",
    "tracking_uri",
]
