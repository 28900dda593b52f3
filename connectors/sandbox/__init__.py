"""Sandbox: GitHub and Jira servers on loopback for the demo, for simulations and for tests.

Needs the extra ``sandbox``. The connectors to real trackers use nothing of it. Start with ``server.Sandbox``.

========  ===================================================================================================
tracker   one server with its state: a GitHub, a Jira Cloud site or a Jira Data Center, under a mount of its own
seed      the YAML file, or mapping, with the initial state of all trackers
fault     an error that is injected into chosen requests: a status, a reset, a timeout, a wrong page
clock     the only source of time; tests and simulations advance it
========  ===================================================================================================
"""
