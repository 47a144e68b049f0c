"""Makes the certificates in this folder; needs the `openssl` program. Run it again only to change them.

Every `.pem` but the authority's has its key and its certificate. They are valid until 2120, except the two
that are meant not to be. The keys protect nothing.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
LOOPBACK = "DNS:localhost,IP:127.0.0.1"
ALWAYS = ("20200101000000Z", "21200101000000Z")

CONFIG = """
[ca]
default_ca = local
[local]
database = {folder}/index.txt
new_certs_dir = {folder}
rand_serial = yes
default_md = sha256
policy = any
copy_extensions = copyall
unique_subject = no
[any]
commonName = supplied
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical,CA:false
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def make_key_and_request(folder: Path, name: str, common_name: str, *extensions: str) -> None:
    openssl(
        folder,
        *("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
        *(
            "-config",
            "openssl.cnf",
            "-subj",
            f"/CN={common_name}",
            "-keyout",
            f"{name}.key",
            "-out",
            f"{name}.csr",
        ),
        *(part for extension in extensions for part in ("-addext", extension)),
    )


def sign(folder: Path, name: str, section: str, validity: tuple[str, str], authority: str | None) -> None:
    signer: tuple[str, ...] = ("-selfsign", "-keyfile", f"{name}.key")
    if authority is not None:
        signer = ("-cert", f"{authority}.crt", "-keyfile", f"{authority}.key")
    openssl(
        folder,
        *("ca", "-batch", "-notext", "-config", "openssl.cnf", "-extensions", section, *signer),
        *("-startdate", validity[0], "-enddate", validity[1], "-in", f"{name}.csr", "-out", f"{name}.crt"),
    )


def make_server(
    folder: Path,
    name: str,
    authority: str | None,
    alternatives: str = LOOPBACK,
    validity: tuple[str, str] = ALWAYS,
) -> None:
    make_key_and_request(folder, name, name, f"subjectAltName={alternatives}")
    sign(folder, name, "server", validity, authority)
    (HERE / f"{name}.pem").write_text(
        (folder / f"{name}.key").read_text() + (folder / f"{name}.crt").read_text()
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "openssl.cnf").write_text(CONFIG.format(folder=folder))
        (folder / "index.txt").touch()
        for authority in ("authority", "stranger"):
            make_key_and_request(folder, authority, f"taskdash tests: {authority}")
            sign(folder, authority, "authority", ALWAYS, None)
        (HERE / "authority.pem").write_text((folder / "authority.crt").read_text())
        make_server(folder, "good", "authority")
        make_server(folder, "other-host", "authority", "DNS:other.example,IP:127.9.9.9")
        make_server(folder, "expired", "authority", validity=("20200101000000Z", "20200102000000Z"))
        make_server(folder, "not-yet", "authority", validity=("21190101000000Z", "21200101000000Z"))
        make_server(folder, "unknown-issuer", "stranger")
        make_server(folder, "self-signed", None)


if __name__ == "__main__":
    main()
