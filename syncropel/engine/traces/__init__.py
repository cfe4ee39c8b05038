"""Traces of fan-outs for OpenTelemetry."""
