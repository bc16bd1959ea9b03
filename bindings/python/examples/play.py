"""Plays a fake film of ten seconds and shows what Trakt makes of it.

    python play.py '{"client_id": "…", "data_dir": "…"}'

The account is linked beforehand, for example by `python -m libtrakt link`.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any, Dict

import libtrakt

SECOND_MS = 1_000
DURATION_MS = 10 * SECOND_MS

FILM = {"type": "movie", "title": "Heat", "year": 1995, "ids": {"imdb": "tt0113277"}}


# [readme:report]
def report(client: libtrakt.Client, event: str, second: int, **more: Any) -> None:
    """What a player does: tell libtrakt, and never wait for it."""
    decided = client.player_event(event, "film-1", position_ms=second * SECOND_MS, duration_ms=DURATION_MS, **more)
    print(f"{second:2} s  {event:<8}  {decided['state']}")


# [/readme:report]
def show_news(client: libtrakt.Client, wait_ms: int = 0) -> bool:
    """What has happened since; whether Trakt has the play."""
    recorded = False
    for event in client.next_events(wait_ms):
        data: Dict[str, Any] = event.get("data") or {}
        if event["type"] == "play.counted":
            print("      it counts, and is kept until Trakt has it")
        elif event["type"] == "play.recorded":
            recorded = True
            print(f"      Trakt has it ({data['how']})")
        elif event["type"] == "outbox.refused":
            print(f"      Trakt refused it: {data['reason']}")
            recorded = True
    return recorded


def play(client: libtrakt.Client) -> None:
    """Ten seconds, with a look at the news after each."""
    report(client, "started", 0, item=FILM)
    for second in range(1, 10):
        time.sleep(1)
        report(client, "progress", second)
        show_news(client)
    time.sleep(1)
    report(client, "ended", 10)
    while not show_news(client, wait_ms=10_000):
        waiting = client.call("outbox.list")
        print(f"      not there yet: {waiting['paused'] or 'sending'}")


def show_history(client: libtrakt.Client) -> None:
    """The newest plays of the account, as Trakt tells them."""
    answer = client.call("http.request", {"method": "GET", "path": "/sync/history/movies", "query": {"limit": 3}})
    for entry in answer["body"]:
        print(entry["watched_at"], entry["movie"]["title"], f"({entry['action']})")


def main() -> int:
    """Plays and shows."""
    config = json.loads(sys.argv[1])
    with libtrakt.Client(config) as client:
        if not client.account()["linked"]:
            print("No account is linked yet: python -m libtrakt link")
            return 1
        play(client)
        show_history(client)
    return 0


if __name__ == "__main__":
    sys.exit(main())
