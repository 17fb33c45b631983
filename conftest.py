"""What all tests share: the fixtures of the sandbox."""

pytest_plugins = ["mint_sandbox.pytest_plugin"]
