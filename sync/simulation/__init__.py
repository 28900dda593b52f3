"""Simulation: the program runs on sandbox trackers while faults are injected, and invariants are checked.

The command ``increment-sync rehearse`` simulates the user's workspace, ``python -m sync.simulation`` random ones.

=================  =====================================================================================
scenario           a workspace and the initial content of its trackers: random (from a seed), or a snapshot
user action        what a simulated user does on a tracker: close an issue, add a label, write a comment
fault schedule     all runs, faults and user actions of one simulation; made from a seed
fault injector     fails requests and store writes, or kills the process, as the schedule says
environment        trackers without sockets (or behind HTTP), a store, users and a clock, for runs
reference run      the same scenario and user actions without faults
invariant          a rule that has to hold after each run or at the end; otherwise there is a violation
result             of one schedule: violations, injected faults, writes; summed up over many schedules
=================  =====================================================================================
"""
