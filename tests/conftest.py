"""Settings of all tests."""

from hypothesis import settings

# How long an example takes is no property of the code: benchmarks/ measure speed.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")
