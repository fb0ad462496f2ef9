"""Measures what ships: tables with baselines, counts and intervals, on samples that no training saw.

- `reports`: the rows, their JSON and Markdown; `intervals`: means and set distances with their 95 % intervals
- `metrics/`: what is measured of pictures; `encoder`, `reader` and `network`,
  `reader_network`: the frozen networks that some metrics look through
- `systems`: what can be evaluated; one module for each, called with a `Request` and answering a `Report`
- `weights/`: what only tables need; the published pack does not hold it

In come the wardrobe's samples and the shipped weights; out go JSON, contact sheets and, through `lab/evidence.py`,
docs/evidence.md.
"""
