"""Folds that answer questions: why a task has its status, what a freeze would affect, how another join would
end.
"""
