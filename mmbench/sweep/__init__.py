"""Plan, ledger and engine: from params.yaml to finished trials on disk."""
