"""How Hypothesis tries: the same examples in each run, and no time limit that a busy machine would break."""

from hypothesis import settings

settings.register_profile("steady", deadline=None, derandomize=True, database=None)
settings.load_profile("steady")
