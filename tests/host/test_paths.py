"""Names from a workflow stay inside their folder, and new files get free numbers."""

import os
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modiste.host.paths import find_file, find_readable, inside, list_files, list_readable, numbered_path

HOSTILE = ["/etc/passwd", "../a.ply", "a/../../b.ply", "..\\b.ply", "C:\\b.ply", "C:b.ply", "\\\\host\\share\\b.ply", "\\b.ply"]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_that_leads_out_is_refused_in_one_sentence(tmp_path, name):
    with pytest.raises(ValueError, match=r"leads out of the input folder: [^.]+'\.\.'\.$"):
        inside(tmp_path, name, "input")


@pytest.mark.parametrize("name", ["", "  ", "a\0.ply", "a" * 300, "\ud800.ply"])
def test_a_name_that_no_file_can_have_is_refused(tmp_path, name):
    with pytest.raises(ValueError, match="cannot be the name of a file"):
        inside(tmp_path, name, "input")


def test_a_link_out_of_the_folder_is_refused_and_not_listed(tmp_path):
    (tmp_path / "input").mkdir()
    (tmp_path / "secret.ply").write_bytes(b"ply")
    (tmp_path / "input" / "link.ply").symlink_to(tmp_path / "secret.ply")
    (tmp_path / "input" / "folder").symlink_to(tmp_path, target_is_directory=True)
    for name in ("link.ply", "folder/secret.ply"):
        with pytest.raises(ValueError, match="through a link"):
            inside(tmp_path / "input", name, "input")
    assert list_files(tmp_path / "input", (".ply",)) == []


@given(st.text(max_size=30) | st.text(alphabet="./\\:a~", max_size=12))
def test_any_name_stays_inside_or_is_refused(tmp_path_factory, name):
    folder = tmp_path_factory.getbasetemp()
    try:
        path = inside(folder, name, "input")
    except ValueError:
        return
    assert os.path.commonpath([folder.resolve(), os.path.normpath(path)]) == str(folder.resolve())


def test_a_missing_file_names_the_folder_to_put_it_in(tmp_path):
    with pytest.raises(FileNotFoundError, match=f"There is no file 'a.ply' in the input folder '{tmp_path}'"):
        find_file([tmp_path, tmp_path / "other"], "a.ply", "input")


def test_the_first_folder_that_has_the_file_wins(tmp_path):
    for folder in ("first", "second"):
        (tmp_path / folder).mkdir()
    (tmp_path / "second" / "a.ply").touch()
    folders = [tmp_path / "first", tmp_path / "second"]
    assert find_file(folders, "a.ply", "model") == (tmp_path / "second" / "a.ply").resolve()
    (tmp_path / "first" / "a.ply").touch()
    assert find_file(folders, "a.ply", "model") == (tmp_path / "first" / "a.ply").resolve()


def test_files_are_listed_by_suffix_two_subfolders_deep_without_hidden_ones(tmp_path):
    for name in ("b.PLY", "a.ply", "a.png", "x/c.ply", "x/y/d.ply", "x/y/z/e.ply", ".hidden.ply", ".cache/f.ply"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert list_files(tmp_path, (".ply",)) == ["a.ply", "b.PLY", "x/c.ply", "x/y/d.ply"]
    assert list_files(tmp_path / "missing", (".ply",)) == []


def test_saved_files_are_listed_and_found_by_their_mark(tmp_path):
    (tmp_path / "input").mkdir()
    (tmp_path / "output" / "modiste").mkdir(parents=True)
    (tmp_path / "input" / "a.ply").touch()
    saved = tmp_path / "output" / "modiste" / "b.ply"
    saved.touch()
    names = list_readable(tmp_path / "input", tmp_path / "output", (".ply",))
    assert names == ["a.ply", "modiste/b.ply [output]"]
    assert find_readable(tmp_path / "input", tmp_path / "output", names[1]) == saved.resolve()
    with pytest.raises(ValueError, match="leads out of the output folder"):
        find_readable(tmp_path / "input", tmp_path / "output", "../input/a.ply [output]")


def test_numbers_go_on_after_the_highest_as_in_comfyui(tmp_path):
    path, name = numbered_path(tmp_path, "modiste/avatar", ".ply")
    assert (name, path.parent.is_dir()) == ("modiste/avatar_00001_.ply", True)
    for taken in ("avatar_00002_.png", "avatar_00007_.ply", "avatar_x_.ply", "other_00030_.ply"):
        (tmp_path / "modiste" / taken).touch()
    assert numbered_path(tmp_path, "modiste/avatar", ".ply")[1] == "modiste/avatar_00008_.ply"


def test_a_number_given_out_before_is_not_given_again(tmp_path):
    first, _ = numbered_path(tmp_path, "avatar", ".ply")
    assert numbered_path(tmp_path, "avatar", ".ply", taken=[first])[1] == "avatar_00002_.ply"


@pytest.mark.parametrize("prefix", [".", "modiste/"])
def test_a_prefix_without_a_file_name_is_refused(tmp_path, prefix):
    (tmp_path / "modiste").mkdir()
    with pytest.raises(ValueError, match="names a folder: add a name"):
        numbered_path(tmp_path, prefix, ".ply")


def test_an_output_folder_that_is_a_file_is_refused_in_one_sentence(tmp_path):
    (tmp_path / "modiste").touch()
    with pytest.raises(ValueError, match=r"cannot be used .*: choose a folder that can be written to"):
        numbered_path(tmp_path, "modiste/avatar", ".ply")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs a user whom file permissions bind")
def test_a_read_only_output_folder_is_refused_in_one_sentence(tmp_path):
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(ValueError, match="cannot be used"):
        numbered_path(tmp_path, "modiste/avatar", ".ply")
