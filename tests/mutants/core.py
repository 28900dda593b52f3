"""The safety core: modules whose mistakes would write wrong things on issues of other people, or lose what is known."""

from __future__ import annotations

_MODULES = {
    "connectors": "escape markdown text",
    "connectors/github": "client dependencies paged_scan payload repository_events sources writer",
    "connectors/http": "bounded_adapter guarded_adapter page_size rate_limiter response response_errors retry",
    "connectors/jira": "changelog client comments histories jql links markup payload search sources writer",
    "mappings": "labels",
    "mappings/rules": "conditions decision fields flow_state matcher patterns placement rule_index subject team_rules",
    "sync/apply": "backoff comments executor journal labels recover undo_comments undo_current undo_labels",
    "sync/diff": "comment_diff comment_markup desired_comments desired_labels guard label_diff label_inputs "
    "label_table notifications write_budget",
    "sync/pipeline": "confirm_overrides instances label_evidence override_recovery planner resolve_overrides",
    "sync/pull": "comment_marker current_sources missing orphans pull recorded single_issue state_recorder",
    "sync/rollup": "aggregate baseline membership",
    "sync/runtime": "check_prefixes run_lock",
    "sync/store": "counted_issues issues journal merge overrides pulls pushed runs",
}
CORE = tuple(f"{folder}/{name}.py" for folder, names in _MODULES.items() for name in names.split())
