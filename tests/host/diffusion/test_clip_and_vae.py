"""CLIP and VAE: what core's nodes read from them, against transformers and diffusers used directly."""

import pytest
import torch

from modiste.models.base.tokenizer import padded_tokens

PROMPT = "a woman wearing a red skirt"


def encoded(clip, text):
    [[states, extra]] = clip.encode_from_tokens_scheduled(clip.tokenize(text))
    return states, extra["pooled_output"]


def direct(encoder, text):
    with torch.no_grad():
        return encoder(torch.tensor([padded_tokens(text)]), output_hidden_states=True)


def test_a_prompt_is_the_encoders_last_states_and_the_state_of_its_end(clip, encoder):
    states, pooled = encoded(clip, PROMPT)
    expected = direct(encoder, PROMPT)
    assert torch.allclose(states, expected.last_hidden_state, atol=1e-5)
    assert torch.allclose(pooled, expected.last_hidden_state[:, 7], atol=1e-5)  # six words lie between start and end


def test_a_weight_moves_its_words_away_from_the_empty_prompt(clip, encoder):
    states, pooled = encoded(clip, "a woman wearing a (red:1.5) skirt")
    plain, empty = (direct(encoder, text).last_hidden_state for text in (PROMPT, ""))
    expected = plain.clone()
    expected[:, 5] = empty[:, 5] + 1.5 * (plain[:, 5] - empty[:, 5])
    assert torch.allclose(states, expected, atol=1e-5)
    assert torch.allclose(pooled, plain[:, 7], atol=1e-5)


def test_a_long_prompt_is_its_chunks_side_by_side_with_the_firsts_end_state(clip, encoder):
    states, pooled = encoded(clip, "red " * 80)
    first, second = (direct(encoder, "red " * count).last_hidden_state for count in (75, 5))
    assert torch.allclose(states, torch.cat([first, second], dim=1), atol=1e-5)
    assert torch.allclose(pooled, first[:, 76], atol=1e-5)


@pytest.mark.parametrize(("layer", "hidden"), [(-1, 4), (-2, 3), (-4, 1), (-5, 4), (-24, 4)])
def test_layers_are_counted_from_the_last_and_normed(clip, encoder, layer, hidden):
    clip.clip_layer(layer)
    states, pooled = encoded(clip, PROMPT)
    expected = direct(encoder, PROMPT)
    norm = getattr(encoder, "text_model", encoder).final_layer_norm
    hidden_states = torch.as_tensor(expected.hidden_states[hidden]) if hidden < 4 else None
    wanted = expected.last_hidden_state if hidden_states is None else norm(hidden_states)
    assert torch.allclose(states, wanted, atol=1e-5)
    assert torch.allclose(pooled, expected.last_hidden_state[:, 7], atol=1e-5)


def test_a_layer_chosen_on_a_clone_stays_on_it(clip):
    before, _ = encoded(clip, PROMPT)
    clip.clone().clip_layer(-2)
    assert torch.equal(encoded(clip, PROMPT)[0], before)


def test_encoding_takes_the_likeliest_latents_of_the_middle(vae, autoencoder):
    image = torch.rand(2, 37, 50, 3, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = autoencoder.encode(image[:, 2:34, 1:49].movedim(-1, 1) * 2 - 1).latent_dist.mean
    assert torch.allclose(vae.encode(image), expected, atol=1e-5)
    assert expected.shape == (2, 16, 4, 6)


def test_decoding_gives_images_between_0_and_1(vae, autoencoder):
    latents = torch.randn(2, 16, 4, 6, generator=torch.Generator().manual_seed(0)) * 9
    with torch.no_grad():
        expected = (autoencoder.decode(latents).sample / 2 + 0.5).movedim(1, -1)
    image = vae.decode(latents)
    assert torch.allclose(image, expected.clamp(0, 1), atol=1e-5)
    assert expected.max() > 1 or expected.min() < 0


def test_an_image_smaller_than_one_latent_is_refused(vae):
    with pytest.raises(ValueError, match=r"^The image is only 7 pixels wide or high: give one of at least 8\.$"):
        vae.encode(torch.zeros(1, 16, 7, 3))
