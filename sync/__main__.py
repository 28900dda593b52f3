"""``python -m sync`` is ``increment-sync``."""

from sync.cli import main

main()
