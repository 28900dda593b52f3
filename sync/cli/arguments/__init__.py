"""The arguments of every command, a file for each family. What a command does is imported when it is called."""
