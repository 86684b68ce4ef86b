"""What holds for all tests."""

from hypothesis import HealthCheck, settings

# The cores are shared with a simulator and other tests: slowness of the machine is no failure.
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared")
