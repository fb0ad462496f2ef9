"""Settings: what a TOML file may say, and the sentence where it says something else."""

import dataclasses
from dataclasses import dataclass
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modiste.lab.training.config import Config, parse, read_config, write_config
from modiste.lab.training.task import load_task, task_names

LEAST = "steps = 10\nbatch = 2\nlearning_rate = 1e-3\n"


def read(tmp_path, text):
    path = tmp_path / "settings.toml"
    path.write_text(text)
    return read_config(path)


def test_a_file_is_read_with_types_and_defaults(tmp_path):
    config = read(tmp_path, LEAST + 'clip = 2\nbetas = [0.5, 0]\nschedule = "constant"\n[task]\nsize = [1, 2]')
    assert (config.steps, config.batch, config.learning_rate) == (10, 2, 0.001)
    assert config.clip == 2.0 and type(config.clip) is float
    assert config.betas == (0.5, 0.0)
    assert config.schedule == "constant" and config.task == {"size": [1, 2]}
    assert config.seed == 0 and config.ema == 0.999


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("steps = 10\nbatch = 2\n", "lacks the setting 'learning_rate'"),
        (LEAST + "bach = 3\n", "unknown setting 'bach'"),
        (LEAST + "workers = true\n", "'workers' in .* is True: it should be a whole number"),
        (LEAST + "seed = 1.0\n", "'seed' in .* is 1.0: it should be a whole number"),
        (LEAST + 'clip = "1"\n', "'clip' in .* is '1': it should be a number"),
        (LEAST + "clip = inf\n", "'clip' in .* is inf: it should be a number"),
        (LEAST + "channels_last = 1\n", "'channels_last' in .* is 1: it should be true or false"),
        (LEAST + "betas = [0.9]\n", "'betas' in .* should be a list of 2"),
        (LEAST + 'betas = ["a", 0.9]\n', "'betas' in .* is 'a': it should be a number"),
        (LEAST + "betas = 0.9\n", "'betas' in .* should be a list"),
        (LEAST + "task = 3\n", "'task' in .* is 3: it should be a table"),
        (LEAST + 'schedule = "linear"\n', "is 'linear': choose 'constant' or 'cosine'"),
        (LEAST + 'precision = "fp16"\n', "is 'fp16': choose 'no' or 'bf16'"),
        (LEAST + "ema = 1.0\n", "'ema' should be"),
        (LEAST + "betas = [0.9, 1.0]\n", "'betas' should be"),
        (LEAST + "accumulation = 0\n", "'accumulation' should be at least 1"),
        (LEAST + "warmup = -1\n", "'warmup' should be zero or more"),
        (LEAST + "checkpoint_minutes = 0\n", "'checkpoint_minutes' should be more than zero"),
        ("steps 10", "no TOML file"),
    ],
)
def test_a_wrong_setting_is_named_with_its_file(tmp_path, text, told):
    with pytest.raises(ValueError, match=told) as error:
        read(tmp_path, text)
    assert "settings.toml" in str(error.value) and "\n" not in str(error.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no\.toml"):
        read_config(tmp_path / "no.toml")


finite = st.floats(allow_nan=False, allow_infinity=False)
values = st.one_of(st.text(), st.integers(-(2**53), 2**53), st.booleans(), finite, st.lists(finite))


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.text(min_size=1), values, max_size=4), st.floats(1e-12, 1e12))
def test_what_is_written_is_read_back(tmp_path_factory, task, rate):
    config = Config(steps=3, batch=1, learning_rate=rate, task=task)
    path = tmp_path_factory.mktemp("settings") / "config.toml"
    write_config(config, path)
    assert read_config(path) == config


def test_a_tasks_settings_are_checked_like_the_others():
    @dataclass(frozen=True)
    class Settings:
        size: tuple[int, int] = (1, 2)
        kind: ClassVar[str] = "a"

    assert parse(Settings, {"size": [3, 4]}, "[task]") == Settings((3, 4))
    for wrong in ({"size": [3.5, 4]}, {"kind": "b"}):
        with pytest.raises(ValueError, match=r"\[task\]"):
            parse(Settings, wrong, "[task]")


@pytest.mark.parametrize("name", task_names())
def test_every_model_has_settings_that_its_task_takes(name):
    task, config = load_task(name)
    assert {field.name for field in dataclasses.fields(task)} >= set(config.task)
    assert task.kind and task.architecture
    assert all(hasattr(task, method) for method in ("build", "dataset", "loss", "sample_sheet", "export"))


def test_an_unknown_model_is_told_with_those_there_are():
    with pytest.raises(ValueError, match=r"no model 'vase' to train: choose base, base-vae"):
        load_task("vase")
