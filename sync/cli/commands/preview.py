"""``preview``: the change set of a run, without writing it."""

from __future__ import annotations

from pathlib import Path

from sync.apply.changeset_file import save_change_set
from sync.cli.exit_codes import ExitCode
from sync.cli.output import Output
from sync.cli.run_output import changes_markdown, print_result, run_context, run_problem_lines
from sync.model.run import RunOptions, RunResult
from sync.pipeline.run import plan_run, record_run
from sync.runtime.invocation import Invocation


def preview(
    invocation: Invocation, options: RunOptions, out: Path | None, detailed: bool, format_: str
) -> int:
    """Show what ``run`` would write, and save it to the file ``out`` for ``apply``."""
    output = Output(invocation)
    with run_context(invocation, "preview", options, writes=False) as context:

        def work() -> RunResult:
            result = plan_run(context, options, records=False)
            if out and not result.refusals:
                save_change_set(out, context, result.changes, result.impact.cost)
            return result

        result = record_run(context, work)
        if format_ == "markdown":
            output.line(changes_markdown(result.changes, result.impact.cost))
            output.notes(run_problem_lines(result))
        else:
            print_result(output, context, result)
        if out and not result.refusals:
            output.note(f"saved to {out}; write exactly this with: increment-sync apply {out}")
        if result.exit_code == 0 and detailed and len(result.changes):
            return ExitCode.CHANGES_PENDING
        return result.exit_code
