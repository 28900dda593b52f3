"""Configuration of a workspace: settings, credentials and evidence.

===============  ======================================================================================
workspace        a folder with ``increment-sync.yaml``, ``plans/`` and ``mappings/``
settings         content of ``increment-sync.yaml``, without secrets
section          a part of the settings: a tracker, push, limits, metrics
label scheme     prefix and colour of each label family
credentials      how to log in to one tracker, from the environment, files or a secrets folder
evidence         a number in a JSON file that has to reach a bound before work counts as proven
===============  ======================================================================================
"""
