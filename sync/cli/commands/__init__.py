"""Commands: one file per command, named as the command. ``X_text`` and ``X_output`` format the result of ``X``."""
