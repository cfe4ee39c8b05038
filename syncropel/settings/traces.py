"""`[traces]`: where the traces of fan-outs go."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TraceSettings:
    """`[traces]`"""

    endpoint: str = ""
    """The URL that takes OpenTelemetry traces (OTLP over HTTP), such as `http://127.0.0.1:4318/v1/traces`;
    empty: none are sent. Needs the extra `otel`.
    """
    header_file: str = ""
    """A file (mode 0600) with one header that each request gets, such as `Authorization: Bearer …`; empty:
    none.
    """
    goals: bool = False
    """Whether spans contain what a subtask is to do and what it says it did. Both can be confidential."""
