"""Runs a command a number of times on the first hosts of a lab through the library of a peer.

peers.py asyncssh|pssh|cumin LAB_DIRECTORY HOSTS TIMES COMMAND [SSH_OPTIONS of cumin]

asyncssh and parallel-ssh keep their connections; Cumin opens them anew, as Spicerack makes it do. parallel-ssh checks no host key.
"""

import asyncio
import json
import sys

peer, lab, count, times, command, *options = sys.argv[1:]
with open(f"{lab}/hosts.json") as file:
    hosts = json.load(file)[: int(count)]
times = int(times)


async def with_asyncssh():
    import asyncssh

    key, known = asyncssh.read_private_key(f"{lab}/client"), asyncssh.read_known_hosts(f"{lab}/known_hosts")
    gate, kept = asyncio.Semaphore(64), {}

    async def one(host):
        name = host["name"]
        async with gate:
            if name not in kept:
                kept[name] = await asyncssh.connect(
                    host["address"], host["port"], username="root", client_keys=[key], known_hosts=known, config=None, agent_path=None
                )
            return (await kept[name].run(command)).exit_status

    codes = []
    for _ in range(times):
        codes += await asyncio.gather(*map(one, hosts))
    for connection in kept.values():
        connection.close()
    return codes


def with_pssh():
    from pssh.clients import ParallelSSHClient

    client = ParallelSSHClient(
        [host["address"] for host in hosts], user="root", port=hosts[0]["port"], pkey=f"{lab}/client", pool_size=64, allow_agent=False
    )
    codes = []
    for _ in range(times):
        output = client.run_command(command)
        client.join(output)
        codes += [each.exit_code for each in output]
    return codes


def with_cumin():
    from cumin import NodeSet, transport, transports
    from cumin.transports.clustershell import NullReporter

    config = {
        "transport": "clustershell",
        "log_file": "/dev/null",
        "default_backend": "direct",
        "clustershell": {"ssh_options": [f"-F {lab}/ssh_config", *options], "fanout": 256},
    }
    target = transports.Target(NodeSet.fromlist([host["name"] for host in hosts]))
    codes = []
    for _ in range(times):
        worker = transport.Transport.new(config, target)
        worker.commands = [transports.Command(command)]
        worker.handler = "sync"
        worker.progress_bars = False
        worker.reporter = NullReporter
        codes.append(worker.execute())
    return codes


run = {"asyncssh": lambda: asyncio.run(with_asyncssh()), "pssh": with_pssh, "cumin": with_cumin}[peer]
sys.exit(any(run()))
