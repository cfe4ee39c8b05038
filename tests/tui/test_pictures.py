"""Every scene at its sizes: the picture as it was accepted, and the words it must have."""

from __future__ import annotations

import pytest
from console.page import open_page
from console.pictures import FOLDER
from console.scenes import Scene, pictures
from syrupy.assertion import SnapshotAssertion

PICTURES = pictures()


@pytest.mark.parametrize(("name", "scene", "size"), PICTURES, ids=[name for name, _, _ in PICTURES])
async def test_a_scene_looks_as_it_was_accepted(
    name: str,
    scene: Scene,
    size: tuple[int, int],
    picture: SnapshotAssertion,
    request: pytest.FixtureRequest,
) -> None:
    """The words first: an update of all pictures cannot hide that a fact is gone."""
    if scene.no_color:
        request.getfixturevalue("no_color")
    async with open_page(**{"size": size, **scene.options}) as page:
        await scene.act(page)
        for words in scene.says:
            assert words in page.text, f"{words!r} is not on the screen:\n{page.text}"
        assert all(len(line) <= size[0] for line in page.lines)
        assert page.svg() == picture(name=name)


def test_every_picture_has_its_scene() -> None:
    """Pictures that no scene asks for any more are deleted by hand, with the scene."""
    known = {f"{name}.svg" for name, _, _ in PICTURES}
    assert {path.name for path in FOLDER.glob("*.svg")} <= known
