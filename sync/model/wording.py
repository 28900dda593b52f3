"""Words for numbers in sentences; those of ``connectors``, for the packages above."""

from connectors.wording import are as are
from connectors.wording import plural as plural
from connectors.wording import pluralize as pluralize
