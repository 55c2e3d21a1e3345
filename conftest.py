"""The entry of pytest: names the plugin modules, nothing else."""

pytest_plugins = ["fixtures.plugin", "reports.plugin"]
