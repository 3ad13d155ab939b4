"""Small hand-ins for the tests of the command: right ones, and ones with a planted difference."""

from __future__ import annotations

RIGHT = """
import argparse
import numpy as np
import matplotlib.pyplot as plt
import utils


class LinearModel(object):
    def __init__(self, n_classes, n_features, **kwargs):
        self.W = np.zeros((n_classes, n_features))

    def update_weight(self, x_i, y_i, **kwargs):
        raise NotImplementedError

    def train_epoch(self, X, y, **kwargs):
        for x_i, y_i in zip(X, y):
            self.update_weight(x_i, y_i, **kwargs)

    def predict(self, X):
        return np.argmax(np.dot(self.W, X.T), axis=0)

    def evaluate(self, X, y):
        return (y == self.predict(X)).sum() / y.shape[0]


class Perceptron(LinearModel):
    def update_weight(self, x_i, y_i, **kwargs):
        guess = np.argmax(self.W @ x_i)
        if guess != y_i:
            self.W[y_i] += x_i
            self.W[guess] -= x_i


class LogisticRegression(LinearModel):
    def update_weight(self, x_i, y_i, learning_rate=0.001, l2_penalty=0.0, **kwargs):
        scores = self.W @ x_i
        p = np.exp(scores - scores.max())
        p /= p.sum()
        p[y_i] -= 1
        self.W -= learning_rate * (np.outer(p, x_i) + l2_penalty * self.W)
"""
# Goes against the gradient.
WRONG_SIGN = RIGHT.replace("self.W -= learning_rate", "self.W += learning_rate")
UNFINISHED = RIGHT.partition("class LogisticRegression")[0]
assert WRONG_SIGN != RIGHT
