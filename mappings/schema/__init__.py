"""Pydantic models of plan, mapping, defaults and test files. ``mappings schema`` publishes them as JSON Schema.

entry       mapping in a file; its class name ends in ``Entry`` unless it is a whole file
when        conditions of a rule; its keys come from ``rules/fields.py``
choice      condition on names: ``any``, ``all``, ``none``
case        issue and expectations for ``mappings test``
"""
