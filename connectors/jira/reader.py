"""``IssueReader`` of Jira Cloud and Data Center."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import quote

from connectors.check_result import CheckResult
from connectors.errors import Gone
from connectors.jira.changelog import parse_label_origins
from connectors.jira.comments import fetch_comment, fetch_comments
from connectors.jira.diagnostics import JiraDiagnostics
from connectors.jira.histories import fetch_histories, fetch_label_histories
from connectors.jira.payload import fields_to_request, parse_issue
from connectors.jira.sources import JiraSources
from connectors.model import (
    Account,
    Comment,
    FailedSource,
    FieldSelection,
    HistoryRequest,
    Issue,
    IssueRef,
    LabelEvent,
    LabelHistory,
    Source,
    SourceHistory,
)


class JiraReader(JiraSources):
    """``IssueReader`` of Jira: ``JiraSources`` plus reads of single issues, comments and histories.

    Methods without docstring do exactly what the port says.
    """

    def whoami(self) -> Account:
        return self.site.account()

    def read(self, key: str, selection: FieldSelection) -> Issue:
        ids = self.site.field_ids(selection.fields)
        fields = ",".join(fields_to_request(ids, selection, cloud=self.site.cloud))
        path = f"/issue/{quote(key, safe='')}"
        try:
            raw = self.site.get(path, {"fields": fields})
        except Gone:
            self.site.confirm_login()
            raise
        return parse_issue(
            raw,
            tracker=self.tracker,
            site_url=self.site.url,
            field_ids=ids,
            link_types=selection.link_types,
        )

    def comments(self, ref: IssueRef) -> list[Comment]:
        return fetch_comments(self.site, ref)

    def comment(self, ref: IssueRef, comment_id: str) -> Comment:
        try:
            return fetch_comment(self.site, ref, comment_id)
        except Gone:
            self.site.confirm_login()
            raise

    def label_origins(self, ref: IssueRef) -> dict[str, LabelEvent]:
        params = {"expand": "changelog", "fields": "labels"}
        return parse_label_origins(self.site.get(f"/issue/{quote(ref.id)}", params))

    def label_histories(self, refs: Sequence[IssueRef]) -> Mapping[IssueRef, Mapping[str, LabelHistory]]:
        return fetch_label_histories(self, refs)

    def histories(
        self, requests: Sequence[HistoryRequest], selection: FieldSelection
    ) -> Iterator[SourceHistory | FailedSource]:
        return fetch_histories(self, requests, selection)

    def edits_send_mail(self, container: str) -> bool:
        return not self.site.can_suppress_mail(container)

    def is_public(self, container: str) -> bool:
        """Return False: public access depends on permission schemes that an ordinary account cannot read."""
        del container
        return False

    def diagnose(
        self, sources: Sequence[Source], labels: Mapping[str, Sequence[str]]
    ) -> Iterator[CheckResult]:
        del labels  # plain strings on Jira, which need not exist
        return JiraDiagnostics(site=self.site).run(sources)
