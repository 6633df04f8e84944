"""Where the command line finds its project, and when it refuses to start."""

from pathlib import Path

import pytest

from headway_cli.errors import HeadwayError, WrongUseError
from headway_cli.project import find_project, free_bytes, require_free_space, sandbox_port


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "team" / "deep").mkdir(parents=True)
    (tmp_path / "team" / "Pulumi.yaml").write_text("name: headway\n", "utf-8")
    return tmp_path / "team"


def test_the_project_is_the_nearest_folder_above_with_a_pulumi_file(checkout: Path) -> None:
    project = find_project(checkout / "deep", {})

    assert project.root == checkout
    assert project.home == checkout / ".headway"
    assert project.program_root == checkout


def test_a_home_of_ones_own_is_used_wherever_one_is(checkout: Path, tmp_path: Path) -> None:
    elsewhere = find_project(tmp_path, {"HEADWAY_HOME": str(tmp_path / "home")})

    assert elsewhere.home == tmp_path / "home"
    assert elsewhere.root is None
    assert find_project(checkout, {"HEADWAY_HOME": str(tmp_path / "home")}).root == checkout


def test_without_project_and_home_one_is_told_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(HeadwayError, match=r"no Pulumi\.yaml in .* or above it; go to a Headway project"):
        find_project(tmp_path, {})


@pytest.mark.parametrize(
    ("environment", "cache"),
    [
        ({"HEADWAY_CACHE": "/own", "XDG_CACHE_HOME": "/shared"}, Path("/own")),
        ({"XDG_CACHE_HOME": "/shared"}, Path("/shared/headway")),
        ({"XDG_CACHE_HOME": ""}, Path.home() / ".cache" / "headway"),
        ({}, Path.home() / ".cache" / "headway"),
    ],
)
def test_the_cache_is_the_users(checkout: Path, environment: dict[str, str], cache: Path) -> None:
    assert find_project(checkout, environment).cache == cache


@pytest.mark.parametrize("port", ["", "http", "-1", "65536", "4566.0", "٤٥٦٦"])
def test_a_port_that_is_none_is_wrong_use(monkeypatch: pytest.MonkeyPatch, port: str) -> None:
    monkeypatch.setenv("HEADWAY_SANDBOX_PORT", port)

    with pytest.raises(WrongUseError, match="HEADWAY_SANDBOX_PORT"):
        sandbox_port()


def test_a_full_disk_is_refused_with_both_figures(tmp_path: Path) -> None:
    place = tmp_path / "not" / "there" / "yet"
    require_free_space(place, minimum_bytes=1)

    with pytest.raises(HeadwayError, match=r"GiB are free where .* GiB are needed; free some space"):
        require_free_space(place, minimum_bytes=free_bytes(place) * 2)
