"""Interfaces to the operating system: descriptors, ancestors of a process, imports."""
