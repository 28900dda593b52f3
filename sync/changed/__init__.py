"""What changed between two moments: how issues counted over time, and the differences that follow from it.

``model.py`` has the values, ``ledger.py`` says what a run has to note down, ``difference.py`` compares two moments;
all three are pure. ``keeping.py`` and ``looking_back.py`` write to the store and read from it.
"""
