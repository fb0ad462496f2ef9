"""What makes and measures the shipped weights: baking, training, evaluation and benchmarks. No node imports it."""
