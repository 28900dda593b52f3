"""What each command does, a file for each family. Imported by ``cli.py`` only when the command is used."""
