"""The headless engine: record log, folds, fan-out, fleet registry, HTTP API and the `spl` command."""

__version__ = "0.1.0"
