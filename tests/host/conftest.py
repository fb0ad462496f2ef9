"""Small nodes to run workflows of, and a session in a folder of its own."""

import pytest

from modiste.host.headless import io, progress
from modiste.host.headless.executor import Executor
from modiste.host.headless.folders import input_files, input_path, output_path
from modiste.host.headless.listing import CORE_NODES, by_id
from modiste.host.headless.session import Session, current, use

calls = []  # the name of every toy node that ran, in order


class Number(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        inputs = [io.Int.Input("seed", default=0, min=0, max=100)]
        return io.Schema("Number", inputs=inputs, outputs=[io.Int.Output("number")])

    @classmethod
    def execute(cls, seed):
        calls.append("Number")
        return io.NodeOutput(seed)


class Add(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        inputs = [io.Int.Input("a"), io.Int.Input("b", default=1), io.Int.Input("c", optional=True)]
        return io.Schema("Add", display_name="Add Numbers", inputs=inputs, outputs=[io.Int.Output("sum")])

    @classmethod
    def execute(cls, a, b, c=0):
        calls.append("Add")
        return io.NodeOutput(a + b + c)


class Show(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema("Show", inputs=[io.AnyType.Input("value")], is_output_node=True, hidden=[io.Hidden.unique_id])

    @classmethod
    def execute(cls, value):
        calls.append("Show")
        return io.NodeOutput(ui={"value": [value], "id": cls.hidden.unique_id})


class Widgets(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        inputs = [
            io.Float.Input("ratio", default=0.5, min=0.0, max=1.0),
            io.Combo.Input("mode", options=["soft", "hard"]),
            io.Boolean.Input("flip", default=False),
            io.String.Input("text", default=""),
        ]
        return io.Schema("Widgets", inputs=inputs, is_output_node=True)

    @classmethod
    def execute(cls, **inputs):
        return io.NodeOutput(ui=inputs)


class Spread(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema("Spread", inputs=[io.Int.Input("count")], outputs=[io.Int.Output("items", is_output_list=True)])

    @classmethod
    def execute(cls, count):
        return io.NodeOutput(list(range(count)))


class Gather(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema("Gather", inputs=[io.Int.Input("items")], outputs=[io.String.Output("text")], is_input_list=True)

    @classmethod
    def execute(cls, items):
        return io.NodeOutput("+".join(map(str, items)))


class Later(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema("Later", outputs=[io.Int.Output("number")])

    @classmethod
    async def execute(cls):
        return io.NodeOutput(5)


class Even(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        inputs = [io.Int.Input("number", max=10), io.Int.Input("other", default=0)]
        return io.Schema("Even", inputs=inputs, is_output_node=True)

    @classmethod
    def validate_inputs(cls, number):
        return True if number is None or number % 2 == 0 else f"{number} is odd: give an even number."

    @classmethod
    def execute(cls, number, other):
        return io.NodeOutput()


class Fail(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            "Fail", inputs=[io.Combo.Input("how", options=["value", "crash", "cancel", "promise"])], is_output_node=True
        )

    @classmethod
    def execute(cls, how):
        if how == "value":
            raise ValueError("The mesh has no faces: load another one.")
        if how == "crash":
            raise ZeroDivisionError("division by zero\nsecond line")
        if how == "promise":
            output_path("never", ".txt")
        if how == "cancel":
            current().cancelled.set()
            progress.Progress(3)(1)
        return io.NodeOutput()


class ReadFile(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        inputs = [
            io.Combo.Input("file", options=["none", *input_files((".txt",))]),
            io.Combo.Input("more", options=["none", *input_files((".txt", ".json"))], optional=True),
            io.Image.Input("image", optional=True),
        ]
        return io.Schema("ReadFile", display_name="Read File", inputs=inputs, outputs=[io.String.Output("text")])

    @classmethod
    def fingerprint_inputs(cls, file, more=None, image=None):
        return input_path(file).read_text()

    @classmethod
    def execute(cls, file, more=None, image=None):
        calls.append("ReadFile")
        return io.NodeOutput(input_path(file).read_text())


class WriteText(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        inputs = [io.String.Input("text", default="hello"), io.String.Input("prefix", default="words")]
        return io.Schema("WriteText", display_name="Write Text", inputs=inputs, is_output_node=True)

    @classmethod
    def execute(cls, text, prefix):
        path, name = output_path(prefix, ".txt")
        path.write_text(text)
        return io.NodeOutput(ui={"name": name})


TOYS = [Number, Add, Show, Widgets, Spread, Gather, Later, Even, Fail, ReadFile, WriteText]


@pytest.fixture
def node_classes():
    return by_id([*TOYS, *CORE_NODES])


@pytest.fixture
def ran():
    """The names of the toy nodes that have run in this test so far."""
    calls.clear()
    return calls


@pytest.fixture
def session(tmp_path):
    (tmp_path / "input").mkdir()
    with use(Session(base=tmp_path)) as session:
        yield session


@pytest.fixture
def executor(node_classes, session):
    return Executor(node_classes, session)


@pytest.fixture
def node():
    """Make one node of a workflow in API format."""

    def make(class_type, title=None, /, **inputs):
        made = {"class_type": class_type, "inputs": inputs}
        return made | ({"_meta": {"title": title}} if title else {})

    return make
