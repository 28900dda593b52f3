"""Tools for writing mappings: explain an issue, compare two versions of the files, suggest rules.

- **explanation**: everything known about one issue, with the trace of the rules.
- **impact**: what a changed mapping does to stored issues: moved issues, changed roll-ups, planned writes.
- **dataset**: the assigned and unplanned issues of a team, and their features.
- **feature**: one property that a rule can test, such as a label, a component or a word of the title.
- **candidate**: a combination of features found by counting; a suggestion after it was evaluated.
"""
