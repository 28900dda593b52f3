"""``python -m sync`` is ``increment-sync``."""

from sync.cli.main import main

main()
