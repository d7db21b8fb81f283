"""A place is taken for private only where nobody else can decide what lies there."""

import os
import stat
import sys

import pytest
from hypothesis import given, strategies as st

from wengert.storage import ownership
from wengert.storage.ownership import why_not_private

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither owners nor modes")
modes = st.sampled_from([0o700, 0o755, 0o750, 0o770, 0o777, 0o1777, 0o2775, 0o702])


@pytest.fixture(autouse=True)
def _no_group_of_ones_own(monkeypatch):
    monkeypatch.setattr(ownership, "_is_own_group", lambda number: False)


@given(st.lists(modes, min_size=1, max_size=4))
def test_the_mode_of_every_directory_counts(tmp_path_factory, chain):
    place = tmp_path_factory.mktemp("chain")
    for level, mode in enumerate(chain):
        place = place / str(level)
        place.mkdir()
        place.chmod(mode)
    writable = [bool(mode & 0o022) for mode in chain]
    sticky = [bool(mode & stat.S_ISVTX) for mode in chain]
    above = any(w and not s for w, s in zip(writable[:-1], sticky[:-1], strict=True))
    assert bool(why_not_private(place)) == (above or writable[-1])


def test_a_link_counts_with_all_that_it_leads_through(tmp_path):
    private, public = tmp_path / "private", tmp_path / "public"
    for place, mode in ((private, 0o700), (public, 0o777)):
        (place / "code").mkdir(parents=True, mode=0o700)
        place.chmod(mode)
    links = tmp_path / "links"
    links.mkdir()
    for name, target in {
        "safe": "../private/code",
        "unsafe": public / "code",
        "round": "round",
    }.items():
        (links / name).symlink_to(target)
    (public / "back").symlink_to(private / "code")
    (links / "through").symlink_to(public / "back")
    assert why_not_private(links / "safe") == ""
    assert "public can be written" in why_not_private(links / "unsafe")
    # Whoever can write in `public` can turn the second link elsewhere.
    assert "public can be written" in why_not_private(links / "through")
    with pytest.raises(OSError, match="symbolic links"):
        why_not_private(links / "round")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")
def test_what_belongs_to_others_is_not_private(tmp_path):
    for level in ("a", "a/b", "a/b/c"):
        (tmp_path / level).mkdir(mode=0o700)
    assert why_not_private(tmp_path / "a/b/c") == ""
    for level in ("a", "a/b", "a/b/c"):
        os.chown(tmp_path / level, 65534, 65534)
        assert "belongs to another user" in why_not_private(tmp_path / "a/b/c")
        os.chown(tmp_path / level, 0, 0)
    (tmp_path / "link").symlink_to("a/b/c")
    os.chown(tmp_path / "link", 65534, 65534, follow_symlinks=False)
    assert "link belongs to another user" in why_not_private(tmp_path / "link")


def test_the_users_own_group_may_write_but_no_other(tmp_path, monkeypatch):
    monkeypatch.setattr(ownership, "_is_own_group", lambda number: number == tmp_path.stat().st_gid)
    (tmp_path / "code").mkdir()
    (tmp_path / "code").chmod(0o775)
    assert why_not_private(tmp_path / "code") == ""
    (tmp_path / "code").chmod(0o777)
    assert "can be written" in why_not_private(tmp_path / "code")
