"""The shipped body comes out of the baking script again; needs the lab's packages."""

import pytest
import torch
from safetensors.torch import load_file

from modiste.models.body.modiste import BODY_FILE


@pytest.fixture(scope="module")
def baked(tmp_path_factory):
    pytest.importorskip("anny", reason="needs requirements-lab.txt")
    from modiste.lab.baking.body import main

    path = tmp_path_factory.mktemp("baked") / "body.safetensors"
    main(path)
    return load_file(path)


def test_baking_again_gives_the_shipped_body(baked):
    shipped = load_file(BODY_FILE)
    assert {name: (tensor.shape, tensor.dtype) for name, tensor in baked.items()} == {
        name: (tensor.shape, tensor.dtype) for name, tensor in shipped.items()
    }
    for name in ("faces", "uv", "uv_faces", "weight_values", "weight_joints", "parts"):
        assert torch.equal(baked[name], shipped[name]), name
    for name in ("template", "template_joints"):
        torch.testing.assert_close(baked[name], shipped[name], atol=1e-6, rtol=0)
    # Another linear algebra library may round the axes of small deviations otherwise; the people they describe stay the same.
    torch.testing.assert_close(people(baked), people(shipped), atol=1e-4, rtol=0)


def people(tensors):
    """Positions of the first 16 grid phenotypes, in metres from the template."""
    directions = tensors["shape_directions"].flatten(1).float() * tensors["shape_scales"][:, None]
    return tensors["phenotype_shapes"].flatten(0, -2)[:16] @ directions
