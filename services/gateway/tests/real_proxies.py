"""nginx and HAProxy as they are documented, on ports and with a certificate of a test's own."""

import contextlib
import shutil
import socket
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from libs.common.testing.waiting import wait_for

CONFIGURATIONS = Path(__file__).parents[3] / "deploy" / "proxies"
KINDS = ("nginx", "haproxy")


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def find(kind: str) -> str | None:
    """The program; Debian keeps it where only root looks."""
    return shutil.which(kind, path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")


def make_certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    certificate = made.public_bytes(Encoding.PEM)
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "paydown.pem").write_bytes(certificate)
    (folder / "paydown.key").write_bytes(secret)
    (folder / "paydown-with-key.pem").write_bytes(certificate + secret)


def documented(kind: str) -> str:
    """The configuration that the documents give."""
    file = "nginx.conf" if kind == "nginx" else "haproxy.cfg"
    return (CONFIGURATIONS / file).read_text(encoding="utf-8")


@contextlib.contextmanager
def proxy(kind: str, folder: Path, upstream: int, configuration: str) -> Iterator[str]:
    """A running proxy in front of a port; its address."""
    port = free_port()
    make_certificate(folder)
    here = (
        configuration.replace(":443", f"127.0.0.1:{port}")
        .replace("listen 443", f"listen 127.0.0.1:{port}")
        .replace("127.0.0.1:8080", f"127.0.0.1:{upstream}")
        .replace("/etc/ssl", str(folder))
    )
    file = folder / kind
    file.write_text(around(kind, folder, here), encoding="utf-8")
    program = find(kind)
    assert program is not None
    words = {
        "nginx": [program, "-c", str(file), "-p", str(folder), "-g", "daemon off;"],
        "haproxy": [program, "-db", "-f", str(file)],
    }[kind]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        try:
            assert wait_for(lambda: accepts(port), 10, 0.05), process.stderr
            yield f"https://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(10)


def around(kind: str, folder: Path, configuration: str) -> str:
    """What is around the documented part: files of the proxy below a folder of the test's own."""
    if kind == "haproxy":
        return f"defaults\n    timeout connect 5s\n\n{configuration}"
    places = "\n".join(
        f"{name}_temp_path {folder}/{name};"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return (
        f"pid {folder}/pid;\nerror_log {folder}/errors;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{places}\n{configuration}\n}}\n"
    )


def accepts(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False
