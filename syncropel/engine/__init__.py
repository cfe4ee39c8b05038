"""What a daemon does with the log: ingest, reconcile, dispatch, report, beat."""
