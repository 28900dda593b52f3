"""The command line.

- **arguments**: options and arguments of every command, as Typer reads them; imports nothing heavy.
- **command**: a function that takes an ``Invocation`` and its options, and returns an exit code; one file each in
  ``commands``.
- **document**: the JSON object that a command prints with ``--json``.
- **output**: stdout for data, stderr for problems and notes, both written through ``Output``.
- **metrics**: numbers about runs for Prometheus, and pings for a health check.
"""
