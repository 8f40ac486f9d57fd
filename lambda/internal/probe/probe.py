# What Lakegate runs on the cluster of a workspace, to see what compute can
# reach. It reads nothing of yours, writes nothing, and needs no library beyond
# Python's own. It makes the attempts that it is given, each at most once and
# all at the same time, and prints one line with what came of them:
#
#   resolve       ask the resolver for the addresses of a host
#   connect       open a TCP connection to a host and port, and close it
#   tls           the same, and begin TLS on it: firewalls that go by names let
#                 connections be opened, and stop what is said on them
#   dns           send one DNS question about example.com to a server over UDP
#   dns-over-tcp  the same over TCP
#   get           ask for the head of an https address, without any credentials
#   databases     the names of the databases that Spark lists
#   conf          the value of one setting of Spark

import json
import socket
import ssl
import struct
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor


def resolve(host):
    found = socket.getaddrinfo(host, None, proto=socket.IPPROTO_TCP)
    return sorted({entry[4][0] for entry in found})


def try_resolve(attempt):
    return {"outcome": "resolved", "addresses": resolve(attempt["host"])}


def try_connect(attempt):
    addresses = resolve(attempt["host"])
    peer = (addresses[0], attempt["port"])
    with socket.create_connection(peer, timeout=attempt["seconds"]):
        return {"outcome": "connected", "addresses": addresses}


def try_tls(attempt):
    addresses = resolve(attempt["host"])
    # Who answers does not matter here, only that somebody does.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection((addresses[0], attempt["port"]), timeout=attempt["seconds"]) as tcp:
        try:
            context.wrap_socket(tcp, server_hostname=attempt["host"]).close()
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError) as error:
            raise ConnectionResetError(str(error))
        except ssl.SSLError:
            # What came back is not TLS as it should be, but something came back.
            pass
    return {"outcome": "connected", "addresses": addresses}


QUESTION = struct.pack(">6H", 7, 0x0100, 1, 0, 0, 0) + b"\x07example\x03com\x00" + struct.pack(">2H", 1, 1)


def try_dns(attempt):
    family = socket.AF_INET6 if ":" in attempt["host"] else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as udp:
        udp.settimeout(attempt["seconds"])
        udp.connect((attempt["host"], attempt["port"]))
        udp.send(QUESTION)
        udp.recv(512)
    return {"outcome": "answered"}


def try_dns_over_tcp(attempt):
    with socket.create_connection((attempt["host"], attempt["port"]), timeout=attempt["seconds"]) as tcp:
        tcp.sendall(struct.pack(">H", len(QUESTION)) + QUESTION)
        if not tcp.recv(512):
            raise ConnectionResetError("closed without an answer")
    return {"outcome": "answered"}


def try_get(attempt):
    request = urllib.request.Request(attempt["url"], method="HEAD")
    try:
        # No proxy of the environment: the network itself is looked at.
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPSHandler(context=ssl.create_default_context()),
        )
        with opener.open(request, timeout=attempt["seconds"]) as reply:
            return {"outcome": "answered", "status": reply.status}
    except urllib.error.HTTPError as error:
        return {"outcome": "answered", "status": error.code}
    except urllib.error.URLError as error:
        raise error.reason if isinstance(error.reason, OSError) else error


def try_databases(attempt):
    return {"outcome": "answered", "values": sorted(row[0] for row in spark.sql("SHOW DATABASES").collect())}


def try_conf(attempt):
    value = spark.conf.get(attempt["key"], None)
    return {"outcome": "answered", "values": [] if value is None else [value]}


TRIES = {
    "resolve": try_resolve,
    "connect": try_connect,
    "tls": try_tls,
    "dns": try_dns,
    "dns-over-tcp": try_dns_over_tcp,
    "get": try_get,
    "databases": try_databases,
    "conf": try_conf,
}


def make(attempt):
    began = time.monotonic()
    try:
        result = TRIES[attempt["kind"]](attempt)
    except socket.gaierror as error:
        result = {"outcome": "unresolved", "error": str(error)}
    except (ConnectionRefusedError, ConnectionResetError) as error:
        result = {"outcome": "refused", "error": str(error)}
    except (socket.timeout, TimeoutError) as error:
        result = {"outcome": "timeout", "error": str(error)}
    except OSError as error:
        result = {"outcome": "unreachable", "error": str(error)}
    except Exception as error:
        result = {"outcome": "failed", "error": type(error).__name__ + ": " + str(error)[:500]}
    result["id"] = attempt["id"]
    result["milliseconds"] = int(1000 * (time.monotonic() - began))
    return result


def run(attempts):
    attempts = json.loads(attempts)
    with ThreadPoolExecutor(max_workers=len(attempts)) as pool:
        print("lakegate-probe " + json.dumps({"results": list(pool.map(make, attempts))}))
