"""What a report consists of; other things may lie beside it in its folder."""

VERDICTS_FILE = "verdicts.json"
REPORT_FOLDERS = ("tables", "figures", "plots", "paper")
REPORT_FILES = ("report.html", "report.md", "results.parquet", VERDICTS_FILE, "metrics.json")
