"""Roll-up of assigned issues into the state of capabilities, goals and increments. Pure.

Words:

- assignment: an issue, the capability that it belongs to, and the rule or pin behind it.
- member: an issue that counts in a capability. A parent with members among its descendants does not count.
- state: derived from the states of the members; health comes from a forecast and release from a person.
- scope: the members that are not dropped.
- baseline: the scope at the start of the increment, against which later growth is measured.
- uncertain capability: one with a source that was not read. Nothing is concluded from its numbers.

Modules: ``membership`` decides which issues count where, ``aggregate`` derives states and counts, ``baseline`` explains
changes of scope, ``warnings`` lists what people should fix.
"""
