"""The JSON that others read, and the Markdown that people read."""

import json

import pytest

from modiste.lab.evaluation.reports import Report, Row, load_report, markdown

ROWS = (
    Row("ours", "people", "psnr", 29.5, (29.25, 29.75), 200),
    Row("ours", "people", "ssim", 0.9412345, (0.94, 0.9425), 200),
    Row("floor", "people", "ssim", 1.0, (1.0, 1.0), 50),
    Row("ours", "flats", "psnr", 31.0, (30.0, 32.0), 7),
)
REPORT = Report("base", 1000, 200, "python modiste.py evaluate base --seed 1000 --count 200", ROWS)


def test_json_has_exactly_the_promised_keys_in_order():
    assert REPORT.to_json() == json.dumps(
        {
            "system": "base",
            "seed": 1000,
            "count": 200,
            "command": "python modiste.py evaluate base --seed 1000 --count 200",
            "rows": [
                {"method": "ours", "split": "people", "metric": "psnr", "mean": 29.5, "ci95": [29.25, 29.75], "n": 200},
                {"method": "ours", "split": "people", "metric": "ssim", "mean": 0.9412345, "ci95": [0.94, 0.9425], "n": 200},
                {"method": "floor", "split": "people", "metric": "ssim", "mean": 1.0, "ci95": [1.0, 1.0], "n": 50},
                {"method": "ours", "split": "flats", "metric": "psnr", "mean": 31.0, "ci95": [30.0, 32.0], "n": 7},
            ],
        },
        indent=1,
    ) + "\n"  # fmt: skip


def test_saved_reports_read_back(tmp_path):
    REPORT.save(tmp_path / "base.json")
    assert load_report(tmp_path / "base.json") == REPORT


def test_markdown_has_a_table_a_split_with_methods_down_and_metrics_across():
    assert markdown(ROWS) == (
        "| people | psnr | ssim |\n"
        "| --- | --- | --- |\n"
        "| ours | 29.5 (29.25 to 29.75, n=200) | 0.9412 (0.94 to 0.9425, n=200) |\n"
        "| floor |  | 1 (1 to 1, n=50) |\n"
        "\n"
        "| flats | psnr |\n"
        "| --- | --- |\n"
        "| ours | 31 (30 to 32, n=7) |"
    )


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"rows": [{}]}', '{"rows": []}', '{"system": "a", "rows": 3}', '{"rows": [], "system": 1, "x": 2}']
)
def test_another_file_is_no_report(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(ValueError, match=r"a\.json' is no report"):
        load_report(tmp_path / "a.json")
