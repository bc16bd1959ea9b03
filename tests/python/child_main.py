"""The other side of child.py: reads calls as JSON lines, makes each on its own thread, writes replies as JSON lines.

A call is {"id", "method", "args", "kwargs", "client"}; `open` opens the client of that name, `run` executes Python.
A reply is {"id", "data"} or {"id", "error"}. At the end of its input it closes its clients and ends.
"""

from __future__ import annotations

import json
import sys
import threading
import traceback
from typing import Any, Dict

import libtrakt

clients: Dict[str, libtrakt.Client] = {}
_writing = threading.Lock()


def write(message: Dict[str, Any]) -> None:
    """Writes one line."""
    with _writing:
        sys.stdout.write(json.dumps(message) + "\n")
        sys.stdout.flush()


def perform(call: Dict[str, Any]) -> Any:
    """Makes one call."""
    method, name = call["method"], call["client"]
    args, kwargs = call["args"], call["kwargs"]
    if method == "open":
        clients[name] = libtrakt.Client(*args, **kwargs)
        return {"handle": clients[name].handle}
    if method == "run":
        scope: Dict[str, Any] = {"libtrakt": libtrakt, "clients": clients, "client": clients.get(name), "result": None}
        exec(args[0], scope)
        return scope["result"]
    return getattr(clients[name], method)(*args, **kwargs)


def answer(call: Dict[str, Any]) -> None:
    """Makes one call and writes its reply."""
    try:
        write({"id": call["id"], "data": perform(call)})
    except libtrakt.TraktError as error:
        write({"id": call["id"], "error": {"status": error.status, "error": dict(error.raw) or {"code": error.code}}})
    except BaseException:
        write({"id": call["id"], "broken": traceback.format_exc()})


def main() -> None:
    """Answers until the input ends."""
    write({"ready": True})
    for line in sys.stdin:
        threading.Thread(target=answer, args=(json.loads(line),), daemon=True).start()
    for client in clients.values():
        client.close()


if __name__ == "__main__":
    main()
