"""What the add-on costs a real Kodi, beside an empty one: tests/kodi/figures.py prints a table of medians.

    export LIBTRAKT_LIBRARY=… TRAKT_SIM=… KODI_ADDON_ZIP=…         as in README.md
    tests/kodi/netns.sh target/venv/bin/python tests/kodi/figures.py [--runs 5] [--idle 60]

Nothing else should run on the machine. Each run has a Kodi of its own for each add-on, linked to a simulated Trakt. The
times to stop in each state are those that test_life.py has measured last.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Callable, Dict, List, Optional, Set, Tuple

HERE = Path(__file__).resolve().parent
for folder in ("../../bindings/python", "../behaviour", "../python", "."):
    sys.path.insert(0, str(HERE / folder))

import package  # noqa: E402  (on the path only now)
from driver import Kodi  # noqa: E402
from libtrakt import Client, Library  # noqa: E402
from paths import real_library  # noqa: E402
from simtrakt import Sim  # noqa: E402
from states import FIGURES as FOLDER  # noqa: E402
from states import STATES  # noqa: E402

Figures = Dict[str, float]
_MILLISECONDS = re.compile(r"^\d+-\d+-\d+ (\d+):(\d+):(\d+)\.(\d+) .*", re.MULTILINE)

#: The order and unit of the rows.
ROWS: List[Tuple[str, str]] = [
    ("link wanted -> screen", "ms"),
    ("link wanted -> code on the screen", "ms"),
    ("service start -> idle", "ms"),
    ("memory added, idle", "MB"),
    ("processor over the idle time, the service's thread", "%"),
    ("processor over the idle time, all of Kodi", "%"),
    ("stop when disabled", "ms"),
    ("quit, idle", "ms"),
]


def moment_ms(line: str) -> float:
    """The time of day of a line of the log."""
    found = _MILLISECONDS.match(line)
    assert found, line
    hours, minutes, seconds, ms = map(int, found.groups())
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + ms


def line_with(kodi: Kodi, pattern: str, since: int) -> str:
    """The first line of the log, from a mark on, with a pattern in it; waits for it."""
    return kodi.wait_log(rf"(?m)^.*{pattern}.*$", since)[0]


def script_threads(kodi: Kodi) -> Set[Path]:
    """The threads that run Python scripts."""
    tasks = Path(f"/proc/{kodi.process_id}/task").iterdir()
    return {task for task in tasks if (task / "comm").read_text().strip() == "LanguageInvoker"}


def thread_cpu_s(threads: Set[Path]) -> float:
    """Processor time that threads have used."""
    return sum(int((task / "schedstat").read_text().split()[0]) for task in threads) / 1e9


def service(kodi: Kodi, addon: str, idle_line: str, idle_s: float) -> Figures:
    """Starts a service that is installed and disabled, leaves it alone for a while, and stops it."""
    kodi.picture()
    before, others = kodi.rss_bytes(), script_threads(kodi)
    mark = kodi.mark()
    kodi.enable(addon)
    begun = moment_ms(line_with(kodi, f"CServiceAddonManager: starting {re.escape(addon)}", mark))
    idle = moment_ms(line_with(kodi, idle_line, mark))
    kodi.picture()
    threads = script_threads(kodi) - others
    whole, own = kodi.cpu_s(), thread_cpu_s(threads)
    # The one wait that is its own purpose.
    time.sleep(idle_s)
    figures = {
        "service start -> idle": idle - begun,
        "processor over the idle time, all of Kodi": (kodi.cpu_s() - whole) / idle_s * 100,
        "processor over the idle time, the service's thread": (thread_cpu_s(threads) - own) / idle_s * 100,
        "memory added, idle": (kodi.rss_bytes() - before) / 1e6,
    }
    return figures


def empty(kodi: Kodi, idle_s: float) -> Figures:
    """The figures of the add-on that does nothing."""
    kodi.home.install(package.EMPTY, enabled=False)
    kodi.start()
    figures = service(kodi, package.EMPTY.name, "service.empty waits", idle_s)
    return {**figures, **ends(kodi, package.EMPTY.name)}


def nothing(kodi: Kodi, idle_s: float) -> Figures:
    """The figures of Kodi alone."""
    kodi.start()
    kodi.picture()
    whole = kodi.cpu_s()
    time.sleep(idle_s)
    return {
        "processor over the idle time, all of Kodi": (kodi.cpu_s() - whole) / idle_s * 100,
        "quit, idle": kodi.quit() * 1000,
    }


def ours(addon: Path, sim: Sim, library: Library) -> Callable[[Kodi, float], Figures]:
    """The figures of the add-on."""

    def measure(kodi: Kodi, idle_s: float) -> Figures:
        kodi.home.install(addon, enabled=False)
        settings = {"client_id": sim.client_id, "auth_url": sim.auth_url, "api_url": sim.api_url, "invite": "false"}
        kodi.home.configure(package.ADDON, settings)
        data = kodi.home.data_of(package.ADDON)
        config = sim.client_config(data_dir=data, redirect_uri=sim.redirect_uri, client_secret=None)
        with Client(config, library=library) as client:
            client.authorize_finish(sim.authorize(client.authorize_url()["url"]))
        kodi.start()
        figures = service(kodi, package.ADDON, r"\[service\.libtrakt\] started", idle_s)
        kodi.wait_home_property("libtrakt.linked", "true")
        mark = kodi.mark()
        kodi.builtin("RunScript(service.libtrakt,action=link)")
        begun = moment_ms(line_with(kodi, r"CPythonInvoker\(\d+, .*/script\.py\): start processing", mark))
        shown = moment_ms(line_with(kodi, r"Window Init \(.*libtrakt-link\.xml\)", mark))
        kodi.wait_property("code", re.compile(r"^\w{4} \w{4}$"))
        coded = time.time() % 86_400 * 1000
        figures["link wanted -> screen"] = shown - begun
        figures["link wanted -> code on the screen"] = coded - begun
        kodi.focus_on("Cancel", "right")
        kodi.wait_property("armed", "true")
        kodi.press("select")
        kodi.wait_no_dialog()
        return {**figures, **ends(kodi, package.ADDON)}

    return measure


def ends(kodi: Kodi, addon: str) -> Figures:
    """The time that Kodi waits for a service when it is disabled, and that it takes to quit with it."""
    stopped = kodi.disable(addon)
    kodi.enable(addon)
    kodi.picture()
    return {"stop when disabled": stopped, "quit, idle": kodi.quit() * 1000}


def medians(measure: Callable[[Kodi, float], Figures], runs: int, idle_s: float) -> Figures:
    """Several Kodis, one after the other."""
    found: List[Figures] = []
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as folder, Kodi(Path(folder) / "kodi") as kodi:
            found.append(measure(kodi, idle_s))
    return {row: statistics.median(each[row] for each in found) for row in found[0]}


def shown(value: Optional[float]) -> str:
    """A figure, or that there is none."""
    return "" if value is None else f"{value:.0f}" if value >= 10 else f"{value:.2f}"


def stops() -> List[Dict[str, object]]:
    """What test_life.py has measured in each state, in the order of the states."""
    found = {}
    for file in FOLDER.glob("stop-*.json"):
        found.update(json.loads(file.read_text()))
    return [{"state": name, **found[f"stop: {name}"]} for name in STATES if f"stop: {name}" in found]


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--idle", type=float, default=60, help="seconds (60)")
    parser.add_argument("--empty-only", action="store_true", help="without the add-on itself")
    options = parser.parse_args()
    columns = {
        "Kodi alone": medians(nothing, options.runs, options.idle),
        "empty add-on": medians(empty, options.runs, options.idle),
    }
    if not options.empty_only:
        with tempfile.TemporaryDirectory() as folder, Sim.start() as sim:
            addon = package.unpack(package.packaged_zip(), Path(folder))
            measure = ours(addon, sim, Library.load(real_library()))
            columns["service.libtrakt"] = medians(measure, options.runs, options.idle)
    print(f"| medians of {options.runs} | unit | " + " | ".join(columns) + " |")
    print("|---|---|" + "---:|" * len(columns))
    for row, unit in ROWS:
        print(f"| {row} | {unit} | " + " | ".join(shown(column.get(row)) for column in columns.values()) + " |")
    measured = stops()
    if measured:
        print("\n| the service stops, ms | " + " | ".join(list(measured[0])[1:]) + " |")
        print("|---|" + "---:|" * (len(measured[0]) - 1))
        for row_of_state in measured:
            print("| " + " | ".join(str(value) for value in row_of_state.values()) + " |")


if __name__ == "__main__":
    main()
