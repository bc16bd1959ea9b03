"""A call that was sent without waiting, and the wait for its reply.

Knows nothing of methods or their results.
"""

from __future__ import annotations

import threading
from typing import Any, Optional

from ._library import Library
from ._reply import data_of
from ._waiting import SLICE_MS, ShouldStop, slices
from .errors import TraktError

_RUNNING = {"state": "running"}


class Request:
    """A call under way, made by `Client.submit`. Usable from any thread.

    The library keeps its reply until it is taken by `result` or `done`, and at most 64 replies of a client: take each,
    or `cancel` what is no longer wanted.
    """

    def __init__(self, library: Library, client: int, number: int) -> None:
        """For `Client.submit`."""
        self.number = number
        self._library = library
        self._client = client
        self._taking = threading.Lock()
        self._finished = False
        self._data: Any = None
        self._error: Optional[TraktError] = None

    def result(self, wait_ms: Optional[int] = 0, *, should_stop: Optional[ShouldStop] = None) -> Any:
        """The call's data, or None while it runs; waits up to `wait_ms` (None: until it ends), 0 never waits.

        Raises the `TraktError` that the call ended with. May be asked again: the answer stays.
        """
        for wait in slices(wait_ms, should_stop):
            if self._take(wait):
                break
        if self._error is not None:
            raise self._error
        return self._data

    @property
    def done(self) -> bool:
        """Whether the call is over, with data or an error. Never waits."""
        return self._take(0)

    def cancel(self) -> None:
        """Ends this call; `result` then raises `Cancelled`, unless the call was over before."""
        if not self._finished:
            self._library.text("trakt_cancel", self._client, self.number)
            self._take(0)

    def abandon(self) -> None:
        """Cancels and leaves no reply behind, whatever it is. Waits at most 250 ms."""
        if not self._finished:
            self._library.text("trakt_cancel", self._client, self.number)
            self._take(SLICE_MS)

    def _take(self, wait_ms: int) -> bool:
        """Takes the reply if it comes within `wait_ms`; true when it is here, now or since an earlier time."""
        # The library hands a reply out once, so one thread takes it. Who must not wait doesn't wait for that thread.
        if not self._taking.acquire(timeout=wait_ms / 1000):
            return self._finished
        try:
            if not self._finished:
                data = data_of(self._library.text("trakt_result", self._client, self.number, wait_ms))
                if data == _RUNNING:
                    return False
                self._data = data
                self._finished = True
        except TraktError as error:
            self._error = error
            self._finished = True
        finally:
            self._taking.release()
        return True
