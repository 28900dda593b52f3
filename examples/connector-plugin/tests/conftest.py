"""Set-up of the tests."""

pytest_plugins = ["connectors.testing"]
