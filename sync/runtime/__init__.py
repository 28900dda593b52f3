"""Runtime of a command: invocation, run context, run lock, progress and logging.

===============  ======================================================================================
invocation       one call of a command, with its environment, clock, settings and redactor of secrets
run context      all that the steps of a run need: workspace, store, clients, clock, progress, logger
session          a context manager that opens a run context for a command
bootstrap        functions that build the parts of a run context
client options   clock, callbacks and adapter that all tracker clients of a run share
run lock         keeps other runs off the store, by a lease that expires unless it is renewed
last known good  a mapping file as the last run read it, used while the file is broken
revision         the workspace in a git revision or in another folder
===============  ======================================================================================
"""
