"""What a run starts to think from: what the trackers said in it, and what the store knows from earlier ones."""

from __future__ import annotations
