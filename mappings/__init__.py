"""Plans, team mappings and the matcher that assigns issues to capabilities. Does no I/O except reading YAML files.

increment    fixed period with a plan
goal         outcome of one increment, committed or stretch
capability   part of a goal that can be released when it is done
mapping      sources, flow states and rules of one team
rule         one entry of a mapping; the first match wins, in file order
assignment   issue -> capability (and iteration), with the rule that assigned it
unplanned    issue of a team's sources that no rule assigns: ad-hoc work
pin, veto    manual override on the tracker: the issue counts, or does not count, towards a capability
origin       file, line and column where something is written

Packages from the top layer to the bottom layer; each imports only packages further down:

testing      run the test cases of mappings
checks       errors and warnings about plans and mappings
rules        conditions, CEL, rule index and matcher
schema       pydantic models of the YAML files
yaml         YAML reader that keeps line and column of every value

``load.py`` reads a workspace, ``parsed.py`` holds what was read, ``build.py`` turns it into ``model.py``.
"""
