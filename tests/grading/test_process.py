"""A hand-in in a process of its own: what it can be asked, and what it cannot do to anybody."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest

from hw.grading.hand_in import Died, HandInFault, Nonsense, Raised, TimedOut
from hw.grading.process import HandIn, Handle

SKELETON = """
import numpy as np
import matplotlib.pyplot as plt
import utils

class LinearModel(object):
    def __init__(self, n_classes, n_features, **kwargs):
        self.W = np.zeros((n_classes, n_features))

    def predict(self, X):
        return np.argmax(X @ self.W.T, axis=1)

class Perceptron(LinearModel):
    def update_weight(self, x_i, y_i, **kwargs):
        guess = self.predict(x_i[None])[0]
        if guess != y_i:
            self.W[y_i] += x_i
            self.W[guess] -= x_i
"""


@pytest.fixture
def write(tmp_path: Path):
    def written(text: str, name: str = "hw1-q1.py") -> Path:
        path = tmp_path / name
        path.write_text(dedent(text))
        return path

    return written


def asked(write, text: str, function: str = "attack", **options):
    """What a function of a hand-in returns, and what it has printed."""
    with HandIn(write(text), **options) as hand_in:
        return hand_in.function(function), hand_in.printed


# What it can be asked


def test_a_perceptron_walks_as_a_plain_loop_does(write) -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(30, 4)), rng.integers(0, 3, size=30)
    W = np.zeros((3, 4))
    expected = []
    for x, k in zip(X, y, strict=True):
        guess = int(np.argmax(W @ x))
        if guess != k:
            W[k] += x
            W[guess] -= x
        expected.append(W.copy())
    with HandIn(write(SKELETON)) as hand_in:
        model = hand_in.new("Perceptron", 3, 4)
        calls = [(x, int(k)) for x, k in zip(X, y, strict=True)]
        found = hand_in.walk(model, "update_weight", calls, learning_rate=0.1)
        predicted = hand_in.call(model, "predict", X)
    assert [list(s) for s in found] == [["W"]] * 30
    np.testing.assert_array_equal([s["W"] for s in found], expected)
    np.testing.assert_array_equal(predicted, np.argmax(X @ W.T, axis=1))


def test_what_a_file_defines(write, tmp_path: Path) -> None:
    write("class Helper:\n    def help(self): ...\n", "helper.py")
    text = SKELETON + "from helper import Helper\ndef train(model, epochs=3): ...\n"
    with HandIn(write(text)) as hand_in:
        assert set(hand_in.classes) == {"LinearModel", "Perceptron", "Helper"}
        perceptron = hand_in.classes["Perceptron"]
        assert perceptron.methods["update_weight"] == ("x_i", "y_i", "**kwargs")
        assert perceptron.methods["predict"] == ("X",)
        assert perceptron.bases == ("LinearModel", "object")
        assert perceptron.line == SKELETON.splitlines().index("class Perceptron(LinearModel):") + 1
        assert hand_in.functions == {"train": ("model", "epochs")}


def test_every_array_that_can_be_reached_is_read_and_set(write) -> None:
    text = """
        import numpy as np
        class Layer:
            def __init__(self):
                self.bias = np.ones(2)
        class Net:
            def __init__(self):
                self.W1 = np.zeros((2, 3))
                self.weights = [np.ones(3), np.zeros(1)]
                self.params = {"W1": np.full((1, 2), 5.0), 2: np.ones(1)}
                self.layers = [Layer(), Layer()]
                self.rate = 0.5
                self.order = np.arange(3)
                self.itself = self
            def total(self):
                return self.weights[0].sum() + self.params["W1"].sum() + self.layers[1].bias.sum()
        """
    with HandIn(write(text)) as hand_in:
        net = hand_in.new("Net")
        state = hand_in.state(net)
        assert {k: v.shape for k, v in state.items()} == {
            "W1": (2, 3),
            "weights[0]": (3,),
            "weights[1]": (1,),
            "params['W1']": (1, 2),
            "params[2]": (1,),
            "layers[0].bias": (2,),
            "layers[1].bias": (2,),
            "rate": (),
        }
        hand_in.put(net, "weights[0]", np.array([1.0, 2.0, 4.0]))
        hand_in.put(net, "params['W1']", np.array([[10.0, 20.0]]))
        hand_in.put(net, "layers[1].bias", np.array([100.0, 200.0]))
        hand_in.put(net, "rate", np.array(0.25))
        assert hand_in.call(net, "total") == 337.0
        assert hand_in.state(net)["rate"] == 0.25
        with pytest.raises(Raised, match="has shape"):
            hand_in.put(net, "W1", np.zeros(6))
        with pytest.raises(Raised, match="KeyError"):
            hand_in.put(net, "W3", np.zeros(6))


def test_values_and_objects_travel(write) -> None:
    text = """
        import numpy as np
        class Cache:
            def __init__(self):
                self.a = np.ones(2)
        def everything(x, cache=None):
            if cache is not None:
                return cache.a * x
            return {"list": [1, 2.5, None, True, "ä"], "pair": (x, np.float32(0.5)),
                    "nan": float("nan"), "none": np.zeros((0, 3)), "yes": np.array([True]),
                    "cache": Cache()}
        """
    with HandIn(write(text)) as hand_in:
        found = hand_in.function("everything", np.arange(3))
        assert found["list"] == [1, 2.5, None, True, "ä"]
        np.testing.assert_array_equal(found["pair"][0], np.arange(3))
        assert found["pair"][1] == 0.5
        assert np.isnan(found["nan"])
        assert found["none"].shape == (0, 3)
        assert found["yes"].dtype == bool
        assert isinstance(found["cache"], Handle)
        assert found["cache"].type == "Cache"
        again = hand_in.function("everything", np.array([1.0, 2.0]), cache=found["cache"])
        np.testing.assert_array_equal(again, [1.0, 2.0])


def test_seeds_are_those_of_the_legacy_generators(write) -> None:
    text = (
        "import numpy as np\nimport random\ndef draw(): return np.random.normal(), random.random()"
    )
    with HandIn(write(text)) as hand_in:
        hand_in.seed(42)
        first = hand_in.function("draw")
        hand_in.seed(42)
        assert hand_in.function("draw") == first
    assert first[0] == np.random.RandomState(42).normal()


def test_an_exception_has_its_line_and_what_was_done_before(write) -> None:
    text = """
        import numpy as np
        class Model:
            def __init__(self):
                self.W = np.zeros(1)
            def step(self, x):
                self.W += 1 / x
        """
    with HandIn(write(text)) as hand_in:
        model = hand_in.new("Model")
        with pytest.raises(Raised) as caught:
            hand_in.walk(model, "step", [(1,), (2,), (0,), (4,)])
        assert (caught.value.type, caught.value.line) == ("ZeroDivisionError", 7)
        assert [s["W"].item() for s in caught.value.done] == [1.0, 1.5]
        assert hand_in.state(model)["W"] == 1.5


@pytest.mark.parametrize(
    ("text", "kind", "line"),
    [
        ("x = 1\ny = np.zeros(3)\n", "NameError", 2),
        ("def f(:\n", "SyntaxError", 1),
        ("import no_such_package_at_all\n", "ModuleNotFoundError", 1),
        ("import sys\nsys.exit(0)\n", "SystemExit", 2),
    ],
)
def test_a_file_that_does_not_load(write, text: str, kind: str, line: int) -> None:
    with pytest.raises(Raised) as caught:
        HandIn(write(text))
    assert (caught.value.type, caught.value.line) == (kind, line)


def test_run_as_a_script(write) -> None:
    text = """
        import sys
        import matplotlib.pyplot as plt
        import numpy as np
        import utils
        def main():
            data = utils.load_dataset("data/small.npz", bias=True)
            print(sys.argv[1:], data["train"][0].shape)
            fig, axes = plt.subplots(1, 3)
            line, = axes[2].plot([1, 2], [3, 4])
            plt.savefig("curves.pdf")
            with open("notes.txt", "w") as notes:
                notes.write("done")
            sys.exit(3)
        if __name__ == "__main__":
            main()
        """
    arrays = {
        f"{split}_{what}": np.zeros((2, 4) if what == "images" else (2, 1), np.uint8)
        for split in ("train", "val", "test")
        for what in ("images", "labels")
    }
    packed = Path(write("", "unused")).with_name("small.npz")
    np.savez(packed, **arrays)
    with HandIn(write(text)) as hand_in:
        done = hand_in.command(["mlp", "-epochs", "2"], {"data/small.npz": packed.read_bytes()})
    assert done.exit == 3
    assert done.stdout == "['mlp', '-epochs', '2'] (2, 5)\n"
    assert done.files == {"curves.pdf": b"", "notes.txt": b"done"}


def test_a_script_that_raises(write) -> None:
    with HandIn(write("if __name__ == '__main__':\n    print('begun')\n    [][1]\n")) as hand_in:
        done = hand_in.command([])
    assert (done.exit, done.stdout) == (1, "begun\n")
    assert done.stderr == "IndexError: list index out of range (line 3)"


def test_files_beside_it_are_copied_and_data_that_are_too_large_are_not(write, tmp_path) -> None:
    write("answer = 42", "helper.py")
    (tmp_path / "huge.npz").write_bytes(bytes(21 << 20))
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config").write_text("secret")
    (tmp_path / "link.txt").symlink_to("/etc/hostname")
    text = """
        import os
        import helper
        def look():
            return helper.answer, sorted(n for n in os.listdir() if n != "__pycache__")
        """
    with HandIn(write(text)) as hand_in:
        assert hand_in.function("look") == (42, ["helper.py", "hw1-q1.py", "utils.py"])
        assert hand_in.left_out == 1


@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="the system does not tell")
def test_time_in_which_others_have_the_processor_is_not_counted(write) -> None:
    """It needs most of its time, and shares its processor with a program that never rests."""
    text = """
        import os, time
        def count(processor):
            os.sched_setaffinity(0, {processor})
            begun = time.process_time()
            while time.process_time() - begun < 0.7:
                pass
            return True
        """
    processor = min(os.sched_getaffinity(0))
    program = f"import os\nos.sched_setaffinity(0, {{{processor}}})\nwhile True: pass"
    with (
        HandIn(write(text), time_limit=1) as hand_in,
        subprocess.Popen([sys.executable, "-c", program]) as other,
    ):
        try:
            assert hand_in.function("count", processor)
        finally:
            other.kill()


def test_the_folder_is_gone_afterwards(write) -> None:
    with HandIn(write("import os\ndef where(): return os.getcwd()")) as hand_in:
        place = hand_in.function("where")
        assert os.path.isdir(place)
    assert not os.path.exists(place)


# What it cannot do


@pytest.mark.parametrize(
    ("attack", "fault"),
    [
        ("import sys; sys.exit(0)", Raised),
        ("raise KeyboardInterrupt", Raised),
        ("import os; os._exit(0)", Died),
        ("import os; os.abort()", Died),
        ("import ctypes; ctypes.string_at(0)", Died),
        ("import os; os.close(4)\n    while True: pass", HandInFault),
        ("while True: pass", TimedOut),
        ("import time; time.sleep(100)", TimedOut),
        ("while True:\n        try:\n            while True: pass\n        except: pass", TimedOut),
        ("import numpy as np; np.ones(10 << 27)", Raised),
        ("return [bytearray(1 << 27) for _ in range(80)]", Raised),
        ("return 'x' * (40 << 20)", Raised),
        ("x = []\n    x.append(x)\n    return x", Raised),
        ("def down(): down()\n    down()", Raised),
        ("import os; os.write(4, b'x' * 100)", Nonsense),
        ("import os, struct; os.write(4, struct.pack('>QQ', 1 << 60, 0))", Nonsense),
        ("import os, struct; os.write(4, struct.pack('>QQ', 4, 0) + b'null')", Nonsense),
        (
            "import os, struct; os.write(4, struct.pack('>QQ', 4, 0) + b'nul')\n    os._exit(0)",
            Died,
        ),
    ],
)
def test_ways_not_to_answer(write, attack: str, fault: type) -> None:
    begun = time.monotonic()
    with HandIn(
        write(f"def attack():\n    {attack}\ndef fine(): return 1"), time_limit=2, memory_mb=400
    ) as hand_in:
        with pytest.raises(fault):
            hand_in.function("attack")
        if fault is not Raised:
            # A process that failed once answers nothing more.
            with pytest.raises(HandInFault):
                hand_in.function("fine")
    assert time.monotonic() - begun < 20


def test_a_gigabyte_printed_costs_no_memory(write) -> None:
    text = """
        import sys
        def attack():
            line = "x" * (1 << 20) + "\\n"
            for _ in range(1000):
                sys.stdout.write(line)
            return "done"
        """
    answer, printed = asked(write, text)
    assert answer == "done"
    assert 60_000 < len(printed) <= 64 << 10


def test_no_processes(write) -> None:
    """A fork bomb: every fork is refused, and threads are not."""
    text = """
        import os, subprocess, threading
        def attack():
            made = 0
            run, spawn = subprocess.run, os.posix_spawn
            for start in (os.fork, lambda: run(["true"]), lambda: spawn("/bin/true", ["true"], {})):
                for _ in range(50):
                    try:
                        if start() == 0:
                            os._exit(0)
                        made += 1
                    except OSError:
                        pass
            seen = []
            thread = threading.Thread(target=lambda: seen.append(1))
            thread.start()
            thread.join()
            return made, seen
        """
    assert asked(write, text)[0] == (0, [1])


def test_no_signals_to_others(write) -> None:
    text = """
        import os, signal
        def attack():
            refused = 0
            for target in (os.getppid(), 1, -1, 0):
                try:
                    os.kill(target, 0)
                except PermissionError:
                    refused += 1
            os.kill(os.getpid(), 0)
            return refused
        """
    assert asked(write, text)[0] == 4


def test_no_network(write) -> None:
    text = """
        import socket
        def attack():
            refused = 0
            for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX):
                try:
                    socket.socket(family)
                except PermissionError:
                    refused += 1
            return refused
        """
    assert asked(write, text)[0] == 3


def test_no_files_outside(write, tmp_path: Path) -> None:
    secret = tmp_path / "solutions" / "secret.txt"
    secret.parent.mkdir()
    secret.write_text("the answer")
    text = f"""
        import os
        def attack():
            refused = 0
            for path, mode in (
                ({str(secret)!r}, "r"),
                ({str(tmp_path / "hw1-q1.py")!r}, "r"),
                ({str(tmp_path / "made")!r}, "w"),
                ("/tmp/made-by-a-hand-in", "w"),
                ({str(Path.home() / ".bashrc")!r}, "a"),
            ):
                try:
                    open(path, mode)
                except PermissionError:
                    refused += 1
            os.symlink({str(secret)!r}, "link")
            try:
                open("link")
            except PermissionError:
                refused += 1
            open("mine.txt", "w").write("own folder")
            return refused
        """
    assert asked(write, text)[0] == 6
    assert secret.read_text() == "the answer"


def test_the_reference_cannot_be_read(write) -> None:
    """Neither by its name nor by its file."""
    import hw

    source = Path(hw.__file__).parent / "nn" / "losses.py"
    text = f"""
        import sys
        def attack():
            found = []
            try:
                import hw.nn
                found.append("imported")
            except ModuleNotFoundError:
                pass
            sys.meta_path[:] = [f for f in sys.meta_path if type(f).__module__ != "__main__"]
            sys.path.insert(0, {str(source.parents[2])!r})
            try:
                import hw.nn
                found.append("imported without the guard")
            except (ImportError, PermissionError):
                pass
            try:
                found.append(open({str(source)!r}).read())
            except PermissionError:
                pass
            return found
        """
    assert asked(write, text)[0] == []


def test_a_patched_numpy_harms_the_hand_in_alone(write) -> None:
    text = """
        import numpy as np
        def attack():
            real = np.ascontiguousarray
            np.ascontiguousarray = lambda *a, **k: real(np.zeros(7))
            np.testing.assert_allclose = np.allclose = np.array_equal = lambda *a, **k: True
            return np.ones(3)
        """
    with HandIn(write(text)) as hand_in, pytest.raises(Nonsense):
        hand_in.function("attack")
    assert not np.allclose(np.ones(3), np.zeros(3))
    assert np.ones(3).sum() == 3


@pytest.mark.parametrize(
    "answer",
    [
        '{"id": 2, "value": {"array": ["f8", [1000000000, 1000000000]]}}',
        '{"id": 2, "value": {"array": ["O", [1]]}}',
        '{"id": 2, "value": {"array": ["f8", [-1]]}}',
        '{"id": 2, "value": {"array": ["f8", [2.5]]}}',
        '{"id": 2, "value": {"handle": "me"}}',
        '{"id": 2, "value": {"pickle": "gASVEAAA"}}',
        '{"id": 2, "value": [1, 2]}',
        '{"id": 2, "value": {"dict": [[{"list": []}, 1]]}}',
        '{"id": 77, "value": 1}',
        '{"id": 2}',
        '{"id": 2, "raised": 3}',
        "[" * 100_000,
        "not json",
        '{"id": 2, "value": ' + "9" * 10_000 + "}",
    ],
)
def test_a_lying_child_is_not_believed(write, answer: str) -> None:
    """It writes to the pipe by itself, before its answer could."""
    text = f"""
        import os, struct
        def attack():
            text = {answer!r}.encode()
            os.write(4, struct.pack(">QQ", len(text), 0) + text)
            os._exit(0)
        """
    with HandIn(write(text)) as hand_in, pytest.raises(Nonsense):
        hand_in.function("attack")


def test_a_state_that_is_none(write) -> None:
    text = """
        import os, struct
        class Model:
            def step(self):
                text = b'{"id": 3, "value": {"dict": [["W", 3]]}}'
                os.write(4, struct.pack(">QQ", len(text), 0) + text)
                os._exit(0)
        """
    with HandIn(write(text)) as hand_in:
        model = hand_in.new("Model")
        with pytest.raises(Nonsense):
            hand_in.walk(model, "step", [()])


def test_a_handle_that_does_not_exist(write) -> None:
    with HandIn(write("class Model:\n    pass\n")) as hand_in, pytest.raises(HandInFault):
        hand_in.state(Handle(99))


def test_a_fresh_process_after_a_fault(write) -> None:
    text = "import os\ndef die(): os._exit(3)\ndef fine(): return 1"
    with HandIn(write(text)) as hand_in:
        with pytest.raises(Died, match="exit code 3"):
            hand_in.function("die")
        hand_in.restart()
        assert hand_in.function("fine") == 1
        assert hand_in.printed == ""


def test_what_it_started_ends_with_it(write) -> None:
    """A thread that never ends, and ignores signals."""
    text = """
        import os, signal, threading, time
        def attack():
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            threading.Thread(target=lambda: time.sleep(1000)).start()
            return os.getpid()
        """
    pid, _ = asked(write, text)
    assert not os.path.exists(f"/proc/{pid}")


def test_a_module_of_pytorch_is_trained_as_its_script_trains_it(write) -> None:
    """Tensors and an optimizer are made there; its compiler is not imported."""
    text = """
        import sys
        import torch
        class Model(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.linear = torch.nn.Linear(2, 3)
            def forward(self, x):
                return self.linear(x)
        def train_batch(X, y, model, optimizer, criterion):
            optimizer.zero_grad()
            loss = criterion(model(X), y)
            loss.backward()
            optimizer.step()
            return loss
        def compiles():
            return hasattr(sys.modules["torch._dynamo"], "optimize")
        """
    X, y = np.array([[1.0, 2.0], [3.0, -1.0]]), np.array([0, 2])
    with HandIn(write(text)) as hand_in:
        hand_in.seed(42)
        model = hand_in.new("Model")
        start = hand_in.state(model)
        assert {name: value.shape for name, value in start.items()} == {
            "linear.weight": (3, 2),
            "linear.bias": (3,),
        }
        hand_in.call(model, "double")
        optimizer = hand_in.make("torch.optim.SGD", hand_in.keep(model, "parameters"), lr=0.5)
        batch = [hand_in.make("torch.tensor", array) for array in (X, y)]
        loss = hand_in.function(
            "train_batch", *batch, model, optimizer, hand_in.make("torch.nn.CrossEntropyLoss")
        )
        after = hand_in.state(model)
        assert not hand_in.function("compiles")
    W, b = (start[f"linear.{name}"].astype(float) for name in ("weight", "bias"))
    z = X @ W.T + b
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    assert loss == pytest.approx(-np.log(p[[0, 1], y]).mean(), rel=1e-12)
    delta = (p - np.eye(3)[y]) / 2
    np.testing.assert_allclose(after["linear.weight"], W - 0.5 * delta.T @ X, rtol=1e-12)
    np.testing.assert_allclose(after["linear.bias"], b - 0.5 * delta.sum(axis=0), rtol=1e-12)
