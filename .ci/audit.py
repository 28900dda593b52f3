"""Check the locked requirements for known vulnerabilities.

Fails on findings and on packages without an answer. Passes with a note if the service is unreachable, because then
nothing can be proved either way.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

LOCK = Path(__file__).parent.parent / "requirements" / "runtime.lock"
UNREACHABLE = (
    "ConnectionError",
    "ServiceError",
    "ConnectTimeout",
    "NameResolutionError",
    "Max retries exceeded",
)


def main() -> int:
    """Return the exit code: 0 if nothing is known or the service is unreachable, else 1."""
    options = ("-m", "pip_audit", "--requirement", str(LOCK), "--require-hashes", "--disable-pip")
    ran = subprocess.run(  # noqa: S603 - no argument comes from outside
        [sys.executable, *options, "--format", "json", "--progress-spinner", "off"],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        packages = json.loads(ran.stdout)["dependencies"]
    except (ValueError, KeyError):
        packages = None
    code, sentence = judge(packages, ran.stderr)
    sys.stdout.write(sentence + "\n")
    return code


def judge(packages: list[dict[str, Any]] | None, errors: str) -> tuple[int, str]:
    """Return exit code and sentence for the result of pip-audit, or for its errors if it has no result (None)."""
    if packages is None:
        if any(word in errors for word in UNREACHABLE):
            return 0, "audit: skipped, the vulnerability service is unreachable"
        return 1, f"audit: pip-audit failed\n{errors.strip()}"
    found = [
        f"{each['name']} {each['version']}: {flaw['id']}, fixed in {', '.join(flaw['fix_versions']) or 'no version'}"
        for each in packages
        for flaw in each.get("vulns", ())
    ]
    if found:
        return 1, "\n".join([f"audit: {len(found)} known vulnerabilities", *found])
    unanswered = [each["name"] for each in packages if "skip_reason" in each]
    if unanswered and len(unanswered) == len(packages):
        return (
            0,
            "audit: skipped, the package index has no vulnerability data (no answer for any package)",
        )
    if unanswered:
        return 1, f"audit: no answer for {', '.join(unanswered)}"
    return 0, f"audit: no known vulnerability in {len(packages)} packages"


if __name__ == "__main__":
    sys.exit(main())
