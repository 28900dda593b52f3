"""Parts that all sandbox trackers share: requests and responses, clock, request log, faults, seeds, the WSGI app."""
