"""Folds that answer questions: why a task has its status, what a freeze would meet, another join's end."""
