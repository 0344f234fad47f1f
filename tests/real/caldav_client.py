"""A CalDAV client that knows nothing of us: it logs in with Basic and keeps a calendar.

usage: caldav_client.py URL USER PASSWORD create CALENDAR EVENT | list ["Header: value"] | open PATH
Prints what it found, or the status with which it was refused.
"""
import datetime
import sys

import caldav
from caldav.lib.error import AuthorizationError, DAVError


def main(url, user, password, action, *rest):
    headers = dict(h.split(": ", 1) for h in rest) if action == "list" else {}
    with caldav.DAVClient(url=url, username=user, password=password, headers=headers) as client:
        if action == "open":
            return str(client.request(url.rstrip("/") + rest[0], "PROPFIND").status)
        principal = client.principal()
        if action == "create":
            calendar = principal.make_calendar(name=rest[0])
            start = datetime.datetime(2026, 11, 22, 9, 0, tzinfo=datetime.timezone.utc)
            calendar.save_event(dtstart=start, dtend=start + datetime.timedelta(hours=1), summary=rest[1])
            return "created"
        return "\n".join(
            f"{calendar.get_display_name()}: {event.icalendar_component['summary']}"
            for calendar in principal.calendars()
            for event in calendar.events()
        )


try:
    print(main(*sys.argv[1:]))
except AuthorizationError as refused:
    print("401" if refused.reason == "Unauthorized" else "403")
except DAVError as error:
    sys.exit(f"{type(error).__name__}: {error}")
