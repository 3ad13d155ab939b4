"""The scripts of IST Deep Learning, Homework 1, by their path in ``scripts/``.

Source: the homeworks of 2024-25, 2023-24 and 2021-22 and the scripts that came with them.

Deviations: plots that a script only showed on the screen become PDFs, named as the 2024-25 scripts
name theirs. ``-data_path``, new in 2024-25, works for the other years too. The 2021-22 question 4
names its plots as 2023-24 does, so that two runs do not overwrite each other. The 2021-22
``-layers`` of question 3 takes 1, the network that the document trains.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hw.assignment.script import Model, Script

ACCURACIES = ("train_accuracy", "validation_accuracy")

# Question 1 of 2024-25

SCORES = "train acc: {train_accuracy:.4f} | val acc: {validation_accuracy:.4f}"
TOOK = "{minutes} minutes and {seconds} seconds"
TEST = "Final test acc: {test_accuracy:.4f}"

PERCEPTRON = Model(
    "linear_classifier",
    epoch=SCORES,
    plots={"Q1-{model}-accs": ACCURACIES},
    fixed={"model": "perceptron"},
    ignores=("learning_rate", "l1_penalty", "l2_penalty"),
)
LOGISTIC_REGRESSION = replace(PERCEPTRON, fixed={"model": "logistic_regression"}, ignores=())
MLP = Model(
    "mlp",
    epoch="loss: {train_loss:.4f} | " + SCORES,
    plots={"Q1-{model}-accs": ACCURACIES, "Q1-{model}-loss": ("train_loss",)},
)
Q1_2024 = Script(
    homework="ist2024",
    data="intel-landscapes",
    data_path="intel_landscapes.npz",
    backend="numpy",
    flags={"epochs": 20, "hidden_size": 100, "learning_rate": 0.001, "l2_penalty": 0.0},
    models={
        "perceptron": PERCEPTRON,
        "logistic_regression": replace(
            LOGISTIC_REGRESSION,
            epoch=SCORES + " | W norm: {weight_norm:.4f}",
            plots={"Q1-{model}-accs": ACCURACIES, "Q1-{model}-w_norms": ("weight_norm",)},
        ),
        "mlp": MLP,
    },
    begin="initial train acc: {train_accuracy:.4f} | initial val acc: {validation_accuracy:.4f}",
    end=f"Training took {TOOK}\n{TEST}",
    notes={"Q1-{model}-results.txt": f"{TEST}\nTraining time: {TOOK}\n"},
)

# Question 2 of 2024-25

LINEAR_CONFIG = (
    "batch-{batch_size}-lr-{learning_rate}-epochs-{epochs}-l2-{l2_decay}-opt-{optimizer}"
)
MLP_CONFIG = (
    "batch-{batch_size}-lr-{learning_rate}-epochs-{epochs}-hidden-{hidden_size}-dropout-{dropout}"
    "-l2-{l2_decay}-layers-{layers}-act-{activation}-opt-{optimizer}"
)


def in_batches(epoch: str, losses: tuple[str, ...], mlp: str, **fixed: Any) -> dict[str, Model]:
    """The two models of the PyTorch questions; ``mlp`` is what the names of its plots end in."""

    def one(model: str, config: str, ignores: tuple[str, ...] = ()) -> Model:
        plots = {
            f"{{model}}-training-loss-{config}": losses,
            f"{{model}}-validation-accuracy-{config}": ("validation_accuracy",),
        }
        return Model("feedforward", epoch, plots, {"model": model, **fixed}, ignores)

    hidden = ("hidden_size", "layers", "dropout", "activation")
    return {
        "logistic_regression": one("logistic_regression", LINEAR_CONFIG, hidden),
        "mlp": one("mlp", mlp),
    }


Q2_2024 = Script(
    homework="ist2024",
    data="intel-landscapes",
    data_path="intel_landscapes.npz",
    backend="torch",
    flags={
        "epochs": 200,
        "batch_size": 64,
        "hidden_size": 200,
        "layers": 2,
        "learning_rate": 0.002,
        "l2_decay": 0.0,
        "dropout": 0.3,
        "momentum": 0.0,
        "activation": "relu",
        "optimizer": "sgd",
    },
    models=in_batches(
        "train loss: {train_loss:.4f} | val loss: {validation_loss:.4f}"
        " | val acc: {validation_accuracy:.4f}",
        losses=("train_loss", "validation_loss"),
        mlp=MLP_CONFIG + "-mom-{momentum}",
    ),
    begin="initial val acc: {validation_accuracy:.4f}",
    end=f"Training took {TOOK}\n{TEST}",
)

# 2023-24

Q1_2023 = Script(
    homework="ist2023",
    data="octmnist",
    data_path="octmnist.npz",
    backend="numpy",
    flags={"epochs": 20, "hidden_size": 200, "learning_rate": 0.001},
    models={
        "perceptron": PERCEPTRON,
        "logistic_regression": LOGISTIC_REGRESSION,
        "mlp": MLP,
    },
    end=TEST,
)
LOSS_THEN_ACCURACY = "Training loss: {train_loss:.4f}\nValid acc: {validation_accuracy:.4f}"
Q2_2023 = Script(
    homework="ist2023",
    data="octmnist",
    data_path="octmnist.npz",
    backend="torch",
    flags={
        "epochs": 20,
        "batch_size": 1,
        "learning_rate": 0.01,
        "l2_decay": 0,
        "hidden_size": 100,
        "layers": 1,
        "dropout": 0.3,
        "activation": "relu",
        "optimizer": "sgd",
    },
    models=in_batches(LOSS_THEN_ACCURACY, ("train_loss", "validation_loss"), MLP_CONFIG),
    end="Final Test acc: {test_accuracy:.4f}",
)

# 2021-22

LOSSES = "Loss (train): {train_loss:.3f} | Loss (test): {test_loss:.3f}"
BOTH_LOSSES = ("train_loss", "test_loss")
Q2_2021 = Script(
    homework="ist2021",
    data="ames",
    data_path="ames.npz",
    backend="numpy",
    flags={"epochs": 150, "hidden_size": 150, "learning_rate": 0.001},
    models={
        "linear_regression": Model(
            "linear_regression",
            epoch=LOSSES,
            plots={"Q2-{model}-losses": BOTH_LOSSES, "Q2-{model}-distance": ("distance",)},
        ),
        "nn": Model("neural_regression", epoch=LOSSES, plots={"Q2-{model}-losses": BOTH_LOSSES}),
    },
    announce="Epoch {epoch}... ",
)


def held_out(model: Model) -> Model:
    """The same training, watched on the validation and test sets. Nothing is printed of them."""
    return replace(
        model,
        epoch="",
        plots={"Q3-{model}-accs": ("validation_accuracy", "test_accuracy")},
    )


Q3_2021 = Script(
    homework="ist2021",
    data="fashion-mnist",
    data_path="fashion-mnist",
    backend="numpy",
    flags={"epochs": 20, "hidden_size": 200, "layers": 1, "learning_rate": 0.001},
    models={
        "perceptron": held_out(PERCEPTRON),
        "logistic_regression": held_out(LOGISTIC_REGRESSION),
        "mlp": held_out(MLP),
    },
)
Q4_2021 = replace(
    Q2_2023,
    homework="ist2021",
    data="fashion-mnist",
    data_path="fashion-mnist",
    flags={"hidden_sizes" if k == "hidden_size" else k: v for k, v in Q2_2023.flags.items()}
    | {"hidden_sizes": 200},
    renamed={"hidden_sizes": "hidden_size"},
    models=in_batches(
        LOSS_THEN_ACCURACY,
        ("train_loss",),
        MLP_CONFIG.replace("hidden_size", "hidden_sizes"),
        loader="global",
        running_loss=True,
    ),
)

SCRIPTS = {
    "hw1-q1.py": Q1_2024,
    "hw1-q2.py": Q2_2024,
    "ist2023/hw1-q1.py": Q1_2023,
    "ist2023/hw1-q2.py": Q2_2023,
    "ist2021/hw1-q2.py": Q2_2021,
    "ist2021/hw1-q3.py": Q3_2021,
    "ist2021/hw1-q4.py": Q4_2021,
}
