"""Cumin's own answers: for each JSON line {query, config} on standard input one line {hosts, folded} or {error}."""

import json
import sys

from cumin.query import Query

for line in sys.stdin:
    case = json.loads(line)
    try:
        hosts = Query(case["config"]).execute(case["query"])
        answer = {"hosts": list(hosts), "folded": str(hosts)}
    except Exception as error:
        answer = {"error": type(error).__name__}
    print(json.dumps(answer), flush=True)
