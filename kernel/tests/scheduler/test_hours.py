"""Project hours: in the project's own zone, past midnight, over changes of clocks."""

from datetime import UTC, datetime

import pytest

from codeforge.errors import Invalid
from codeforge.model import Hours
from codeforge.scheduler import check_hours
from codeforge.scheduler.hours import is_open, opens_at


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


OFFICE = Hours(zone="Europe/Berlin", days=(0, 1, 2, 3, 4), start="08:00", end="18:00")
NIGHT = Hours(zone="Europe/Berlin", days=(4,), start="22:00", end="06:00")


@pytest.mark.parametrize(
    ("hours", "moment", "open"),
    [
        (OFFICE, "2026-11-25 06:59", False),  # 07:59 in Berlin
        (OFFICE, "2026-11-25 07:00", True),
        (OFFICE, "2026-11-25 16:59", True),
        (OFFICE, "2026-11-25 17:00", False),
        (OFFICE, "2026-07-22 06:00", True),  # 08:00 in summer
        (OFFICE, "2026-11-28 10:00", False),  # a Saturday
        (NIGHT, "2026-11-27 20:59", False),
        (NIGHT, "2026-11-27 21:00", True),  # Friday, 22:00
        (NIGHT, "2026-11-28 04:59", True),  # Saturday before six belongs to Friday's night
        (NIGHT, "2026-11-28 05:00", False),
        (NIGHT, "2026-11-28 21:00", False),  # Saturday's night is not meant
        (Hours(zone="UTC", days=(2,), start="09:00", end="09:00"), "2026-11-26 08:59", True),  # a whole day
        (Hours(zone="UTC", days=(2,), start="09:00", end="09:00"), "2026-11-26 09:00", False),
    ],
)
def test_runs_start_within_the_hours_of_the_projects_own_zone(hours, moment, open):
    assert is_open(hours, at(moment)) is open


@pytest.mark.parametrize(
    ("hours", "moment", "opens"),
    [
        (OFFICE, "2026-11-25 05:00", "2026-11-25 07:00"),
        (OFFICE, "2026-11-27 18:00", "2026-11-30 07:00"),
        (OFFICE, "2026-10-23 17:00", "2026-10-26 07:00"),  # the clocks changed over the weekend: 06:00 before
        (NIGHT, "2026-11-28 06:00", "2026-12-04 21:00"),
        (Hours(zone="UTC", days=(2,), start="09:00", end="09:00"), "2026-11-26 09:00", "2026-12-02 09:00"),
        # 02:30 does not exist on that day in Berlin: half past three it is
        (Hours(zone="Europe/Berlin", days=(6,), start="02:30", end="09:00"), "2026-03-29 00:00", "2026-03-29 01:30"),
    ],
)
def test_it_is_known_when_they_begin_again(hours, moment, opens):
    assert opens_at(hours, at(moment)) == at(opens)
    assert is_open(hours, at(opens))


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("hours.zone", {"zone": "Mars/Olympus"}),
        ("hours.zone", {"zone": "../../etc/passwd"}),
        ("hours.zone", {"zone": ""}),
        ("hours.zone", {"zone": "Europe"}),
        ("hours.zone", {"zone": "nul\0"}),
        ("hours.start", {"start": "8 o'clock"}),
        ("hours.end", {"end": "24:00"}),
        ("hours.days", {"days": ()}),
        ("hours.days", {"days": (7,)}),
    ],
)
def test_hours_that_cannot_be_are_refused_with_their_field(field, values):
    with pytest.raises(Invalid) as refused:
        check_hours(Hours(**{"zone": "UTC", **values}))
    assert refused.value.field == field
