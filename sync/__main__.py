"""``increment-sync``, also as ``python -m sync``. An interruption counts from the first import on."""

from __future__ import annotations

import sys
from typing import NoReturn

from sync.cli.interrupts import leave, raise_interrupts
from sync.model.interruption import as_interruption


def main() -> NoReturn:
    """Run the command of ``sys.argv`` and exit."""
    raise_interrupts()
    try:
        from sync.cli.main import main as run_command

        run_command()
    except KeyboardInterrupt as stop:
        interruption = as_interruption(stop)
        if sys.stderr is not None:
            sys.stderr.write(f"increment-sync: {interruption.outcome}\n")
        leave(interruption.exit_code)


if __name__ == "__main__":
    main()
