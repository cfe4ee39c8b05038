"""The past of threads, and the reasons of tasks."""
