"""GarmNet against a plain UNet that is looked into from outside."""

import copy

import pytest
import torch

from modiste.models.restoration.garm_net import GarmNet, build_garm_net, check_base, resized_mask, widened

from .conftest import NARROW, PLACES, one_sentence, seeded


def averaged(mask, height, width):
    """Return a mask [B, H, W] as the means of equal rectangles of it [B, height, width]."""
    count, rows, columns = mask.shape
    return mask.reshape(count, height, rows // height, width, columns // width).mean((2, 4))


@pytest.fixture
def net():
    torch.manual_seed(1)
    return GarmNet(build_garm_net(NARROW).unet.eval().requires_grad_(False))


def inputs(size=(16, 12), count=2, factor=8):
    mask = torch.rand(count, factor * size[0], factor * size[1], generator=torch.Generator().manual_seed(3))
    return seeded(count, 4, *size, seed=1), mask, seeded(count, 7, 20, seed=2)


@pytest.mark.parametrize("size", [(16, 12), (13, 9)], ids=["even", "odd"])
@pytest.mark.parametrize("factor", [1, 8], ids=["mask of the latent's size", "mask of the picture's size"])
def test_features_are_what_goes_into_every_self_attention_of_a_plain_unet(net, size, factor):
    plain = copy.deepcopy(net.unet)  # with diffusers' own processors
    latent, mask, text = inputs(size, factor=factor)
    seen = {}
    for path, place in PLACES.items():
        layer = plain.get_submodule(f"{path}.transformer_blocks.0.attn1.to_q")
        layer.register_forward_hook(lambda module, given, _, place=place: seen.update({place: given[0]}))
    plain(torch.cat([latent, averaged(mask, *size)[:, None]], 1), 0, encoder_hidden_states=text)
    features = net(latent, mask, text)
    assert features.keys() == seen.keys() and len(seen) == 16
    for place, feature in features.items():
        assert feature.ndim == 4
        torch.testing.assert_close(feature.flatten(2).transpose(1, 2), seen[place], rtol=0, atol=1e-5)


def test_features_are_maps_row_by_row(net):
    latent, mask, text = inputs((16, 12), count=1)
    sizes = {tuple(feature.shape[2:]) for feature in net(latent, mask, text).values()}
    assert sizes == {(16, 12), (8, 6), (4, 3), (2, 2)}


def test_a_mask_of_any_size_is_averaged_over_what_each_place_covers():
    mask = torch.zeros(1, 6, 4)
    mask[0, 0, 0] = mask[0, 4:, 2:] = 1
    expected = torch.tensor([[0.25, 0.0], [0.0, 0.0], [0.0, 1.0]])
    assert torch.equal(resized_mask(mask, 3, 2), expected[None, None])


def test_the_mask_points_and_hides_nothing(net):
    latent, mask, text = inputs(count=1)
    mask[:] = 0
    mask[..., :48] = 1
    other = latent.clone()
    other[..., 8:] += 1  # where the mask is black
    before = net(latent, mask, text)
    assert all((net(other, mask, text)[place] - before[place]).abs().max() > 1e-3 for place in before)
    moved = net(latent, 1 - mask, text)
    assert all((moved[place] - before[place]).abs().max() > 1e-3 for place in before)


def test_a_row_of_a_batch_is_what_it_is_alone(net):
    latent, mask, text = inputs(count=2)
    together = net(latent, mask, text)
    for row in range(2):
        alone = net(latent[row : row + 1], mask[row : row + 1], text[row : row + 1])
        for place in together:
            torch.testing.assert_close(together[place][row], alone[place][0], rtol=0, atol=1e-5)


def test_it_takes_one_channel_more_than_its_base(unet):
    wider = widened(unet)
    assert wider.config.in_channels == 5 and wider.conv_in.weight.shape == (8, 5, 3, 3)
    shapes = {name: weight.shape for name, weight in unet.state_dict().items() if name != "conv_in.weight"}
    assert shapes == {name: weight.shape for name, weight in wider.state_dict().items() if name != "conv_in.weight"}


@pytest.mark.parametrize("mask", [torch.zeros(2, 1, 16, 12), torch.ones(2, 1, 16, 12), 100 * seeded(2, 1, 16, 12)])
def test_a_widened_unet_is_its_base_whatever_the_mask(unet, mask):
    before = {name: weight.clone() for name, weight in unet.state_dict().items()}
    latent, _, text = inputs()
    predicted = widened(unet)(torch.cat([latent, mask], 1), 400, encoder_hidden_states=text).sample
    torch.testing.assert_close(predicted, unet(latent, 400, encoder_hidden_states=text).sample, rtol=0, atol=1e-6)
    assert all(torch.equal(weight, before[name]) for name, weight in unet.state_dict().items())


def test_a_widened_unet_has_weights_of_its_own(unet):
    wider = widened(unet)
    with torch.no_grad():
        wider.conv_out.bias += 1
        wider.conv_in.weight[:, :4] += 1
    assert torch.equal(widened(unet).conv_in.weight[:, :4], unet.conv_in.weight)
    assert torch.equal(widened(unet).conv_out.bias, unet.conv_out.bias)


def test_all_that_a_feature_depends_on_is_learnt_and_nothing_else(net):
    names, weights = zip(*net.unet.requires_grad_(True).named_parameters(), strict=True)
    total = sum(feature.square().mean() for feature in net(*inputs(count=1)).values())
    gradients = torch.autograd.grad(total, weights, allow_unused=True)
    needed = {name for name, gradient in zip(names, gradients, strict=True) if gradient is not None}
    assert net.learn() is net
    learnt = {name for name, weight in net.unet.named_parameters() if weight.requires_grad}
    assert learnt == needed
    assert "conv_in.weight" in learnt and "conv_out.weight" not in learnt


def test_its_base_is_asked_for_by_the_numbers_that_differ(net):
    assert net.text_width == 20
    net.check(channels=4, width=20)
    with pytest.raises(ValueError, match=r"latents of 16 channels where the network takes 4: use the VAE of its base") as error:
        net.check(channels=16, width=20)
    one_sentence(error)
    with pytest.raises(ValueError, match="for inpainting") as error:  # whose UNet takes nine
        check_base(build_garm_net(net.unet.config | {"in_channels": 8}).unet, channels=4, width=20)
    one_sentence(error)
    with pytest.raises(ValueError, match=r"text is 768 wide where the network takes 20: use the CLIP of its base") as error:
        net.check(channels=4, width=768)
    one_sentence(error)
