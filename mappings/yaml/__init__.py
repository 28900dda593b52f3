"""YAML reader that keeps the origin of every value.

node        value of a file with line and column
key path    keys and list indexes that lead to a value: ``("rules", 2, "assign")``
origin      file, line and column of a key or a value
document    one file, validated with a pydantic model, with its problems
"""
