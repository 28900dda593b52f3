"""Issues as Markdown files with front matter, for increment-sync.

root        folder of the tracker, named in the settings; it may lie in a Git repository
container   folder directly below the root
key         path of an issue's file below the root: ``churn/retention.md``
front matter  YAML between two lines ``---`` at the beginning of a file
history     what the commits say: who changed a label, when a status changed; without Git there is none
"""
