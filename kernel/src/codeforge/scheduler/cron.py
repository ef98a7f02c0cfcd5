"""When a schedule comes next: cron expressions of five fields, read in a time zone, with daylight saving in mind."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from codeforge.errors import Invalid
from codeforge.scheduler.hours import check_zone


def next_tick(cron: str, zone: str, after: float) -> float:
    """The first time after ``after`` (seconds since 1970) that the expression names. Raises `Invalid`.

    A time that a change of clocks leaves out comes at once after the change, one that it doubles comes once.
    """
    from cronsim import CronSim, CronSimError

    check_zone(zone, "zone")
    if len(cron.split()) != 5:
        raise Invalid(
            "A schedule has five fields: minute, hour, day of month, month, day of week; "
            "such as 0 6 * * MON-FRI for six in the morning on workdays.",
            field="cron",
        )
    try:
        found = next(CronSim(cron, datetime.fromtimestamp(after, ZoneInfo(zone))))
    except CronSimError as error:
        words = str(error).replace("Bad ", "")
        raise Invalid(f"The schedule {cron[:80]!r} cannot be read: look at its {words}.", field="cron") from None
    except (StopIteration, OverflowError):
        raise Invalid(f"The schedule {cron[:80]!r} names a day that never comes.", field="cron") from None
    return found.astimezone(UTC).timestamp()
