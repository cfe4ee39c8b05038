"""Bundles: records of some threads in one file that proves itself."""
