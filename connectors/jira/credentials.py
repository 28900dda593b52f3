"""Credentials of Jira Cloud (email and API token) and of Jira Data Center (personal access token, or password)."""

from __future__ import annotations

from typing import Final

from connectors.credentials import CredentialPart, CredentialSpec

CREDENTIALS: Final = CredentialSpec(
    name="jira",
    parts=(
        CredentialPart(name="url", customary=("JIRA_URL", "JIRA_BASE_URL"), is_secret=False),
        CredentialPart(name="email", customary=("JIRA_EMAIL", "JIRA_USERNAME"), is_secret=False),
        CredentialPart(name="token", customary=("JIRA_API_TOKEN",)),
        CredentialPart(name="pat", customary=("JIRA_PAT",)),
        CredentialPart(name="cloud_id", customary=("JIRA_CLOUD_ID",), is_secret=False),
    ),
    sufficient={"jira-cloud": (("email", "token"),), "jira-dc": (("pat",), ("email", "token"))},
)
