"""Dates and times as the user set them at Trakt: every zone, order and clock, and what is taken when one is missing."""

from __future__ import annotations

import os
import random
import time
from datetime import datetime, timedelta, timezone
from typing import Any, Callable, Iterator, Optional

import pytest
from fakekodi import Box
from traktkodi import dates
from traktkodi.dates import Dates, as_set, of_timestamp, parse
from traktkodi.kodi import Kodi
from traktkodi.texts import Text

zoneinfo = pytest.importorskip("zoneinfo")

MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
#: East and west, half and quarter hours, both sides of the date line, with and without summer time.
ZONES = [
    "UTC",
    "Europe/Lisbon",
    "Europe/Berlin",
    "America/Los_Angeles",
    "America/St_Johns",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
    "Africa/Casablanca",
]
ORDERS = {
    "dmy": "{day} {month} {year}",
    "mdy": "{month} {day}, {year}",
    "ymd": "{year} {month} {day}",
    "ydm": "{year} {day} {month}",
}

Say = Callable[[Text], str]


@pytest.fixture
def say(box: Box, kodi: Kodi) -> Say:
    """In English."""
    box.core_texts.update({51 + number: name for number, name in enumerate(MONTHS)})
    return kodi.say


@pytest.fixture
def box_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Sets the box's own zone."""

    def set_zone(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield set_zone
    monkeypatch.undo()
    time.tzset()


def moment(text: str) -> datetime:
    found = parse(text)
    assert found is not None, text
    return found


def moments() -> Iterator[datetime]:
    """A few hundred from 2010 to 2040, and each hour around changes to and from summer time."""
    dice = random.Random(7)
    for _ in range(200):
        yield datetime(2010, 1, 1, tzinfo=timezone.utc) + timedelta(minutes=dice.randrange(30 * 365 * 24 * 60))
    for day in ("2026-03-08", "2026-03-29", "2026-04-05", "2026-10-04", "2026-10-25", "2026-11-01", "2028-02-29"):
        for hour in range(48):
            yield moment(f"{day}T00:30:00Z") + timedelta(hours=hour - 12)


@pytest.mark.parametrize("zone", ZONES)
def test_every_moment_is_written_as_it_is_in_the_users_zone(zone: str, say: Say) -> None:
    for order, pattern in ORDERS.items():
        for hours24 in (True, False):
            written = as_set({"timezone": zone, "date_format": order, "time_24hr": hours24})
            for one in moments():
                local = one.astimezone(zoneinfo.ZoneInfo(zone))
                date = pattern.format(day=local.day, month=MONTHS[local.month - 1], year=local.year)
                clock = local.strftime("%H:%M") if hours24 else local.strftime("%I:%M %p").lstrip("0")
                assert say(written.moment(one)) == f"{date}, {clock}", (zone, order, one)


def test_the_hour_that_is_there_twice_and_the_one_that_is_not(say: Say) -> None:
    berlin = as_set({"timezone": "Europe/Berlin", "date_format": "dmy", "time_24hr": True})
    around = ["2026-10-24T23:30:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"]
    assert [say(berlin.time(moment(text))) for text in around] == ["01:30", "02:30", "02:30"]
    around = ["2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z"]
    assert [say(berlin.time(moment(text))) for text in around] == ["01:30", "03:30"]


@pytest.mark.parametrize(
    ("hour", "words"), [(0, "12:05 AM"), (1, "1:05 AM"), (11, "11:05 AM"), (12, "12:05 PM"), (23, "11:05 PM")]
)
def test_twelve_hours_begin_with_twelve(hour: int, words: str, say: Say) -> None:
    assert say(Dates(timezone.utc, "dmy", False).time(moment(f"2026-09-14T{hour:02}:05:00Z"))) == words


@pytest.mark.parametrize(
    ("then", "words"),
    [
        ("2026-09-14T12:00:00Z", "just now"),
        ("2026-09-14T11:59:01Z", "just now"),
        ("2026-09-14T12:00:59Z", "just now"),
        ("2026-09-14T11:59:00Z", "1 min ago"),
        ("2026-09-14T11:00:01Z", "59 min ago"),
        ("2026-09-14T12:10:30Z", "in 10 min"),
        ("2026-09-14T11:00:00Z", "today, 13:00"),
        ("2026-09-14T15:00:00Z", "today, 17:00"),
        ("2026-09-13T21:59:00Z", "yesterday, 23:59"),
        ("2026-09-13T22:00:00Z", "today, 00:00"),
        ("2026-09-12T21:59:00Z", "12 Sep 2026, 23:59"),
        ("2026-09-14T22:00:00Z", "tomorrow, 00:00"),
        ("2026-09-15T22:00:00Z", "16 Sep 2026, 00:00"),
    ],
)
def test_what_is_near_is_said_as_people_do_by_the_days_of_their_zone(then: str, words: str, say: Say) -> None:
    berlin = as_set({"timezone": "Europe/Berlin", "date_format": "dmy", "time_24hr": True})
    assert say(berlin.near(moment(then), moment("2026-09-14T12:00:00Z"))) == words


def test_days_are_counted_by_the_calendar_also_when_one_has_25_hours(say: Say) -> None:
    berlin = as_set({"timezone": "Europe/Berlin", "date_format": "dmy", "time_24hr": True})
    now = moment("2026-10-25T22:30:00Z")  # 23:30, in the evening of the day with 25 hours
    assert say(berlin.near(moment("2026-10-24T22:30:00Z"), now)) == "today, 00:30"
    assert say(berlin.near(moment("2026-10-24T21:30:00Z"), now)) == "yesterday, 23:30"


# what the user didn't set


@pytest.mark.parametrize("name", [None, "", 7, "Nowhere/At_All", "../etc/passwd", "/etc/passwd", "Europe", "a\0b", "Ü"])
def test_without_a_zone_that_is_known_the_boxs_own_is_taken(
    name: Any, say: Say, box_zone: Callable[[str], None]
) -> None:
    box_zone("Asia/Kolkata")
    written = as_set({"timezone": name, "date_format": "dmy", "time_24hr": True})
    assert say(written.moment(moment("2026-09-14T20:00:00Z"))) == "15 Sep 2026, 01:30"


def test_without_data_about_zones_the_boxs_own_is_taken(
    say: Say, box_zone: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    box_zone("Asia/Kolkata")
    for gone in (None, _without_data):
        monkeypatch.setattr(dates, "ZoneInfo", gone)
        written = as_set({"timezone": "Europe/Berlin", "date_format": "dmy", "time_24hr": True})
        assert say(written.time(moment("2026-09-14T20:00:00Z"))) == "01:30"


def _without_data(name: str) -> None:
    raise zoneinfo.ZoneInfoNotFoundError(name)


@pytest.mark.parametrize(
    ("region", "order"),
    [
        ("%d/%m/%Y", "dmy"),
        ("%m/%d/%Y", "mdy"),
        ("%Y-%m-%d", "ymd"),
        ("DD.MM.YYYY", "dmy"),
        ("YYYY/DD/MM", "ydm"),
        ("M/D/YYYY", "mdy"),
        ("", "dmy"),
        ("odd", "dmy"),
    ],
)
@pytest.mark.parametrize("unknown", [None, "", "myd", "unknown", 4])
def test_an_order_that_is_not_known_is_the_regions(region: str, order: str, unknown: Any) -> None:
    assert as_set({"date_format": unknown}, region).order == order


@pytest.mark.parametrize(
    ("region", "hours24"),
    [("%H:%M:%S", True), ("%I:%M:%S %p", False), ("h:mm:ss xx", False), ("HH:mm:ss", True), ("", True)],
)
def test_hours_that_are_not_set_are_the_regions(region: str, hours24: bool) -> None:
    assert as_set({"time_24hr": None}, "", region).hours24 is hours24
    assert as_set({"time_24hr": "yes"}, "", region).hours24 is hours24
    assert as_set({"time_24hr": not hours24}, "", region).hours24 is not hours24


@pytest.mark.parametrize("account", [None, [], "x", 3, {}])
def test_no_settings_at_all(account: Any, say: Say, box_zone: Callable[[str], None]) -> None:
    box_zone("UTC")
    assert say(as_set(account).moment(moment("2026-09-14T20:00:00Z"))) == "14 Sep 2026, 20:00"


# reading moments


@pytest.mark.parametrize(
    "text",
    [
        "2026-09-14T10:11:12Z",
        "2026-09-14T10:11:12.000Z",
        "2026-09-14t10:11:12.999999z",
        "2026-09-14 10:11:12",
        "2026-09-14T12:11:12+02:00",
        "2026-09-14T05:41:12-0430",
        " 2026-09-14T10:11:12Z ",
    ],
)
def test_a_moment_is_read_however_it_is_written(text: str) -> None:
    assert parse(text) == datetime(2026, 9, 14, 10, 11, 12, tzinfo=timezone.utc)


def test_a_day_alone_is_its_beginning() -> None:
    assert parse("2012-03-04") == datetime(2012, 3, 4, tzinfo=timezone.utc)


def test_a_leap_second_is_the_second_before_it() -> None:
    assert parse("2016-12-31T23:59:60Z") == datetime(2016, 12, 31, 23, 59, 59, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    "text",
    [
        None,
        7,
        True,
        "",
        "soon",
        "2026-13-01T00:00:00Z",
        "2026-02-30",
        "2026-09-14T25:00:00Z",
        "2026-09-14T10:11:12+99:00",
        "0001-01-01T00:00:00+10:00",
        "2026-09-14T10:11:12Zx",
        "٢٠٢٦-09-14",
        ["2026-09-14"],
        "9" * 5000,
    ],
)
def test_what_is_no_moment_is_none(text: Any) -> None:
    assert parse(text) is None


def test_reading_what_was_written_gives_the_same_moment() -> None:
    for one in moments():
        for zone in ZONES:
            local = one.astimezone(zoneinfo.ZoneInfo(zone))
            offset: Optional[timedelta] = local.utcoffset()
            if offset is not None and offset % timedelta(minutes=1) == timedelta(0):
                assert parse(local.isoformat()) == one


@pytest.mark.parametrize("seconds", [0.0, -1e9, 1.7e9, 4e9, 1e15, -1e15, 1e300])
def test_a_clock_that_is_far_off_can_be_written(seconds: float, say: Say) -> None:
    for zone in (None, "Pacific/Kiritimati", "Pacific/Pago_Pago"):
        assert say(as_set({"timezone": zone}).moment(of_timestamp(seconds)))


def test_the_ends_of_time_can_be_written(say: Say) -> None:
    for text in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"):
        for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
            assert say(as_set({"timezone": zone}).near(moment(text), moment("2026-09-14T10:00:00Z")))


def test_the_box_zone_fixture_moves_the_zone(box_zone: Callable[[str], None]) -> None:
    box_zone("Asia/Kolkata")
    assert time.localtime(0).tm_hour == 5 and os.environ["TZ"] == "Asia/Kolkata"
