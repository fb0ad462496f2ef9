import os

import pytest

from modiste.models.files import atomic_write, existing_file, fingerprint


def test_a_written_file_takes_the_place_of_the_old_one_and_leaves_nothing_else(tmp_path):
    target = tmp_path / "avatar.ply"
    target.write_text("old")
    with atomic_write(target) as temporary:
        assert temporary.parent == tmp_path and temporary.suffix == ".ply"
        temporary.write_text("new")
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt])
def test_a_failure_keeps_the_old_file_and_removes_the_temporary_one(tmp_path, failure):
    target = tmp_path / "avatar.ply"
    target.write_text("old")
    with pytest.raises(failure), atomic_write(target) as temporary:
        temporary.write_text("half")
        raise failure
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_full_disk_is_one_sentence_that_names_the_folder(tmp_path):
    with pytest.raises(ValueError, match="No space left") as caught, atomic_write(tmp_path / "avatar.ply") as temporary:
        temporary.write_text("half")
        raise OSError(28, os.strerror(28))
    assert str(tmp_path) in str(caught.value) and "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("folder", ["missing", "file"])
def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path, folder):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(ValueError, match=folder), atomic_write(tmp_path / folder / "avatar.ply") as temporary:
        temporary.write_text("new")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="permissions do not bind this user")
def test_a_read_only_folder_is_one_sentence(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(ValueError, match="Permission denied"), atomic_write(tmp_path / "avatar.ply") as temporary:
            temporary.write_text("new")
    finally:
        tmp_path.chmod(0o700)


def test_trouble_with_another_file_is_not_blamed_on_the_folder(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_write(tmp_path / "avatar.ply"):
        (tmp_path / "source.png").read_bytes()


def test_a_missing_file_is_named_with_its_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file 'a\.ply' in the folder") as caught:
        existing_file(tmp_path / "a.ply")
    assert str(tmp_path) in str(caught.value)


def test_a_folder_is_not_a_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        existing_file(tmp_path)


def test_the_fingerprint_changes_when_the_file_does(tmp_path):
    path = tmp_path / "a.ply"
    path.write_text("one")
    before = fingerprint(path)
    assert fingerprint(path) == before
    path.write_text("three")
    assert fingerprint(path) != before
