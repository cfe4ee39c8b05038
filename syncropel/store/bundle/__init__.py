"""Bundles: records of some threads in one self-verifying file."""
