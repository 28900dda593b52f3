"""What a team's own past forecasts teach about the next one.

The constants were fitted on repositories that work as they like; a team that plans and finishes is steadier. So several
candidates stand side by side, and each has the weight that it earned by what it said of the team before the truth was
known. Overlapping increments tell the same story several times, therefore a case counts for a fifth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from sync.forecast.throughput_history import Floats

CASE_WINDOW_DAYS: Final = 104 * 7.0
"""Days after which a case is forgotten."""
MAX_CASES: Final = 100
"""Cases that may count; more of them count less each."""
_CASE_WEIGHT: Final = 0.2
_MIN_LOG_LIKELIHOOD: Final = -12.0
"""So that one case that nobody could foresee does not decide."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LikelihoodRecord:
    """Past cases: on which day the truth was known, and the log-likelihood that each candidate gave to it."""

    known_on: Floats
    log_likelihoods: Floats
    """Cases x candidates."""

    def posterior_weights(self, now: float, prior: Floats) -> Floats:
        """Weights of the candidates on the day ``now``; nothing that was known later is used. They add up to 1."""
        usable = (self.known_on <= now) & (self.known_on > now - CASE_WINDOW_DAYS)
        count = int(np.count_nonzero(usable))
        if not count:
            return prior
        case = _CASE_WEIGHT * min(1.0, MAX_CASES / count)
        scores = np.log(prior) + case * np.maximum(self.log_likelihoods[usable], _MIN_LOG_LIKELIHOOD).sum(
            axis=0
        )
        weights = np.exp(scores - scores.max())
        beliefs: Floats = weights / weights.sum()
        return beliefs
