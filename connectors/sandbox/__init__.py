"""GitHub and Jira look-alikes on loopback, for the demo, for rehearsals and for tests.

``server.py`` has the front door: ``with Sandbox.from_seed("seed.yaml") as box: box.url("github")``.
Nothing here is used when the program talks to real trackers. Needs the extra ``sandbox`` (Werkzeug).
"""
