"""locks.py PORT pairs N | contenders N HOLD_SECONDS: Spicerack's lock on an etcd that serves the API of version 2; prints milliseconds as JSON."""

import json
import logging
import multiprocessing
import sys
import time

from spicerack.locking import Lock

logging.disable(logging.CRITICAL)
port, case, count, *hold = sys.argv[1:]


def lock(owner):
    config = {"host": "127.0.0.1", "port": int(port), "allow_reconnect": True}
    return Lock(config=config, prefix="custom", owner=owner, dry_run=False)


def contend(owner, start, out):
    own = lock(owner)
    time.sleep(max(0, start - time.monotonic()))
    ident = own.acquire("contended", concurrency=1, ttl=600)
    time.sleep(float(hold[0]))
    own.release("contended", ident)
    out.put((time.monotonic() - start) * 1000)


if case == "pairs":
    own = lock("serial")
    for turn in range(2):  # the first for the caches
        began = time.perf_counter()
        for _ in range(int(count)):
            own.release("serial", own.acquire("serial", concurrency=1, ttl=60))
        took = (time.perf_counter() - began) * 1000 / int(count)
    print(json.dumps(took))
else:
    out, start = multiprocessing.Queue(), time.monotonic() + 2
    for i in range(int(count)):
        multiprocessing.Process(target=contend, args=(f"contender{i}", start, out)).start()
    print(json.dumps(max(out.get() for _ in range(int(count)))))
