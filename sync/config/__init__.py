"""Configuration of a workspace: settings, credentials, evidence, and escaping of untrusted text.

===============  ======================================================================================
workspace        a folder with ``increment-sync.yaml``, ``plans/`` and ``mappings/``
settings         content of ``increment-sync.yaml``, without secrets
section          a part of the settings: a tracker, push, limits, metrics
label scheme     prefix and colour of each label family
credentials      how to log in to one tracker, from the environment, files or a secrets folder
evidence         a number in a JSON file that has to reach a bound before work counts as proven
escape           make text from trackers harmless on a terminal, on Jira or on GitHub
===============  ======================================================================================
"""
