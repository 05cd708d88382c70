"""Answers for ClusterShell: a line of JSON in, an expression or a list of names; a line of JSON out."""
import json
import sys

from ClusterShell.NodeSet import RESOLVER_NOGROUP, NodeSet

for line in sys.stdin:
    asked = json.loads(line)
    try:
        if isinstance(asked, str):
            hosts = NodeSet(asked, resolver=RESOLVER_NOGROUP)
        else:
            hosts = NodeSet.fromlist(asked, resolver=RESOLVER_NOGROUP)
        answer = {"size": len(hosts), "folded": str(hosts), "hosts": list(hosts) if len(hosts) < 100_000 else []}
    except Exception as error:  # the class is the answer
        answer = {"error": type(error).__name__, "message": str(error)}
    print(json.dumps(answer))
