"""What a report consists of; other things may lie beside it in its folder."""

REPORT_FOLDERS = ("tables", "figures", "plots")
REPORT_FILES = ("report.html", "report.md", "results.parquet", "verdicts.json", "metrics.json")
