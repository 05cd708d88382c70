"""The cases of hostsets.ts with ClusterShell: a name of a case in, its milliseconds out."""
import sys
import time

from ClusterShell.NodeSet import RESOLVER_NOGROUP, NodeSet


def parsed(text):
    return NodeSet(text, resolver=RESOLVER_NOGROUP)


def names(first, step, count, suffix):
    return [f"host{first + step * i}{suffix}" for i in range(count)]


million = names(1, 1, 1_000_000, "")
# Its time grows with the square of a list in text: a million would take hours.
text = ",".join(names(1, 1, 10_000, ""))
fleet = [
    f"{role}{1000 + i + (0 if i % 7 else 300)}.{domain}"
    for domain in ("eqiad.wmnet", "codfw.wmnet", "esams.wmnet", "eqiad1.wikimedia.cloud")
    for role in ("db", "cp", "wikikube-worker", "cloudvirt", "ms-be")
    for i in range(150)
]
one = NodeSet._fromlist1(names(0, 3, 500_000, ".lab"), resolver=RESOLVER_NOGROUP)
other = NodeSet._fromlist1(names(0, 5, 500_000, ".lab"), resolver=RESOLVER_NOGROUP)

cases = {
    "names": lambda: str(NodeSet._fromlist1(million, resolver=RESOLVER_NOGROUP)),
    "text": lambda: str(parsed(text)),
    "range": lambda: str(parsed("host[1-1000000].lab")),
    "operations": lambda: [one.union(other), one.difference(other), one.intersection(other), one.symmetric_difference(other)],
    "fleet": lambda: str(NodeSet._fromlist1(fleet, resolver=RESOLVER_NOGROUP)),
    "grid": lambda: str(parsed("rack[1-40]-u[1-40],rack[41-60]-u[1-20]!rack7-u7")),
}
for line in sys.stdin:
    began = time.perf_counter()
    cases[line.strip()]()
    print((time.perf_counter() - began) * 1000, flush=True)
