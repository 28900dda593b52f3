"""What a run tells those who watch it from outside.

A *figure* is a number with labels at the end of a run, a *family* all figures of one name. Every label takes its values
from the workspace (trackers, sources, teams) or from a fixed list, so that their number is bounded.
"""
