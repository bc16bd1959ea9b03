"""A Python process of its own that uses libtrakt, for tests with two processes, kill -9, moved clocks.

    with Child.start(sim.client_config(data_dir=folder)) as child:
        print(child.call("account")["state"])
        pending = child.send("get_settings", max_age_ms=0)     # doesn't wait
        child.kill9()

A call's errors arrive as the exceptions of libtrakt. Several calls may be under way at once, each on a thread of the
child. Knows nothing of pytest.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Dict, Mapping, Optional, Type

from libtrakt import errors
from paths import BINDING, HERE, PATIENCE_S


class ChildGone(AssertionError):
    """The process ended before it had answered."""


def child_environment(more: Optional[Mapping[str, str]] = None) -> Dict[str, str]:
    """The environment for a process that uses libtrakt from this tree."""
    return {**os.environ, "PYTHONPATH": str(BINDING), "PYTHONUNBUFFERED": "1", **(more or {})}


def run_snippet(
    code: str, *arguments: str, env: Optional[Mapping[str, str]] = None, timeout_s: float = PATIENCE_S
) -> subprocess.CompletedProcess[str]:
    """Runs Python code that may import libtrakt in a process of its own, to its end."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=child_environment(env),
        capture_output=True,
        text=True,
        timeout=timeout_s,
    )


class Pending:
    """A call that was sent to a child."""

    def __init__(self, child: Child, number: int) -> None:
        """For `Child.send`."""
        self._child = child
        self._number = number

    @property
    def done(self) -> bool:
        """Whether the child has answered."""
        return self._child.has_answered(self._number)

    def result(self, timeout_s: float = PATIENCE_S) -> Any:
        """Waits for the answer: its data, or its exception; `ChildGone` when the process ended before."""
        return self._child.wait_answer(self._number, timeout_s)


class Child:
    """A running child process with, unless told otherwise, one open client."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        """For `start`."""
        self.process = process
        self.stopped = False
        self._news = threading.Condition()
        self._answers: Dict[int, Dict[str, Any]] = {}
        self._numbers = 0
        self._sending = threading.Lock()
        self._ready = False
        self._gone = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @classmethod
    def start(
        cls,
        config: Optional[Mapping[str, Any]] = None,
        *,
        env: Optional[Mapping[str, str]] = None,
        library: Optional[str] = None,
        python: Optional[str] = None,
    ) -> Child:
        """Starts a process (with `env` added to its environment, under another `python`) and opens a client there.

        Without a `config` no client is opened; `child.call("open", config, client="name")` opens one, also a second.
        `library` is the path of the native library (default: what LIBTRAKT_LIBRARY names).
        """
        process = subprocess.Popen(
            [python or sys.executable, str(HERE / "child_main.py")],
            env=child_environment(env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        child = cls(process)
        with child._news:
            child._news.wait_for(lambda: child._ready or child._gone, PATIENCE_S)
        try:
            if not child._ready:
                raise ChildGone("The child did not start.")
            if config is not None:
                child.call("open", dict(config), library=library)
        except BaseException:
            child.kill9()
            raise
        return child

    def __enter__(self) -> Child:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        if self.process.poll() is None:
            if error is None:
                self.finish()
            else:
                self.kill9()
        self._tidy()

    def call(self, method: str, *args: Any, client: str = "main", timeout_s: float = PATIENCE_S, **kwargs: Any) -> Any:
        """Calls a method of the child's client and waits for the answer: its data, or its exception."""
        return self.send(method, *args, client=client, **kwargs).result(timeout_s)

    def send(self, method: str, *args: Any, client: str = "main", **kwargs: Any) -> Pending:
        """Calls a method of the child's client without waiting."""
        call = {"method": method, "args": args, "kwargs": kwargs, "client": client}
        assert self.process.stdin is not None
        # Tests call from several threads at once: each call has a number and a line of its own.
        with self._sending:
            self._numbers += 1
            number = self._numbers
            try:
                self.process.stdin.write(json.dumps({"id": number, **call}) + "\n")
                self.process.stdin.flush()
            except BrokenPipeError:
                raise ChildGone("The child has ended.") from None
        return Pending(self, number)

    def run(self, code: str, *, client: str = "main", timeout_s: float = PATIENCE_S) -> Any:
        """Executes Python in the child, which has `libtrakt`, `client`, `clients`, and answers with its `result`."""
        return self.call("run", code, client=client, timeout_s=timeout_s)

    def kill9(self) -> None:
        """Ends the process at whatever instruction it is."""
        self.process.kill()
        self.wait_exit()

    def stop(self) -> None:
        """Holds the process still, as a suspended machine would; none of its threads runs any more."""
        self.process.send_signal(signal.SIGSTOP)
        self.stopped = True
        stat = Path(f"/proc/{self.process.pid}/stat")
        while self.process.poll() is None and stat.read_text().rpartition(")")[2].split()[0] not in "TZX":
            time.sleep(0.0005)

    def go_on(self) -> None:
        """Lets a stopped process go on."""
        self.process.send_signal(signal.SIGCONT)
        self.stopped = False

    def finish(self, timeout_s: float = PATIENCE_S) -> int:
        """Has the child close its clients and end; returns its exit code."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        code = self.wait_exit(timeout_s)
        assert code == 0, f"The child ended with {code}."
        return code

    def wait_exit(self, timeout_s: float = PATIENCE_S) -> int:
        """Waits for the process to end; returns its exit code, -9 after `kill9`."""
        try:
            return self.process.wait(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"The child did not end within {timeout_s} s.") from None

    def has_answered(self, number: int) -> bool:
        """For `Pending`."""
        with self._news:
            return number in self._answers

    def wait_answer(self, number: int, timeout_s: float) -> Any:
        """For `Pending`."""
        with self._news:
            self._news.wait_for(lambda: number in self._answers or self._gone, timeout_s)
            answer = self._answers.get(number)
            gone = self._gone
        if answer is None:
            if gone:
                raise ChildGone(f"The child ended before it answered (exit code {self.wait_exit()}).")
            raise AssertionError(f"The child did not answer within {timeout_s} s.")
        if "broken" in answer:
            raise AssertionError(f"The call failed in the child:\n{answer['broken']}")
        if "error" in answer:
            raise errors.from_error(answer["error"]["error"], answer["error"]["status"])
        return answer["data"]

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            try:
                message = json.loads(line)
            except ValueError:
                break  # half a line: the process was killed while it wrote
            with self._news:
                if message.get("ready"):
                    self._ready = True
                else:
                    self._answers[message["id"]] = message
                self._news.notify_all()
        with self._news:
            self._gone = True
            self._news.notify_all()

    def _tidy(self) -> None:
        self._reader.join(PATIENCE_S)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
