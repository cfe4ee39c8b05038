"""What the operating system is asked: descriptors, ancestors of a process, imports."""
