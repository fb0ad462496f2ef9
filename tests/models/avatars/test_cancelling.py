"""Every step that may take more than a moment asks now and then whether it shall go on."""

import pytest

from modiste.models.avatars import align_head, compose, sample_gaussians, transfer_skin_tone
from modiste.models.avatars.exchange import inherit
from modiste.models.avatars.files import save_avatar
from modiste.models.avatars.skinning import rig


class CancelledError(Exception):
    pass


STEPS = {
    "sample": lambda user, model, folder, progress: sample_gaussians(user.mesh, 500, 0, progress),
    "inherit": lambda user, model, folder, progress: inherit(user, user, progress),
    "rig": lambda user, model, folder, progress: rig(user, progress=progress),
    "align": lambda user, model, folder, progress: align_head(user, model, progress=progress),
    "compose": lambda user, model, folder, progress: compose(model, model, progress=progress),
    "tone": lambda user, model, folder, progress: transfer_skin_tone(user, model, "per_part", progress=progress),
    "save": lambda user, model, folder, progress: save_avatar(folder / "me.ply", user, progress=progress),
}


@pytest.mark.parametrize("name", STEPS)
def test_a_step_can_be_cancelled_from_its_beginning_to_its_end(user, model, tmp_path, name):
    told = []
    STEPS[name](user, model, tmp_path, lambda done, total: told.append((done, total)))
    assert len(told) >= 3
    assert all(0 <= done <= total for done, total in told)
    for last in (1, len(told) // 2, len(told)):
        left = iter(range(last - 1))

        def cancel(done, total, left=left):
            if next(left, None) is None:
                raise CancelledError

        with pytest.raises(CancelledError):
            STEPS[name](user, model, tmp_path, cancel)
