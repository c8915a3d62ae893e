"""Settings of all tests."""

import os

from hypothesis import settings

# As in a run (Snakefile): the tests' matrices are small, and several threads wait for one another.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# How long an example takes is no property of the code: benchmarks/ measure speed.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")
