"""Rehearsals: the program at work on embedded trackers while everything goes wrong that can.

============  ==========================================================================================
world         a workspace and what its trackers hold at the beginning; made from a number, or of a snapshot
schedule      what people do and what goes wrong, and at which request or store write; made from a number
stage         a world in which runs happen: trackers without sockets (or behind HTTP), a store, a clock
twin          the same world and the same people, with nothing going wrong
check         a rule that has to hold after each run, or at the end
verdict       what came of one schedule; a tally sums them up
============  ==========================================================================================
"""
