"""From the ledger to one row per trial."""
