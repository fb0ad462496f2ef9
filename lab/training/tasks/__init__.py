"""What can be trained: one module a model, whose class `Task` follows `lab.training.task.Task`."""
