"""Report of one increment for three kinds of readers: executives, leads and teams see the same numbers.

=========  =====================================================================================
inputs     data from the store and results computed from it (``sync.cli.commands.report`` loads them)
model      content of the report; HTML, Markdown and JSON are views of it
row        one goal, capability, team, change, finding or increment in the report
phrase     number as text, for example ``about 55%``
=========  =====================================================================================

``build`` makes the content from the inputs, ``html``, ``markdown`` and ``document`` render it, ``charts`` draws it.
"""
