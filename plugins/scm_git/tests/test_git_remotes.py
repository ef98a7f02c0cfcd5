"""The same over the wire: https through git's own http-backend, and ssh through a real sshd, on loopback."""

import base64
import dataclasses
import getpass
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from codeforge import Forbidden, Invalid, Reason, RunFailure, Unavailable
from codeforge.testing.ports import free_port

SSHD = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")


class Backend(BaseHTTPRequestHandler):
    """Runs `git http-backend` for whoever knows the password."""

    protocol_version = "HTTP/1.1"
    root: Path
    hits: list[str]

    def log_message(self, *args):
        pass

    def do_GET(self):
        parts = urlsplit(self.path)
        self.hits.append(f"{self.command} {parts.path}")
        length = self.headers.get("Content-Length")
        body = self.rfile.read(int(length)) if length else self._chunks()
        if self.headers.get("Authorization") != "Basic " + base64.b64encode(b"olga:hunter2").decode():
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        env = {
            **os.environ, "GIT_PROJECT_ROOT": str(self.root), "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": parts.path,
            "QUERY_STRING": parts.query, "REQUEST_METHOD": self.command, "REMOTE_USER": "olga",
            "CONTENT_TYPE": self.headers.get("Content-Type", ""), "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }  # fmt: skip
        answer = subprocess.run(["git", "http-backend"], env=env, input=body, capture_output=True, check=True).stdout
        head, _, content = answer.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().splitlines())
        self.send_response(int(fields.pop("Status", "200").split()[0]))
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_GET

    def _chunks(self):
        body = b""
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        return body


@pytest.fixture
def web(tmp_path, origin, home):
    """https://127.0.0.1:PORT with origin.git, which wants a password; the certificate is one the user trusts."""
    bare = tmp_path / "www" / "origin.git"
    origin.git("clone", "-q", "--bare", ".", str(bare))
    subprocess.run(["git", "-C", str(bare), "config", "http.receivepack", "true"], check=True)
    certificate = tmp_path / "certificate.pem"
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=127.0.0.1"]
    request += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(certificate), "-out", str(tmp_path / "c.pem")]
    subprocess.run(request, check=True, capture_output=True)
    with certificate.open("a") as file:
        file.write((tmp_path / "c.pem").read_text())
    handler = type("Served", (Backend,), {"root": bare.parent, "hits": []})
    server = ThreadingHTTPServer(("127.0.0.1", free_port()), handler)
    server.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    with (home / ".gitconfig").open("a") as config:
        config.write(f"[http]\n\tsslCAInfo = {tmp_path}/c.pem\n")
    yield f"https://127.0.0.1:{server.server_address[1]}/origin.git"
    server.shutdown()
    server.server_close()
    thread.join()


def log_in(home, password="hunter2"):
    with (home / ".gitconfig").open("a") as config:
        config.write(f'[credential]\n\thelper = "!f() {{ echo username=olga; echo password={password}; }}; f"\n')


async def test_https_with_the_users_credential_helper_goes_all_the_way(desk_on, web, home, tmp_path, repo_at):
    log_in(home)
    desk = desk_on(web)
    info = await desk.scm.inspect(web)
    assert (info.url, info.branch, info.dirty) == (web, "main", ())
    for strategy in ("merge", "squash", "fast-forward"):
        change = await desk.change({f"{strategy}.txt": os.urandom(3 << 20)})
        commit = await desk.deliver(change, strategy)
        assert repo_at(tmp_path / "www/origin.git").git("rev-parse", "main") == commit
    assert "hunter2" not in (desk.mirror.path / "config").read_text()


async def test_https_without_credentials_is_forbidden_at_once_and_nobody_is_asked(desk_on, web, home):
    desk = desk_on(web)
    with pytest.raises(Forbidden, match="credential helper") as refusal:
        await desk.scm.inspect(web)
    assert "hunter2" not in str(refusal.value)
    with pytest.raises(RunFailure) as failure:
        await desk.prepare()
    assert failure.value.reason == Reason.SCM_AUTH
    log_in(home, "wrong")
    with pytest.raises(Forbidden):
        await desk.scm.inspect(web)


async def test_https_with_an_unknown_certificate_or_repository_is_refused(desk_on, web, home):
    log_in(home)
    desk = desk_on(web)
    with pytest.raises(Invalid, match="no Git repository"):
        await desk.scm.inspect(web.replace("origin.git", "other.git"))
    with (home / ".gitconfig").open("a") as config:
        config.write("[http]\n\tsslCAInfo = /etc/ssl/certs/ca-certificates.crt\n")
    with pytest.raises(Unavailable, match="certificate"):
        await desk.scm.inspect(web)


async def test_a_redirect_to_plain_http_is_not_followed(desk_on, tmp_path, origin):
    hits = []

    class Redirect(BaseHTTPRequestHandler):
        def do_GET(self):
            hits.append(self.path)
            self.send_response(302)
            self.send_header("Location", f"file://{origin.path}/.git/info/refs?service=git-upload-pack")
            self.end_headers()

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", free_port()), Redirect)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    with pytest.raises(Unavailable):
        await desk_on("x").scm.inspect(f"http://127.0.0.1:{server.server_address[1]}/x.git")
    assert hits
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def shell(tmp_path, origin, home):
    """The address of a bare repository behind a real sshd, with the user's key and known host."""
    if not SSHD:
        pytest.skip("sshd is not installed (apt-get install openssh-server)")
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    bare = tmp_path / "served.git"
    origin.git("clone", "-q", "--bare", ".", str(bare))
    keys = tmp_path / "keys"
    keys.mkdir(mode=0o700)
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(keys / name)], check=True)
    shutil.copy(keys / "user.pub", keys / "authorized")
    port = free_port()
    (keys / "config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {keys}/host\nAuthorizedKeysFile {keys}/authorized\n"
        f"StrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin yes\nPidFile {keys}/pid\n"
    )
    host = (keys / "host.pub").read_text().split()[:2]
    (keys / "known").write_text(f"[127.0.0.1]:{port} {' '.join(host)}\n")
    server = subprocess.Popen([SSHD, "-D", "-e", "-f", str(keys / "config")], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            break
        except OSError:
            assert server.poll() is None
            assert time.monotonic() < deadline
    yield f"ssh://{getpass.getuser()}@127.0.0.1:{port}{bare}", keys
    server.terminate()
    server.wait()


def trust(home, keys, *, known="known", user="user"):
    with (home / ".gitconfig").open("a") as config:
        config.write(
            f"[core]\n\tsshCommand = ssh -F none -oBatchMode=yes -oStrictHostKeyChecking=yes"
            f" -oUserKnownHostsFile={keys}/{known} -oIdentitiesOnly=yes -i {keys}/{user}\n"
        )


async def test_ssh_with_the_users_own_command_and_key_goes_all_the_way(desk_on, shell, home, tmp_path, repo_at):
    url, keys = shell
    trust(home, keys)
    desk = desk_on(url)
    assert (await desk.scm.inspect(url)).branch == "main"
    change = await desk.change({"x": "1\n"})
    commit = await desk.deliver(change, "squash")
    assert repo_at(tmp_path / "served.git").git("rev-parse", "main") == commit
    short = url.removeprefix("ssh://").split(":")[0] + ":/"
    assert desk.scm.handles(short)


async def test_ssh_with_an_unknown_host_or_key_is_forbidden(desk_on, shell, home, monkeypatch):
    url, keys = shell
    desk = desk_on(url)
    (keys / "nobody").touch()
    trust(home, keys, known="nobody")
    with pytest.raises(Forbidden, match=r"host key .* is not known here"):
        await desk.scm.inspect(url)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(keys / "other")], check=True)
    trust(home, keys, user="other")
    with pytest.raises(Forbidden, match="ssh key"):
        await desk.scm.inspect(url)


async def test_ssh_without_a_command_of_the_user_never_asks(desk_on, shell):
    url, _ = shell
    with pytest.raises(Forbidden, match=r"host key .* is not known here"):
        await desk_on(url).scm.inspect(url)


async def test_a_changed_address_brings_the_other_repository(desk, origin, new_repo):
    await desk.prepare()
    other = new_repo("other", {"other": "1\n"})
    desk.project = dataclasses.replace(desk.project, url=str(other.path))
    workspace = await desk.prepare()
    assert [path.name for path in workspace.path.iterdir() if path.name != ".git"] == ["other"]
