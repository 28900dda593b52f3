"""Asks for known vulnerabilities of what is locked. Fails on findings, and on packages that were left out; says so and
passes where the service cannot be reached, because a machine without it can prove nothing either way."""

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
    """Exit code: 0 nothing known (or nobody to ask), 1 otherwise."""
    asked = ("-m", "pip_audit", "--requirement", str(LOCK), "--require-hashes", "--disable-pip")
    ran = subprocess.run(  # noqa: S603 - nothing of it comes from elsewhere
        [sys.executable, *asked, "--format", "json", "--progress-spinner", "off"],
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


def judge(packages: list[dict[str, Any]] | None, said: str) -> tuple[int, str]:
    """Exit code and sentence for what pip-audit found, or for what it said when it found nothing out."""
    if packages is None:
        if any(word in said for word in UNREACHABLE):
            return 0, "audit: skipped, the service that knows vulnerabilities cannot be reached"
        return 1, f"audit: pip-audit failed\n{said.strip()}"
    found = [
        f"{each['name']} {each['version']}: {hole['id']}, fixed in {', '.join(hole['fix_versions']) or 'no version'}"
        for each in packages
        for hole in each.get("vulns", ())
    ]
    if found:
        return 1, "\n".join([f"audit: {len(found)} known vulnerabilities", *found])
    left_out = [each["name"] for each in packages if "skip_reason" in each]
    if left_out and len(left_out) == len(packages):
        return (
            0,
            "audit: skipped, the index here knows no vulnerabilities (it did not answer for any package)",
        )
    if left_out:
        return 1, f"audit: not asked about {', '.join(left_out)}"
    return 0, f"audit: no known vulnerability in {len(packages)} packages"


if __name__ == "__main__":
    sys.exit(main())
