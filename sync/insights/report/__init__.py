"""One report for three kinds of readers: executive, lead and team see the same numbers.

``gather.py`` takes them from the store, ``build.py`` makes the one value of ``data.py``; ``html.py``, ``markdown.py``
and JSON only show it.
"""
