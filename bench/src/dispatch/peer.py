"""Tasks that do nothing, through Dask or Ray on this machine, submitted as their guides have it.

    unshare --net peer.py dask|ray TASKS PROCESSES ROUNDS

It is run in a network of its own, whose one interface it switches on: Ray listens on all there are. After a warm-up, each
round submits all tasks and waits for all results. Prints the seconds of the rounds, as JSON.
"""

import fcntl
import json
import socket
import struct
import sys
import time

# Of Linux: the request to set the flags of an interface, and the flag that it is on.
SIOCSIFFLAGS, IFF_UP = 0x8914, 1


def switch_on_loopback():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", IFF_UP))


def nothing(number):
    return number


def timed(once, tasks, rounds):
    once(min(tasks, 1000))
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        results = once(tasks)
        times.append(time.perf_counter() - start)
        if results != list(range(tasks)):
            sys.exit("the results are not those of the tasks")
    return times


def dask(tasks, processes, rounds):
    from distributed import Client, LocalCluster

    cluster = LocalCluster(
        n_workers=processes, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address="127.0.0.1:0"
    )
    with cluster, Client(cluster) as client:

        def once(count):
            # Not pure: else a second round would find the results of the first.
            return client.gather(client.map(nothing, range(count), pure=False))

        return timed(once, tasks, rounds)


def ray(tasks, processes, rounds):
    import ray

    ray.init(num_cpus=processes, include_dashboard=False, log_to_driver=False)
    remote = ray.remote(nothing)
    try:
        return timed(lambda count: ray.get([remote.remote(number) for number in range(count)]), tasks, rounds)
    finally:
        ray.shutdown()


if __name__ == "__main__":
    switch_on_loopback()
    peer, counts = sys.argv[1], [int(count) for count in sys.argv[2:]]
    print(json.dumps({"dask": dask, "ray": ray}[peer](*counts)))
