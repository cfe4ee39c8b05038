"""The engine: what a daemon does with the log. Ingest, reconcile, dispatch, report, heartbeat."""
