"""Checkpoints: what they hold comes back exactly, damage is noticed, and a full disk costs none that stood."""

import copy
import random

import pytest
import safetensors.torch
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from modiste.lab.training.checkpoints import Progress, Split, Trained, checkpoints, load_newest, save_checkpoint
from modiste.models.weights import tensors as weights


def make(seed=0, width=6, layout=torch.channels_last):
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Conv2d(3, width, 3), nn.BatchNorm2d(width), nn.Conv2d(width, 3, 3)).to(memory_format=layout)
    model[2].bias.requires_grad_(False)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=0.01, fused=True)
    return Trained(model, copy.deepcopy(model), optimizer)


def learn(trained, steps, first=0):
    for step in range(first, first + steps):
        noise = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(step))
        trained.model(noise).square().mean().backward()
        trained.optimizer.step()
        trained.optimizer.zero_grad()


def same(one, other):
    return one.keys() == other.keys() and all(one[name].equal(other[name]) for name in one)


def refuse(sentence):
    raise AssertionError(sentence)


@pytest.fixture
def two_checkpoints(tmp_path):
    """A folder with checkpoints of steps 3 and 5, and the tensors of each."""
    trained, tensors = make(), {}
    for step in (3, 5):
        learn(trained, 2, step)
        tensors[step] = trained.tensors()
        save_checkpoint(tmp_path, tensors[step], Progress(step, 2 * step, 0.5))
    return tmp_path, tensors


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_training_goes_on_from_a_checkpoint_as_without_it(tmp_path, layout):
    whole = make(layout=layout)
    learn(whole, 3)
    save_checkpoint(tmp_path, whole.tensors(), Progress(3, 6, 1.5))
    learn(whole, 4, first=3)
    resumed = make(seed=1, layout=layout)
    assert load_newest(tmp_path, resumed, refuse) == Progress(3, 6, 1.5)
    learn(resumed, 4, first=3)
    assert same(resumed.tensors(), whole.tensors())


def test_a_checkpoint_holds_the_weights_their_average_and_the_optimizer(two_checkpoints):
    folder, tensors = two_checkpoints
    stored = load_file(folder / "step_00000005.safetensors")
    assert same(stored, tensors[5])
    assert {"model.0.weight", "model.1.running_mean", "average.2.bias", "optimizer.0.exp_avg_sq", "optimizer.0.step"} <= set(stored)


def test_the_two_newest_are_kept(two_checkpoints):
    folder, tensors = two_checkpoints
    save_checkpoint(folder, tensors[5], Progress(12))
    assert [path.name for path in checkpoints(folder)] == ["step_00000012.safetensors", "step_00000005.safetensors"]


def spoil(path, how):
    data = bytearray(path.read_bytes())
    if how == "truncated":
        data = data[: len(data) - 100]
    elif how == "empty":
        data = b""
    elif how == "one bit":
        data[-50] ^= 4
    elif how == "header":
        data[0:8] = b"\xff" * 8
    elif how == "metadata":
        save_file(load_file(path), path)
        return
    path.write_bytes(data)


@pytest.mark.parametrize("how", ["truncated", "empty", "one bit", "header", "metadata"])
def test_a_damaged_checkpoint_gives_way_to_the_one_before(two_checkpoints, how):
    folder, tensors = two_checkpoints
    spoil(folder / "step_00000005.safetensors", how)
    told, trained = [], make(seed=1)
    assert load_newest(folder, trained, told.append) == Progress(3, 6, 0.5)
    assert same(trained.tensors(), tensors[3])
    assert len(told) == 1 and "'step_00000005.safetensors' cannot be read" in told[0]


def test_a_wrong_step_is_damage_too(two_checkpoints):
    folder, _ = two_checkpoints
    newest = folder / "step_00000005.safetensors"
    before = newest.read_bytes()
    newest.write_bytes(before.replace(rb"\"step\": 5", rb"\"step\": 7"))
    assert newest.read_bytes() != before
    assert load_newest(folder, make(), lambda sentence: None).step == 3


def test_no_readable_checkpoint_is_a_sentence(two_checkpoints):
    folder, _ = two_checkpoints
    for path in checkpoints(folder):
        spoil(path, "truncated")
    with pytest.raises(ValueError, match=r"None of the checkpoints in .* can be read"):
        load_newest(folder, make(), lambda sentence: None)


def test_random_damage_is_always_noticed(two_checkpoints):
    folder, tensors = two_checkpoints
    newest = folder / "step_00000005.safetensors"
    whole, dice = newest.read_bytes(), random.Random(0)
    for _ in range(60):
        data = bytearray(whole)
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        newest.write_bytes(data[: dice.choice([len(data), dice.randrange(len(data))])])
        trained = make(seed=1)
        progress = load_newest(folder, trained, lambda sentence: None)
        # A bit may flip where nothing is read, such as the header's padding; then all is as it was.
        assert same(trained.tensors(), tensors[progress.step])


@pytest.mark.parametrize("width", [4, 8])
def test_a_checkpoint_of_another_model_is_a_sentence(two_checkpoints, width):
    with pytest.raises(ValueError, match="is of another model"):
        load_newest(two_checkpoints[0], make(width=width), refuse)


def full_disk(tensors, path, metadata=None):
    with open(path, "wb") as file:  # noqa: PTH123 - as the library does
        file.write(b"half")
    raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")


def test_a_full_disk_leaves_the_checkpoints_that_stood(two_checkpoints, monkeypatch):
    folder, tensors = two_checkpoints
    monkeypatch.setattr(weights, "save_file", full_disk)
    with pytest.raises(ValueError, match=r"No space left on device.*has space"):
        save_checkpoint(folder, tensors[5], Progress(9))
    assert sorted(path.name for path in folder.iterdir()) == ["step_00000003.safetensors", "step_00000005.safetensors"]
    monkeypatch.undo()
    assert load_newest(folder, make(), refuse).step == 5


def test_a_process_killed_while_writing_leaves_no_checkpoint(two_checkpoints, monkeypatch):
    folder, tensors = two_checkpoints

    def killed(*arguments, **names):
        save_file(*arguments, **names)
        raise KeyboardInterrupt

    monkeypatch.setattr(weights, "save_file", killed)
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(folder, tensors[5], Progress(9))
    assert [path.name[:13] for path in checkpoints(folder)] == ["step_00000005", "step_00000003"]


def test_a_split_optimizer_is_joined_and_shared_out_again(tmp_path):
    """Two processes as ZeRO-2 has them: each holds half of one flat parameter, and the model holds rounded weights."""
    weights = [(torch.arange(4.0) + 4 * process).requires_grad_() for process in (0, 1)]
    optimizers = [torch.optim.AdamW([mine], lr=0.1) for mine in weights]
    for mine, optimizer in zip(weights, optimizers, strict=True):
        mine.grad = mine.detach() + 1
        optimizer.step()
    states = [optimizer.state[mine] for mine, optimizer in zip(weights, optimizers, strict=True)]
    pairs = [[state[name] for state in states] for name in ("exp_avg", "exp_avg_sq")] + [weights]

    def gather(tensor):
        return next(torch.cat(pair) for pair in pairs if any(tensor is part for part in pair))

    model = nn.Linear(8, 1, bias=False).bfloat16()
    stored = Trained(model, model, optimizers[0], Split(0, 2, gather)).tensors()
    assert stored["optimizer.0.weights"].equal(torch.cat(weights)) and stored["optimizer.0.exp_avg"].shape == (8,)
    expected = [[pair[number].detach().clone() for pair in pairs] for number in (0, 1)]
    for number in (0, 1):
        mine = torch.zeros(4, requires_grad=True)
        fresh = Trained(
            nn.Linear(8, 1, bias=False), nn.Linear(8, 1, bias=False), torch.optim.AdamW([mine]), Split(number, 2, gather)
        )
        fresh.restore(stored)
        found = [fresh.optimizer.state[mine]["exp_avg"], fresh.optimizer.state[mine]["exp_avg_sq"], mine]
        assert all(one.equal(other) for one, other in zip(found, expected[number], strict=True))


def test_weights_for_use_are_half_precision_and_whole_numbers_stay(tmp_path):
    path = tmp_path / "w.safetensors"
    weights.save_half({"a": torch.ones(3), "b": torch.arange(2)}, path, {"kind": "toy"})
    stored = load_file(path)
    assert (stored["a"].dtype, stored["b"].dtype) == (torch.float16, torch.int64)
    with safetensors.safe_open(path, framework="pt") as file:
        assert file.metadata() == {"kind": "toy"}


@pytest.mark.parametrize("value", [1e6, float("nan")])
def test_weights_that_fp16_cannot_hold_are_not_written(tmp_path, value):
    with pytest.raises(ValueError, match="'a' is too large for fp16"):
        weights.save_half({"a": torch.tensor([1.0, value])}, tmp_path / "w.safetensors", {})
    assert not list(tmp_path.iterdir())
