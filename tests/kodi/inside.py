"""Runs in Kodi's own Python, by `Kodi.python`: does what a file says and leaves the outcome in another."""

import json
import os
import sys
import traceback
from typing import Any, Dict

folder = sys.argv[1]
with open(os.path.join(folder, "code.py"), encoding="utf-8") as file:
    code = file.read()
with open(os.path.join(folder, "given.json"), encoding="utf-8") as file:
    names: Dict[str, Any] = json.load(file)
names["result"] = None
outcome = {}
try:
    exec(compile(code, "code.py", "exec"), names)
    outcome["result"] = names["result"]
except Exception:
    outcome["error"] = traceback.format_exc()
unfinished = os.path.join(folder, "outcome.tmp")
with open(unfinished, "w", encoding="utf-8") as file:
    json.dump(outcome, file)
os.rename(unfinished, os.path.join(folder, "outcome.json"))
