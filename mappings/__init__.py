"""What an issue counts towards. No input or output but reading YAML.

Words used in this package:

increment    a fixed period with a plan
goal         an outcome of one increment, committed or stretch
capability   a part of a goal that can be released when it is done
rule         one entry of a team's mapping; the first match wins, in file order
assignment   issue -> capability (and iteration), with the rule that did it
unplanned    an issue of a team's sources that no rule assigns: ad-hoc work
pin, veto    a person's decision on the tracker that an issue counts, or does not count, towards a capability
"""
