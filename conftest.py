"""What all tests share: the fixtures of the sandbox, and how Hypothesis runs."""

from hypothesis import HealthCheck, settings

pytest_plugins = ["mint_sandbox.pytest_plugin"]

# How long an example takes says something of the machine's load, nothing of the product.
settings.register_profile("trimint", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("trimint")
