"""The report: pure functions of the ledger."""
