"""Files through a real SFTP server: the same behaviour, a key that is known, and connections that break."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

paramiko = pytest.importorskip("paramiko")

from stocksync.adapters.systems.files.system import FilesSystem  # noqa: E402
from stocksync.adapters.systems.files.transport import (  # noqa: E402
    LEFT_FOR_S,
    Found,
    open_transport,
    temporary_name,
)
from stocksync.errors import AccessDenied, ConfigurationError, IncompleteListing, SystemUnavailable  # noqa: E402
from tests.contract.clock import PaperClock  # noqa: E402
from tests.files.folder_dms import FolderDms, make_old, settings  # noqa: E402
from tests.files.sftp_server import PASSWORD, SftpOverFolder  # noqa: E402
from tests.files.test_files_contract import EatingClock  # noqa: E402

CAR = {"dossier": "VO1", "site": "S01", "couleur": "GRIS", "prix_vente": "12 500,00"}
BY_FINGERPRINT = {"fingerprint": "fp", "password": "pw", "timeout_s": 20}

Open = Callable[..., FilesSystem]


@pytest.fixture
def dms(tmp_path: Path) -> FolderDms:
    """A DMS with one car, behind the server."""
    made = FolderDms(tmp_path / "dms", "csv")
    made.put(CAR)
    made.publish("S01")
    return made


@pytest.fixture
def server(tmp_path: Path, dms: FolderDms) -> Iterator[SftpOverFolder]:
    """A server for whoever has the password."""
    with SftpOverFolder(tmp_path) as running:
        yield running


@pytest.fixture
def opened(server: SftpOverFolder, dms: FolderDms) -> Iterator[Open]:
    """Open the system over the server."""
    made: list[FilesSystem] = []

    def make(sftp: dict[str, Any] = BY_FINGERPRINT, **secrets: str) -> FilesSystem:
        clock = EatingClock()
        clock.dms = dms
        made.append(
            FilesSystem(
                settings("csv", sftp=sftp),
                address=server.url,
                secrets={"fp": server.fingerprint, "pw": PASSWORD} | secrets,
                point_of_sale_code="S01",
                id_path="dossier",
                reference_path="ref_externe",
                clock=clock,
                name="the DMS",
            )
        )
        return made[-1]

    yield make
    for system in made:
        system.close()


def listed(files: FilesSystem) -> list[str]:
    """Read a listing."""
    return [record.record_id for page in files.pages() for record in page.records]


def test_a_listing_comes_a_write_goes_and_its_answer_comes_back(opened: Open, dms: FolderDms) -> None:
    files = opened()
    assert listed(files) == ["VO1"]
    answer = files.update("VO1", {"couleur": "Bleu d’Été"}, None, "k1")
    assert answer.body["couleur"] == dms.records["VO1"]["couleur"] == "Bleu d’Été"
    created = files.create({"couleur": "NOIR", "site": "S01", "ref_externe": "OF-2"}, "k2")
    assert listed(files) == ["VO1", created.record_id]
    assert [path.name for path in (dms.root / "import").iterdir()] == []
    assert len(list((dms.root / "archive").iterdir())) >= 2


def test_a_server_without_the_posix_rename_serves_as_well(opened: Open, server: SftpOverFolder) -> None:
    server.renames_over = False
    files = opened()
    for key, colour in (("k1", "BLEU"), ("k2", "NOIR")):
        assert files.update("VO1", {"couleur": colour}, None, key).body["couleur"] == colour


def test_a_large_file_comes_whole(opened: Open, dms: FolderDms) -> None:
    for number in range(20_000):
        dms.put(CAR | {"dossier": f"V{number:06d}", "couleur": "un texte assez long pour faire du volume " * 3})
    dms.publish("S01")
    assert len(listed(opened())) == 20_001


@pytest.mark.parametrize("known", ["SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "SHA256:", "md5"])
def test_a_server_with_another_key_gets_no_password(known: str, opened: Open, server: SftpOverFolder) -> None:
    with pytest.raises(AccessDenied, match="is not the one that is known"):
        listed(opened(fp=known))
    assert server.logins == 0


def test_a_server_is_known_by_a_file_and_never_added_to_it(
    opened: Open, server: SftpOverFolder, tmp_path: Path
) -> None:
    by_file = {"known_hosts": "hosts", "password": "pw"}
    hosts = tmp_path / "known_hosts"
    hosts.write_text("")
    with pytest.raises(AccessDenied):
        listed(opened(by_file, hosts=str(hosts)))
    assert hosts.read_text() == ""
    name = f"[127.0.0.1]:{server.port}"
    hosts.write_text(f"{name} {server.key.get_name()} {server.key.get_base64()}\n")
    assert listed(opened(by_file, hosts=str(hosts))) == ["VO1"]
    other = paramiko.ECDSAKey.generate()
    hosts.write_text(f"{name} {other.get_name()} {other.get_base64()}\n")
    with pytest.raises(AccessDenied):
        listed(opened(by_file, hosts=str(hosts)))


def test_a_key_file_opens_the_server_and_a_wrong_password_does_not(
    opened: Open, server: SftpOverFolder, tmp_path: Path
) -> None:
    key = paramiko.ECDSAKey.generate()
    server.known_key = key
    key.write_private_key_file(str(tmp_path / "key"), password="passphrase")
    by_key = {"fingerprint": "fp", "key_file": "key", "passphrase": "phrase"}
    assert listed(opened(by_key, key=str(tmp_path / "key"), phrase="passphrase")) == ["VO1"]
    with pytest.raises(AccessDenied, match="does not accept our name and key") as error:
        listed(opened(pw="wrong-password"))
    assert "wrong-password" not in str(error.value)


def test_a_connection_that_broke_is_made_again_at_the_next_call(opened: Open, server: SftpOverFolder) -> None:
    files = opened()
    assert listed(files) == ["VO1"]
    server.drop()
    with pytest.raises(SystemUnavailable):
        listed(files)
    assert listed(files) == ["VO1"]
    assert server.logins == 2


def test_a_server_that_falls_silent_is_not_waited_for_long(opened: Open, server: SftpOverFolder) -> None:
    files = opened(BY_FINGERPRINT | {"timeout_s": 1})
    server.silent.set()
    with pytest.raises(SystemUnavailable):
        listed(files)


def test_no_link_is_followed_there_either(opened: Open, dms: FolderDms, tmp_path: Path) -> None:
    for path in (dms.root / "export").glob("vo_*.csv"):
        path.rename(tmp_path / "secret.csv")
        path.symlink_to(tmp_path / "secret.csv")
    with pytest.raises(IncompleteListing, match="no whole file"):
        listed(opened())
    (dms.root / "export").rename(tmp_path / "elsewhere")
    (dms.root / "export").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SystemUnavailable, match="a link or a file stands"):
        listed(opened())


def test_a_server_that_is_not_there_cannot_be_reached_and_nothing_was_sent(
    opened: Open, server: SftpOverFolder
) -> None:
    files = opened()
    server.__exit__()
    with pytest.raises(SystemUnavailable) as error:
        files.read("VO1")
    assert error.value.unsent


def test_a_file_that_changed_since_it_was_listed_is_another_one(server: SftpOverFolder, dms: FolderDms) -> None:
    secrets = {"fp": server.fingerprint, "pw": PASSWORD}
    transport = open_transport(server.url, settings("csv", sftp=BY_FINGERPRINT), secrets, "the DMS")
    [found] = [found for name, found in transport.listed("export").items() if name.endswith(".csv")]
    assert transport.read("export", found) is not None
    assert transport.read("export", Found(found.name, found.size - 1, found.modified_ns, 0)) is None
    (dms.root / "export" / found.name).unlink()
    assert transport.read("export", found) is None
    transport.close()


def test_what_a_process_left_half_written_there_is_cleared_up(opened: Open, dms: FolderDms) -> None:
    path, other = (dms.root / "import" / name for name in (temporary_name(), ".other.part"))
    path.write_bytes(b"dossier;")
    other.write_bytes(b"dossier;")
    make_old(other, 2 * LEFT_FOR_S)
    assert listed(opened()) == ["VO1"]
    assert path.exists()
    make_old(path, 2 * LEFT_FOR_S)
    assert listed(opened()) == ["VO1"]
    assert (path.exists(), other.exists()) == (False, True)


def test_several_threads_share_one_connection(opened: Open, server: SftpOverFolder) -> None:
    files = opened()
    read: list[object] = []
    threads = [threading.Thread(target=lambda: read.append(files.read("VO1"))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(read) == 6
    assert None not in read
    assert server.logins == 1


@pytest.mark.parametrize(
    "address",
    ["sftp://127.0.0.1/dms", "sftp://u:secret@127.0.0.1/dms", "sftp://u@169.254.169.254/", "sftp://u@h:0/", "/folder"],
)
def test_an_address_that_names_no_user_or_no_place_for_a_stock_is_refused(address: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        FilesSystem(
            settings("csv", sftp=BY_FINGERPRINT),
            address=address,
            secrets={"fp": "x", "pw": "y"},
            point_of_sale_code="S01",
            id_path="dossier",
            reference_path=None,
            clock=PaperClock(),
        )
    assert "secret" not in str(error.value)
