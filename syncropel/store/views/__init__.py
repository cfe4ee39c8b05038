"""Views: an index of the log by thread, task, and actor. It can always be dropped and built anew."""
