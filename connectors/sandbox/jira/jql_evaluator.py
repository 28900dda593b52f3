"""Evaluation of JQL over the issues of a Jira sandbox: validation of names, filter, order.

Times in a query are read in the caller's time zone and compared by the minute.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any, Final
from zoneinfo import ZoneInfo

from connectors.sandbox.jira.dates import evaluate_date, start_of_minute
from connectors.sandbox.jira.jql_parser import Clause, JqlError, JqlQuery, Node, Operand, OrderTerm
from connectors.sandbox.jira.model import CATEGORY_IDS, CATEGORY_NAMES, JiraCaller, JiraIssue
from connectors.sandbox.jira.site_store import JiraSiteStore

Predicate = Callable[[JiraIssue], bool]
FieldValues = Callable[[JiraIssue], Iterable[str | None]]

_FIELD_ALIASES: Final = {
    "issue": "key",
    "issuekey": "key",
    "id": "key",
    "type": "issuetype",
    "createddate": "created",
    "updateddate": "updated",
    "resolved": "resolutiondate",
    "epic link": "parent",
    "cf[10014]": "parent",
    "parent link": "parent",
    "cf[10018]": "parent",
    "cf[10020]": "sprint",
    "cf[10021]": "flagged",
}
_DATE_FIELDS: Final[dict[str, Callable[[JiraIssue], datetime | None]]] = {
    "created": attrgetter("created"),
    "updated": attrgetter("updated"),
    "resolutiondate": attrgetter("resolved"),
}
_TEXT_FIELDS: Final[dict[str, Callable[[JiraIssue], str]]] = {
    "summary": attrgetter("summary"),
    "description": lambda issue: issue.description or "",
    "comment": lambda issue: " ".join(comment.body for comment in issue.comments),
    "text": lambda issue: " ".join(
        _TEXT_FIELDS[name](issue) for name in ("summary", "description", "comment")
    ),
}
_COMPARISONS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_SPRINT_FUNCTIONS: Final = {"opensprints": "active", "closedsprints": "closed", "futuresprints": "future"}


@dataclass(slots=True)
class JqlEvaluator:
    """Runs queries of one caller at one moment. Raises JqlError for what Jira answers with status 400."""

    state: JiraSiteStore
    caller: JiraCaller

    def find(self, query: JqlQuery) -> list[JiraIssue]:
        """Return the issues that the caller may see and the query matches; newest first without ORDER BY."""
        matches = self._predicate(query.where) if query.where else None
        sort_keys = [(self._sort_key(term), term.descending) for term in query.order_by]
        visible = self._visible_projects()
        found = [issue for issue in self.state.searchable_issues() if issue.project in visible]
        found = [issue for issue in found if matches is None or matches(issue)]
        found.sort(key=lambda issue: issue.id, reverse=True)
        # Sorting is stable: the last key goes first.
        for sort_key, descending in reversed(sort_keys):
            found.sort(key=sort_key, reverse=descending)
        return found

    def _visible_projects(self) -> set[str]:
        return {key for key, project in self.state.projects.items() if self.caller.can_see(project)}

    def _predicate(self, node: Node) -> Predicate:
        if isinstance(node, Clause):
            return self._clause_predicate(node)
        predicates = [self._predicate(clause) for clause in node.clauses]
        combine = all if node.match_all else any
        return lambda issue: combine(predicate(issue) for predicate in predicates)

    def _clause_predicate(self, clause: Clause) -> Predicate:
        field = _canonical_field(clause.field)
        if field in _DATE_FIELDS:
            return self._date_predicate(field, clause)
        if field == "key" and clause.operator in _COMPARISONS:
            return self._key_predicate(clause)
        if field in _TEXT_FIELDS and clause.operator in ("~", "!~"):
            return _text_predicate(field, clause)
        if field in _TEXT_FIELDS or clause.operator not in ("=", "!="):
            raise _unsupported_operator(clause)
        return self._membership_predicate(field, clause)

    # Fields with names.

    def _field_values(self, field: str, written: str) -> FieldValues:
        site = self.state
        values: dict[str, FieldValues] = {
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
        if field in values:
            return values[field]
        for custom in site.fields.values():
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

    def _membership_predicate(self, field: str, clause: Clause) -> Predicate:
        values_of = self._field_values(field, clause.field)
        requested = {self._requested_value(field, clause.field, operand) for operand in clause.operands}

        def matches(issue: JiraIssue) -> bool:
            values = {value.casefold() for value in values_of(issue) if value is not None}
            if clause.operator == "=":
                return bool(values & requested) if values else None in requested
            # As in Jira, "!=" does not match an empty field.
            return bool(values) and not values & requested

        return matches

    def _requested_value(self, field: str, written: str, operand: Operand) -> str | None:
        """Return the case-folded value of an operand; None stands for EMPTY."""
        text = operand.text
        if operand.kind == "empty" or (field == "resolution" and text.casefold() == "unresolved"):
            return None
        if operand.kind == "call":
            return self._function_value(field, text)
        if field == "parent":
            return self._require_issue(text, written).key.casefold()
        if not self._is_known_value(field, text.casefold()):
            raise JqlError(f"The value '{text}' does not exist for the field '{written}'.")
        return text.casefold()

    def _function_value(self, field: str, function: str) -> str:
        if function == "currentuser" and field in ("assignee", "reporter", "creator", "watcher"):
            return self.caller.account.id.casefold() if self.caller.account else ""
        if field == "sprint" and function in _SPRINT_FUNCTIONS:
            return f"{_SPRINT_FUNCTIONS[function]}sprints()"
        raise JqlError(f"Unable to find JQL function '{function}()'.")

    def _is_known_value(self, field: str, value: str) -> bool:
        state = self.state
        names: list[Iterable[str]] = []
        match field:
            case "project" if self.caller.account is None and state.is_cloud:
                # An expired token must look like an empty site, not like an error: Cloud searches anonymously.
                return True
            case "project":
                names = [self._project_names(key) for key in self._visible_projects()]
            case "status":
                statuses = {name for project in state.projects.values() for name in project.statuses}
                names = [(name, state.status_id(name)) for name in statuses]
            case "statuscategory":
                names = [self._category_names(key) for key in CATEGORY_IDS]
            case "sprint":
                names = [(each.name, str(each.id)) for each in state.sprints.values()]
            case _:
                return True
        return value in {name.casefold() for synonyms in names for name in synonyms}

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
        # Keys have an order only within a project, that of the key in the query.
        bound, compare = named[0], _COMPARISONS[clause.operator]
        return lambda issue: issue.project == bound.project and compare(issue.number, bound.number)

    # Dates and order.

    def _date_predicate(self, field: str, clause: Clause) -> Predicate:
        date_of = _DATE_FIELDS[field]
        if clause.operands[0].kind == "empty":
            return lambda issue: (date_of(issue) is None) == (clause.operator == "=")
        if clause.operator not in _COMPARISONS:
            raise _unsupported_operator(clause)
        now = self.state.clock.now().astimezone(ZoneInfo(self.caller.timezone))
        bounds = [evaluate_date(clause.field, operand, now) for operand in clause.operands]
        compare = _COMPARISONS[clause.operator]
        combine = all if clause.operator == "!=" else any

        def matches(issue: JiraIssue) -> bool:
            moment = date_of(issue)
            return moment is not None and combine(compare(start_of_minute(moment), bound) for bound in bounds)

        return matches

    def _sort_key(self, term: OrderTerm) -> Callable[[JiraIssue], Any]:
        field = _canonical_field(term.field)
        if date_of := _DATE_FIELDS.get(field):
            return lambda issue: moment.timestamp() if (moment := date_of(issue)) else float("inf")
        if field == "key":
            return lambda issue: (issue.project, issue.number)
        if field == "rank":
            return lambda issue: issue.id
        if field in ("summary", "description"):
            return _TEXT_FIELDS[field]
        values_of = self._field_values(field, term.field)
        return lambda issue: [value or "" for value in values_of(issue)]


def custom_field_texts(value: Any) -> list[str]:
    """Return the texts in the value of a custom field: plain, option objects, or lists of either."""
    if value is None:
        return []
    if isinstance(value, list | tuple):
        return [text for each in value for text in custom_field_texts(each)]
    if isinstance(value, dict):
        return custom_field_texts(value.get("value", value.get("name")))
    return [str(value)]


def _text_predicate(field: str, clause: Clause) -> Predicate:
    patterns = [
        re.escape(word).replace(r"\*", r"\w*") for word in re.findall(r"[\w*]+", clause.operands[0].text)
    ]

    def matches(issue: JiraIssue) -> bool:
        text = _TEXT_FIELDS[field](issue)
        found = all(re.search(rf"\b{pattern}\b", text, re.IGNORECASE) for pattern in patterns)
        return found == (clause.operator == "~")

    return matches


def _unsupported_operator(clause: Clause) -> JqlError:
    return JqlError(f"The operator '{clause.operator}' is not supported by the '{clause.field}' field.")


def _canonical_field(field: str) -> str:
    folded = field.casefold()
    return _FIELD_ALIASES.get(folded, folded)
