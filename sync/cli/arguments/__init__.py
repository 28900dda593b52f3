"""Options and arguments of the commands, one file per group of commands. Commands are imported when called."""
