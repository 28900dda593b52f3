"""Run the test cases of mappings (``mappings test``).

case          issue with expectations, in a mapping file or below ``mappings/tests/``
expectation   capability, rule, iteration, state, unplanned or ignored
mismatch      expectation that the actual value does not meet
"""
