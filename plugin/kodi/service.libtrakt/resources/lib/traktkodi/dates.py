"""Dates and times the way the user set them at Trakt: time zone, order of day, month and year, 12 or 24 hours.

Knows nothing of Kodi and of where a date is shown. What the user didn't set is as on this box.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Any, Dict, NamedTuple, Optional

from . import texts
from .texts import Text

try:
    from zoneinfo import ZoneInfo
except ImportError:  # before Python 3.9
    ZoneInfo = None  # type: ignore[assignment,misc]

_ORDERS: Dict[str, int] = {
    "dmy": texts.DATE_DMY,
    "mdy": texts.DATE_MDY,
    "ymd": texts.DATE_YMD,
    "ydm": texts.DATE_YDM,
}
#: Kodi's own texts from 51 on are the short names of the months, in each of its languages.
_KODI_MONTHS = 50
#: The order when neither the user nor the box has one that is known.
_USUAL_ORDER = "dmy"

_RFC_3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?\s*(Z|[+-]\d\d:?\d\d)?)?", re.ASCII | re.IGNORECASE
)
_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)


def parse(text: Any) -> Optional[datetime]:
    """The moment of an RFC 3339 text, in UTC; None for anything else. Without an offset it is taken as UTC."""
    match = _RFC_3339.fullmatch(text.strip()) if isinstance(text, str) else None
    if not match:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    try:
        # A leap second, which datetime doesn't know, is the second before it.
        moment = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=timezone.utc)
        return moment - _offset(match[7])
    except (ValueError, OverflowError):
        return None


def of_timestamp(seconds: float) -> datetime:
    """The moment so many seconds after 1970 began, in UTC; also for clocks that are far off."""
    try:
        return datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=seconds)
    except OverflowError:
        return datetime(1970, 1, 1, tzinfo=timezone.utc)


class Dates(NamedTuple):
    """How dates and times are written. `zone` None: the box's own."""

    zone: Optional[tzinfo]
    order: str
    hours24: bool

    def date(self, moment: datetime) -> Text:
        """14 Sep 2026, in the user's order."""
        local = self._local(moment)
        values = {"day": str(local.day), "month": Text(_KODI_MONTHS + local.month), "year": str(local.year)}
        return Text(_ORDERS[self.order], values)

    def time(self, moment: datetime) -> Text:
        """21:05 or 9:05 PM."""
        local = self._local(moment)
        minute = f"{local.minute:02}"
        if self.hours24:
            return Text(texts.TIME_24, {"hour": f"{local.hour:02}", "minute": minute})
        half = texts.TIME_AM if local.hour < 12 else texts.TIME_PM
        return Text(half, {"hour": str(local.hour % 12 or 12), "minute": minute})

    def moment(self, moment: datetime) -> Text:
        """Date and time."""
        return Text(texts.DATE_AND_TIME, {"date": self.date(moment), "time": self.time(moment)})

    def near(self, moment: datetime, now: datetime) -> Text:
        """The same as people say it: "just now", "5 min ago", "in 5 min", "yesterday, 21:05"; else date and time."""
        away = moment - now
        if abs(away) < _MINUTE:
            return Text(texts.WHEN_NOW)
        if abs(away) < _HOUR:
            name = texts.WHEN_MINUTES_AGO if away < timedelta(0) else texts.WHEN_IN_MINUTES
            return Text(name, {"count": str(abs(away) // _MINUTE)})
        days = (self._local(moment).date() - self._local(now).date()) // _DAY
        names = {-1: texts.WHEN_YESTERDAY, 0: texts.WHEN_TODAY, 1: texts.WHEN_TOMORROW}
        if days in names:
            return Text(names[days], {"time": self.time(moment)})
        return self.moment(moment)

    def _local(self, moment: datetime) -> datetime:
        try:
            return moment.astimezone(self.zone)
        except (OverflowError, OSError, ValueError):  # the first or last day there is; a box's zone before 1970
            return moment


def as_set(account: Any, region_date: str = "", region_time: str = "") -> Dates:
    """As the user set it at Trakt (`account` of settings.get); else as Kodi's region writes `region_date` and
    `region_time`, such as `%d/%m/%Y` and `%H:%M:%S`.
    """
    account = account if isinstance(account, dict) else {}
    order, hours24 = account.get("date_format"), account.get("time_24hr")
    if not isinstance(order, str) or order not in _ORDERS:
        order = _order_of(region_date)
    if not isinstance(hours24, bool):
        hours24 = not re.search(r"%I|%p|h+:|xx", region_time)
    return Dates(_zone(account.get("timezone")), order, hours24)


def _zone(name: Any) -> Optional[tzinfo]:
    if ZoneInfo is None or not isinstance(name, str) or not name:
        return None
    try:
        return ZoneInfo(name)
    except (LookupError, OSError, ValueError):  # no such zone, no data about zones on this system, or no name at all
        return None


def _order_of(region_date: str) -> str:
    """The order in which a format such as `%d/%m/%Y` or `DD/MM/YYYY` names day, month and year."""
    found = re.sub(r"(.)\1+", r"\1", re.sub("[^dmy]", "", region_date.lower()))
    return found if found in _ORDERS else _USUAL_ORDER


def _offset(text: Optional[str]) -> timedelta:
    if not text or text in "Zz":
        return timedelta(0)
    sign = -1 if text[0] == "-" else 1
    hours, minutes = int(text[1:3]), int(text[-2:])
    if hours > 23 or minutes > 59:
        raise ValueError("no offset from UTC")
    return sign * timedelta(hours=hours, minutes=minutes)
