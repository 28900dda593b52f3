"""Configuration of a workspace: settings, credentials and evidence.

===============  ======================================================================================
workspace        a folder with ``increment-sync.yaml``, ``plans/`` and ``mappings/``
settings         content of ``increment-sync.yaml`` and variables that override it, without secrets
origin           position in a file, or variable, from which a setting comes
lookup           search for a value in the environment, in a file that it names, and in the secrets folder
section          a part of the settings: a tracker, push, limits, metrics
label scheme     prefix and colour of each label family
credentials      how to log in to one tracker, from the environment, files or a secrets folder
evidence         a number in a JSON file that has to reach a bound before work counts as proven
===============  ======================================================================================
"""
