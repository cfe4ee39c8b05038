"""The past of threads, and explanations of tasks."""
