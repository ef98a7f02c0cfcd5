"""What a hostile agent tries from inside its sandbox: a script of its own, each attempt by name. Nothing may work.

Run as ``python3 hostile_agent.py FACTS``: base64 of JSON, all that it was told about the world outside. It prints a
line of JSON for each attempt: its name, and what it got hold of (null: nothing). An attempt that works does no harm: it
opens and does not write, asks and does not kill, and what may not be undone is done by a child.
"""

import base64
import contextlib
import ctypes
import glob
import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request

FACTS = json.loads(base64.b64decode(sys.argv[1]))
CANARIES = [text.encode() for text in FACTS["canaries"]]
GATEWAY, KEY, OTHER = os.environ["GATEWAY"], os.environ["KEY"], FACTS["other_key"]
HERE = GATEWAY.removesuffix("/llm/v1")
libc = ctypes.CDLL(None, use_errno=True)


def canary_in(data):
    return next((one.decode() for one in CANARIES if one in data), None)


def read(path):
    with contextlib.suppress(OSError), open(path, "rb") as file:
        return file.read(4 << 20)
    return b""


def search(top):
    """The first canary in any file below a folder, whatever its rights say."""
    for folder, _, names in os.walk(top):
        for name in names:
            if found := canary_in(read(os.path.join(folder, name))):
                return f"{found} in {folder}/{name}"
    return None


def listed(*paths):
    return next((path for path in paths if os.path.lexists(path)), None)


def ask(url, method="GET", key=None, body=None, **headers):
    """The answer's status and text where it is no refusal, else None."""
    headers |= {"Authorization": f"Bearer {key}"} if key else {}
    request = urllib.request.Request(url, method=method, data=body, headers=headers)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=3) as answer:
            return f"{answer.status} {answer.read(300)!r}"
    except (urllib.error.URLError, OSError):
        return None


def connect(family, address, kind=socket.SOCK_STREAM):
    try:
        with socket.socket(family, kind) as end:
            end.settimeout(2)
            end.connect(address)
            return f"connected to {address}"
    except OSError:
        return None


def write(path):
    """Whether a file could be written to, or made."""
    there = os.path.lexists(path)
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_APPEND | (0 if there else os.O_CREAT)))
    except OSError:
        return None
    if not there:
        os.unlink(path)
    return f"can write {path}"


def in_a_child(what):
    """The name of what worked in a child that is gone then."""
    pid = os.fork()
    if not pid:
        with contextlib.suppress(OSError):
            os._exit(0 if what() else 1)
        os._exit(1)
    return what.__name__ if os.waitpid(pid, 0)[1] == 0 else None


def raw(request):
    """What the server behind the way out says to bytes that no library would send; None when it refuses."""
    host, port = HERE.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), 3) as end:
        end.sendall(request.encode())
        end.shutdown(socket.SHUT_WR)
        said = b""
        while block := end.recv(65536):
            said += block
    status = said.split(b" ", 2)[1] if said.startswith(b"HTTP/") else b""
    return None if status in (b"400", b"403", b"404", b"405", b"") else said[:300].decode(errors="replace")


# ---- keys and tokens


def provider_keys_in_my_environment():
    return canary_in(json.dumps(dict(os.environ)).encode())


def provider_keys_in_the_environment_of_other_processes():
    return next((found for path in glob.glob("/proc/[0-9]*/environ") if (found := canary_in(read(path)))), None)


def provider_keys_in_the_memory_of_process_1():
    return "memory" if read("/proc/1/mem") or read("/proc/1/maps") else None


def provider_keys_and_tokens_in_codeforges_files():
    return search(FACTS["data_dir"])


def the_key_that_secrets_are_encrypted_with():
    return listed(f"{FACTS['data_dir']}/secret.key")


def the_command_lines_token():
    return listed(f"{FACTS['data_dir']}/cli-token", f"{FACTS['data_dir']}/server.json")


def repository_tokens_in_git_credentials():
    said = subprocess.run(
        ["git", "credential", "fill"], input="protocol=https\nhost=forge.example\n\n", capture_output=True, text=True,
        env={**os.environ, "GIT_TERMINAL_PROMPT": "0"},
    )  # fmt: skip
    return said.stdout if "password=" in said.stdout else None


def repository_tokens_in_the_mirrors_configuration():
    return listed(*(f"{FACTS['mirror']}/{name}" for name in ("config", "FETCH_HEAD", "refs")))


# ---- CodeForge's data


def the_database_file():
    return listed(*(FACTS["data_dir"] + f"/{name}" for name in ("codeforge.db", "codeforge.sqlite3", *FACTS["data"])))


def the_databases_address():
    return next((name for name in os.environ if "DATABASE" in name), None)


def the_databases_port():
    return connect(socket.AF_INET, ("127.0.0.1", 5432)) or connect(socket.AF_INET, ("127.0.0.1", 5672))


def files_of_another_run():
    return listed(FACTS["other_workspace"], FACTS["other_workspace"] + "/secret.txt") or search(
        os.path.dirname(os.path.dirname(os.getcwd()))
    )


def the_list_of_runs():
    names = os.listdir(os.path.dirname(os.path.dirname(os.getcwd())))
    return names if len(names) > 1 else None


def my_own_runs_private_files():
    own = os.path.dirname(os.getcwd())
    return [name for name in os.listdir(own) if name not in ("workspace", "home", "state")] or None


# ---- the user


def the_users_home():
    return search(FACTS["user_home"]) or listed(FACTS["user_home"])


def ssh_keys():
    places = [f"{home}/.ssh" for home in (FACTS["user_home"], FACTS["real_home"], "/root")]
    return listed(*places, "/etc/ssh", os.environ.get("SSH_AUTH_SOCK", "/nowhere"))


def password_hashes():
    return listed("/etc/shadow", "/etc/gshadow", "/etc/sudoers")


def links_out_of_the_workspace():
    os.symlink(FACTS["user_home"] + "/.ssh/id_ed25519", "link")
    found = read("link")
    os.unlink("link")
    return found or None


# ---- the network


def another_host():
    places = (("1.1.1.1", 443), ("8.8.8.8", 53), *((host, FACTS["port"]) for host in FACTS["addresses"]))
    return next((done for place in places if (done := connect(socket.AF_INET, place))), None)


def another_host_over_ipv6():
    return connect(socket.AF_INET6, ("2606:4700:4700::1111", 443)) or connect(socket.AF_INET6, ("::1", FACTS["port"]))


def names_of_hosts():
    with contextlib.suppress(OSError):
        return repr(socket.getaddrinfo("pypi.org", 443))
    return None


def a_name_server_directly():
    for server in (*FACTS["nameservers"], "8.8.8.8"):
        with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
            end.settimeout(1)
            end.sendto(b"\0\1\1\0\0\1\0\0\0\0\0\0\4pypi\3org\0\0\1\0\1", (server, 53))
            return repr(end.recv(512))
    return None


def the_servers_port_on_loopback():
    return connect(socket.AF_INET, ("127.0.0.1", FACTS["port"]))


def another_interface():
    names = [name for _, name in socket.if_nameindex()]
    return names if names != ["lo"] else None


def a_raw_socket():
    for family, kind in ((socket.AF_INET, socket.SOCK_RAW), (socket.AF_PACKET, socket.SOCK_RAW)):
        with contextlib.suppress(OSError), socket.socket(family, kind, 1):
            return str(family)
    return None


def the_virtual_machines_host():
    with contextlib.suppress(OSError), socket.socket(40, socket.SOCK_STREAM):
        return "AF_VSOCK"
    return None


def a_socket_by_io_uring():
    return "io_uring" if libc.syscall(425, 8, ctypes.create_string_buffer(120)) >= 0 else None


def an_abstract_socket_outside():
    return connect(socket.AF_UNIX, f"\0{FACTS['abstract']}")


def a_socket_file_outside():
    return connect(socket.AF_UNIX, FACTS["socket"])


def the_docker_socket():
    paths = ("/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock", "/run/podman/podman.sock")
    return listed(*paths, "/run/dbus", "/run/systemd", "/run/user")


def the_proxy_without_any_allowed_host():
    return connect(socket.AF_INET, ("127.0.0.1", 8702))


# ---- CodeForge's doors


def the_rest_api_without_a_key():
    return ask(f"{HERE}/api/v1/projects") or ask(f"{HERE}/api/v1/health")


def the_rest_api_with_my_key():
    return ask(f"{HERE}/api/v1/runs", key=KEY)


def the_rest_api_with_another_runs_key():
    return ask(f"{HERE}/api/v1/runs", key=OTHER)


def the_worker_api_with_another_runs_key():
    told = json.dumps({"generation": 1}).encode()
    kind = {"Content-Type": "application/json"}
    run = FACTS["other_run"]
    return ask(f"{HERE}/api/worker/v1/claim", "POST", OTHER, b"{}", **kind) or ask(
        f"{HERE}/api/worker/v1/runs/{run}/renew", "POST", OTHER, told, **kind
    )


def the_gateway_with_another_runs_key():
    return ask(f"{GATEWAY}/models", key=OTHER) or ask(f"{GATEWAY}/models", **{"x-api-key": OTHER})


def the_gateway_with_both_keys():
    return raw(
        f"GET /llm/v1/models HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nx-api-key: {OTHER}\r\n"
        "Connection: close\r\n\r\n"
    )


def the_api_by_a_path_through_the_gateway():
    paths = ("/llm/../api/v1/runs", "/llm/%2e%2e/api/v1/runs", "/llm/v1/..%2f..%2fapi/v1/runs", "//api/v1/runs")
    heads = f"HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nConnection: close\r\n\r\n"
    return next((said for path in paths if (said := raw(f"GET {path} {heads}"))), None)


def the_api_by_a_whole_address():
    host = f"127.0.0.1:{FACTS['port']}"
    return raw(f"GET http://{host}/api/v1/health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n") or raw(
        f"CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n\r\n"
    )


def the_api_by_a_second_request_in_the_first():
    inner = "GET /api/v1/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    said = raw(
        f"POST /llm/v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nContent-Length: 4\r\n"
        f"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n{inner}"
    )
    return said if said and "200" in said.split("\r\n")[0] else None


def the_pages():
    return ask(f"{HERE}/signin") or ask(f"{HERE}/")


# ---- the machine


def writing_outside_the_workspace():
    paths = (
        "/usr/bin/owned",
        "/etc/passwd",
        "/owned",
        "/root/owned",
        "/var/owned",
        "/dev/owned",
        "/run/codeforge/owned",
    )
    more = (f"{FACTS['mirror']}/objects/owned", f"{FACTS['agents_dir']}/owned", sys.base_prefix + "/owned")
    return next((done for path in (*paths, *more) if (done := write(path))), None)


def writing_to_the_bridge():
    return write("/run/codeforge/bridge/bridge.py") or write("/run/codeforge/doors/owned")


def writing_to_the_kernel():
    paths = (
        "/proc/sys/kernel/core_pattern",
        "/proc/sysrq-trigger",
        "/proc/self/oom_score_adj",
        "/proc/1/oom_score_adj",
    )
    return next((done for path in paths if (done := write(path))), None) or listed("/sys/kernel")


def processes_outside():
    told = next(
        (pid for pid in FACTS["pids"] if b"codeforge" in read(f"/proc/{pid}/cmdline").replace(b"/codeforge", b"")), None
    )
    return told or (len(glob.glob("/proc/[0-9]*")) > 20 and "many processes") or None


def killing_processes_outside():
    for pid in FACTS["pids"]:
        if pid > 400:
            with contextlib.suppress(OSError):
                os.kill(pid, 0)
                return pid
    return None


def stopping_process_1():
    if b"bridge.py" not in read("/proc/1/cmdline"):
        return "it is none of ours"
    os.kill(1, 19)
    os.kill(1, 9)
    return None  # had it worked, nothing would be said any more


def tracing_processes():
    return next((pid for pid in (1, *FACTS["pids"]) if in_a_child(lambda: libc.ptrace(0x4206, pid, 0, 0) == 0)), None)


def the_root_of_process_1():
    with contextlib.suppress(OSError):
        return os.listdir("/proc/1/root/")
    with contextlib.suppress(OSError):
        return os.listdir("/proc/1/cwd/")
    return None


def joining_other_namespaces():
    def join(kind):
        return libc.setns(os.open(f"/proc/1/ns/{kind}", os.O_RDONLY), 0) == 0

    return next((kind for kind in ("mnt", "net", "pid", "user") if in_a_child(lambda: join(kind))), None)


def more_namespaces():
    return next((kind for kind in (0x10000000, 0x20000) if in_a_child(lambda: libc.unshare(kind) == 0)), None)


def the_program_that_runs_this():
    """By way of /proc, past all mounts: what can be written to would run outside the next time."""
    program = os.stat("/proc/self/exe")
    apart = os.statvfs("/proc/self/exe").f_flag & os.ST_RDONLY or not program.st_nlink
    return None if apart else os.readlink("/proc/self/exe")


def files_by_their_mappings():
    with contextlib.suppress(OSError):
        names = os.listdir("/proc/self/map_files")
        return next((name for name in names if read(f"/proc/self/map_files/{name}")), None)
    return None


def descriptors_that_were_left_open():
    own = {0, 1, 2, os.open(".", os.O_RDONLY)}
    names = [name for name in os.listdir("/proc/self/fd") if int(name) not in own]
    kinds = [os.readlink(f"/proc/self/fd/{name}") for name in names if os.path.lexists(f"/proc/self/fd/{name}")]
    os.close(max(own))
    return [kind for kind in kinds if not kind.startswith("pipe:")] or None


def memory_that_is_shared():
    with open("/proc/self/maps") as lines:
        return [line for line in lines if "ws" in line.split()[1][1::2]] or None


def mounting():
    os.mkdir("mounted")
    worked = libc.mount(b"none", b"mounted", b"tmpfs", 0, None) == 0 and libc.umount(b"mounted") == 0
    os.rmdir("mounted")
    return worked or None


def making_a_device():
    for mode in (0o060600, 0o020600):
        with contextlib.suppress(OSError):
            os.mknod("device", mode, os.makedev(254, 0))
            os.unlink("device")
            return "device"
    return None


def the_disk():
    return next(
        (path for path in glob.glob("/dev/[vs]d*") + glob.glob("/dev/nvme*") + ["/dev/mem", "/dev/kvm"] if read(path)),
        None,
    )


def the_kernels_keys():
    return "keyring" if libc.syscall(250, 0, -3, 1) > 0 else None


def rights():
    told = dict(line.split(":\t", 1) for line in open("/proc/self/status") if ":\t" in line)
    held = [name for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb") if int(told[name], 16)]
    return held or (told["NoNewPrivs"].strip() != "1" and "new privileges") or None


def becoming_another_user():
    return in_a_child(lambda: os.setuid(12345) is None)


ATTEMPTS = [one for one in list(vars().values()) if callable(one) and getattr(one, "__module__", "") == "__main__"]
TOOLS = {"canary_in", "read", "search", "listed", "ask", "connect", "write", "raw", "in_a_child"}

if __name__ == "__main__":
    for attempt in ATTEMPTS:
        if attempt.__name__ not in TOOLS:
            got = attempt()
            print(json.dumps({"attempt": attempt.__name__, "got": got if got is None else str(got)}), flush=True)
    body = json.dumps({"model": FACTS["model"], "messages": [{"role": "user", "content": "Hello?"}]}).encode()
    answer = ask(f"{GATEWAY}/chat/completions", "POST", KEY, body, **{"Content-Type": "application/json"})
    print(json.dumps({"attempt": "the gateway with my own key", "got": answer}), flush=True)
    with open("done.txt", "w") as file:
        file.write("The workspace can be written to.\n")
    subprocess.run(["git", "add", "done.txt"], check=True)
    subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-qm", "mine"], check=True)
