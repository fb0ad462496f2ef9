"""Trains the models of this pack: one loop for all of them, a task for each.

A task (`task.py` has the protocol, `tasks/` the tasks) says what is built, what it reads, its loss, its sample sheet and how its
weights are written. The settings come from a TOML file (`config.py`, `configs/`). `loop.py` trains on Accelerate, in one process
or several; `order.py` decides which samples a step sees and its random numbers, `optimization.py` how weights move.

    python modiste.py train MODEL --data wardrobe --output NAME.safetensors [--config FILE] [--steps N]
    python modiste.py train MODEL --data wardrobe --output NAME.safetensors --resume

A run keeps everything in `runs/NAME/`: config.toml (the settings used), log.csv and loss.png, sheets/step_000500.png, and the
last two of checkpoints/. A step is a pure function of the checkpoint, the seed and its number, so a run that was stopped, or
killed, goes on with `--resume` as if it had not been. Several GPUs: `accelerate launch modiste.py train ...`, with
`--config_file lab/training/configs/accelerate_zero2.yaml` for DeepSpeed ZeRO-2; each batch is the same wherever it is computed.

Data comes in from the wardrobe or a folder, such as one of rendered shards (`shards.py`), which are much faster to read than
samples are to make. Weights go out as fp16 safetensors whose metadata says how they were trained (`metadata.py`).
"""
