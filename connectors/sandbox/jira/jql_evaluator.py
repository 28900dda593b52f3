"""Answers JQL over the issues of an embedded Jira site: validation against what exists, filter, order.

Times in a query are read in the caller's time zone and compared by the minute.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from connectors.sandbox.jira.dates import evaluate_date, start_of_minute
from connectors.sandbox.jira.jql_parser import (
    Clause,
    CompoundClause,
    JqlError,
    JqlQuery,
    Node,
    Operand,
    OrderTerm,
)
from connectors.sandbox.jira.model import CATEGORY_IDS, CATEGORY_NAMES, JiraCaller, JiraIssue
from connectors.sandbox.jira.site_store import JiraSiteStore

Predicate = Callable[[JiraIssue], bool]
FieldValues = Callable[[JiraIssue], Iterable[str | None]]

_FIELD_ALIASES: Final = {
    "issue": "key",
    "issuekey": "key",
    "id": "key",
    "type": "issuetype",
    "fixversion": "fixversion",
    "createddate": "created",
    "updateddate": "updated",
    "resolved": "resolutiondate",
    "epic link": "parent",
    "cf[10014]": "parent",
    "cf[10020]": "sprint",
    "cf[10021]": "flagged",
}
_DATE_FIELDS: Final = frozenset({"created", "updated", "resolutiondate"})
_TEXT_FIELDS: Final = frozenset({"summary", "description", "text", "comment"})
_COMPARISONS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "=": lambda one, other: one == other,
    "!=": lambda one, other: one != other,
    "<": lambda one, other: one < other,
    "<=": lambda one, other: one <= other,
    ">": lambda one, other: one > other,
    ">=": lambda one, other: one >= other,
}


@dataclass(slots=True)
class JqlEvaluator:
    """Runs queries of one caller at one moment. Raises JqlError for what the site would answer with 400."""

    state: JiraSiteStore
    caller: JiraCaller

    def find(self, query: JqlQuery) -> list[JiraIssue]:
        """The issues that the caller may see and the query selects, in its order (newest first without)."""
        matches = self._predicate(query.where) if query.where else _match_all
        keys = [(self._sort_key(order), order.descending) for order in query.order_by]
        visible = {key for key, project in self.state.projects.items() if self.caller.can_see(project)}
        found = [
            issue for issue in self.state.searchable_issues() if issue.project in visible and matches(issue)
        ]
        found.sort(key=lambda issue: issue.id, reverse=True)
        for sort_key, descending in reversed(keys):
            found.sort(key=sort_key, reverse=descending)
        return found

    def _predicate(self, node: Node) -> Predicate:
        if isinstance(node, Clause):
            return self._clause_predicate(node)
        return _combine(node, [self._predicate(part) for part in node.clauses])

    def _clause_predicate(self, clause: Clause) -> Predicate:
        field = _canonical_field(clause.field)
        if field in _DATE_FIELDS:
            return self._date_predicate(field, clause)
        if clause.operator in ("~", "!~"):
            return self._text_predicate(field, clause)
        if field == "key":
            return self._key_predicate(clause)
        if clause.operator not in ("=", "!=") or field in _TEXT_FIELDS:
            raise JqlError(
                f"The operator '{clause.operator}' is not supported by the '{clause.field}' field."
            )
        return self._membership_predicate(
            clause, self._field_values(field, clause.field), self._requested_values(field, clause)
        )

    # Fields with names.

    def _field_values(self, field: str, written: str) -> FieldValues:
        site = self.state
        readings: dict[str, FieldValues] = {
            "project": lambda issue: self._project_names(issue.project),
            "status": lambda issue: (issue.status, site.status_id(issue.status)),
            "statuscategory": lambda issue: self._category_names(site.category(issue)),
            "issuetype": lambda issue: (issue.type,),
            "resolution": lambda issue: (issue.resolution,),
            "labels": lambda issue: issue.labels,
            "component": lambda issue: issue.components,
            "fixversion": lambda issue: issue.fix_versions,
            "assignee": lambda issue: self._account_names(issue.assignee),
            "reporter": lambda issue: self._account_names(issue.reporter),
            "creator": lambda issue: self._account_names(issue.creator),
            "watcher": lambda issue: issue.watchers,
            "parent": self._parent_names,
            "sprint": self._sprint_names,
            "flagged": lambda issue: ("Impediment",) if issue.flagged else (),
        }
        return readings.get(field) or self._custom_field_values(field, written)

    def _custom_field_values(self, field: str, written: str) -> FieldValues:
        for custom in self.state.fields.values():
            if field in (custom.name.casefold(), f"cf[{custom.id.removeprefix('customfield_')}]"):
                return lambda issue, field_id=custom.id: custom_field_texts(issue.custom.get(field_id))  # type: ignore[misc]
        raise JqlError(f"Field '{written}' does not exist or you do not have permission to view it.")

    def _project_names(self, key: str) -> tuple[str, ...]:
        project = self.state.projects.get(key)
        return (key, project.name, str(project.id)) if project else (key,)

    def _category_names(self, key: str) -> tuple[str, ...]:
        local = CATEGORY_NAMES[self.state.switches.language][key]
        return (key, local, CATEGORY_NAMES["en"][key], str(CATEGORY_IDS[key]))

    def _account_names(self, account_id: str | None) -> tuple[str, ...]:
        account = self.state.accounts.get(account_id or "")
        return (account.id, account.display, account.email) if account else ()

    def _parent_names(self, issue: JiraIssue) -> tuple[str, ...]:
        parent = self.state.issue(issue.parent) if issue.parent else None
        return (parent.key, str(parent.id)) if parent else ()

    def _sprint_names(self, issue: JiraIssue) -> list[str]:
        sprints = [self.state.sprints[number] for number in issue.sprints if number in self.state.sprints]
        return [name for each in sprints for name in (each.name, str(each.id), f"{each.state}sprints()")]

    # Values.

    def _requested_values(self, field: str, clause: Clause) -> frozenset[str | None]:
        """What the clause names, case-folded; None stands for EMPTY."""
        return frozenset(self._requested_value(field, clause.field, operand) for operand in clause.operands)

    def _requested_value(self, field: str, written: str, operand: Operand) -> str | None:
        if operand.kind == "empty":
            return None
        text = operand.text
        if operand.kind == "call":
            return self._function_value(field, text)
        if field == "resolution" and text.casefold() == "unresolved":
            return None
        if field == "parent":
            issue = self._require_issue(text, written)
            return issue.key.casefold()
        if not self._is_known_value(field, text.casefold()):
            raise JqlError(f"The value '{text}' does not exist for the field '{written}'.")
        return text.casefold()

    def _function_value(self, field: str, function: str) -> str:
        if function == "currentuser" and field in ("assignee", "reporter", "creator", "watcher"):
            return self.caller.account.id.casefold() if self.caller.account else ""
        calls = {
            "opensprints": "activesprints()",
            "closedsprints": "closedsprints()",
            "futuresprints": "futuresprints()",
        }
        if field == "sprint" and function in calls:
            return calls[function]
        raise JqlError(f"Unable to find JQL function '{function}()'.")

    def _is_known_value(self, field: str, value: str) -> bool:
        if field == "project":
            return self._is_visible_project(value)
        if field == "status":
            known = {
                (name, self.state.status_id(name))
                for each in self.state.projects.values()
                for name in each.statuses
            }
            return any(value in (name.casefold(), number) for name, number in known)
        if field == "statuscategory":
            return any(value in map(str.casefold, self._category_names(key)) for key in CATEGORY_IDS)
        if field == "sprint":
            return any(value in (each.name.casefold(), str(each.id)) for each in self.state.sprints.values())
        return True

    def _is_visible_project(self, value: str) -> bool:
        # An expired token must look like an empty site, not like an error: searches are answered anonymously.
        if self.caller.account is None and self.state.is_cloud:
            return True
        return any(
            value in map(str.casefold, self._project_names(key)) and self.caller.can_see(project)
            for key, project in self.state.projects.items()
        )

    def _membership_predicate(
        self, clause: Clause, read: FieldValues, wanted: frozenset[str | None]
    ) -> Predicate:
        def holds(issue: JiraIssue) -> bool:
            values = {value.casefold() for value in read(issue) if value is not None}
            if clause.operator == "=":
                return bool(values & wanted) if values else None in wanted
            return bool(values) and not values & wanted

        return holds

    # Keys.

    def _require_issue(self, text: str, written: str) -> JiraIssue:
        issue = self.state.issue(text)
        if issue and self.caller.can_see(self.state.projects.get(issue.project)):
            return issue
        if text.isdigit():
            raise JqlError(f"A value with ID '{text}' does not exist for the field '{written}'.")
        raise JqlError(f"An issue with key '{text}' does not exist for field '{written}'.")

    def _key_predicate(self, clause: Clause) -> Predicate:
        named = [self._require_issue(operand.text, clause.field) for operand in clause.operands]
        if clause.operator in ("=", "!="):
            ids = {issue.id for issue in named}
            return lambda issue: (issue.id in ids) == (clause.operator == "=")
        # An order between keys exists only within the project of the key that is named.
        bound = named[0]
        compare = _COMPARISONS[clause.operator]
        return lambda issue: issue.project == bound.project and compare(issue.number, bound.number)

    # Texts.

    def _text_predicate(self, field: str, clause: Clause) -> Predicate:
        words = [word.casefold() for word in re.findall(r"[\w*]+", clause.operands[0].text)]
        if field not in _TEXT_FIELDS:
            raise JqlError(
                f"The operator '{clause.operator}' is not supported by the '{clause.field}' field."
            )

        def holds(issue: JiraIssue) -> bool:
            there = re.findall(r"\w+", " ".join(_text_values(issue, field)).casefold())
            return all(_has_word(there, word) for word in words) == (clause.operator == "~")

        return holds

    # Dates.

    def _date_predicate(self, field: str, clause: Clause) -> Predicate:
        if clause.operands[0].kind == "empty":
            return lambda issue: (_date_value(issue, field) is None) == (clause.operator == "=")
        if clause.operator not in _COMPARISONS:
            raise JqlError(
                f"The operator '{clause.operator}' is not supported by the '{clause.field}' field."
            )
        zone = ZoneInfo(self.caller.timezone)
        bounds = [
            evaluate_date(clause.field, operand, self.state.clock.now().astimezone(zone))
            for operand in clause.operands
        ]
        compare = _COMPARISONS[clause.operator]

        def holds(issue: JiraIssue) -> bool:
            moment = _date_value(issue, field)
            if moment is None:
                return False
            results = [compare(start_of_minute(moment), bound) for bound in bounds]
            return all(results) if clause.operator == "!=" else any(results)

        return holds

    # Order.

    def _sort_key(self, order: OrderTerm) -> Callable[[JiraIssue], Any]:
        field = _canonical_field(order.field)
        if field in _DATE_FIELDS:
            return lambda issue: moment.timestamp() if (moment := _date_value(issue, field)) else float("inf")
        if field == "key":
            return lambda issue: (issue.project, issue.number)
        if field == "rank":
            return lambda issue: issue.id
        if field in ("summary", "description"):
            return lambda issue: _text_values(issue, field)
        read = self._field_values(field, order.field)
        return lambda issue: [value or "" for value in read(issue)]


def custom_field_texts(value: Any) -> list[str]:
    """The texts in the value of a custom field: plain, option objects, or lists of either."""
    if value is None:
        return []
    if isinstance(value, list | tuple):
        return [text for each in value for text in custom_field_texts(each)]
    if isinstance(value, dict):
        return custom_field_texts(value.get("value", value.get("name")))
    return [str(value)]


def _match_all(_issue: JiraIssue) -> bool:
    return True


def _combine(group: CompoundClause, tests: list[Predicate]) -> Predicate:
    if group.match_all:
        return lambda issue: all(test(issue) for test in tests)
    return lambda issue: any(test(issue) for test in tests)


def _canonical_field(field: str) -> str:
    folded = field.casefold()
    return _FIELD_ALIASES.get(folded, folded)


def _date_value(issue: JiraIssue, field: str) -> datetime | None:
    return {"created": issue.created, "updated": issue.updated, "resolutiondate": issue.resolved}[field]


def _text_values(issue: JiraIssue, field: str) -> list[str]:
    parts = {
        "summary": [issue.summary],
        "description": [issue.description or ""],
        "comment": [comment.body for comment in issue.comments],
    }
    return parts.get(field) or [text for part in parts.values() for text in part]


def _has_word(words: list[str], wanted: str) -> bool:
    if wanted.endswith("*"):
        return any(word.startswith(wanted[:-1]) for word in words)
    return wanted in words
