"""Goals beside what was measured."""

from modiste.lab.evaluation.goals import Goal, goal_table
from modiste.lab.evaluation.reports import Row

ROWS = (
    Row("ours", "people", "psnr", 29.0, (28.0, 30.0), 9),
    Row("ours", "people", "fd_own", 8.0, (7.0, 9.0), 9),
    Row("reconstruction", "people", "fd_own", 2.0, (1.0, 3.0), 9),
)


def test_goals_are_bounds_on_means_and_ratios():
    goals = (
        Goal("ours", "people", "psnr", lowest=28),
        Goal("ours", "people", "psnr", lowest=29.5),
        Goal("ours", "people", "fd_own", highest=3, against="reconstruction"),
        Goal("ours", "people", "fd_own", highest=4, against="reconstruction"),
    )
    assert goal_table(goals, ROWS).splitlines()[2:] == [
        "| psnr of `ours` on people: at least 28 | 29 | yes |",
        "| psnr of `ours` on people: at least 29.5 | 29 | no |",
        "| fd_own of `ours` on people: at most 3 times that of `reconstruction` | 4 | no |",
        "| fd_own of `ours` on people: at most 4 times that of `reconstruction` | 4 | yes |",
    ]


def test_what_was_not_measured_or_of_too_few_samples_says_so():
    goals = (
        Goal("ours", "flats", "psnr", lowest=1),
        Goal("ours", "people", "psnr", highest=1, against="reconstruction"),
        Goal("ours", "people", "psnr", lowest=1, count=10),
    )
    assert [line.split(" | ")[1] for line in goal_table(goals, ROWS).splitlines()[2:]] == ["not measured"] * 3


def test_a_ratio_can_be_of_what_is_above_a_floor():
    floor = Row("floor", "people", "fd_own", 1.5, (1.0, 2.0), 9)
    goals = [Goal("ours", "people", "fd_own", highest=14, against="reconstruction", above="floor")]
    wish = "fd_own of `ours` on people: at most 14 times that of `reconstruction`, both above `floor`"
    assert goal_table(goals, [*ROWS, floor]).splitlines()[2:] == [f"| {wish} | 13 | yes |"]
    assert goal_table(goals, ROWS).splitlines()[2:] == [f"| {wish} | not measured |  |"]


def test_anything_is_more_than_a_method_that_has_nothing():
    nothing = Row("crop", "people", "psnr", 0.0, (0.0, 0.0), 9)
    same = Row("ours", "flats", "psnr", 0.0, (0.0, 0.0), 9), Row("crop", "flats", "psnr", 0.0, (0.0, 0.0), 9)
    goals = [Goal("ours", split, "psnr", lowest=1.1, against="crop") for split in ("people", "flats")]
    lines = goal_table(goals, [*ROWS, nothing, *same]).splitlines()[2:]
    assert [line.split(" | ")[1:] for line in lines] == [["inf", "yes |"], ["1", "no |"]]
