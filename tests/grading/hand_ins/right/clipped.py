EPSILON = 1e-15


class Perceptron(LinearModel):
    def update_weight(self, x_i, y_i, **kwargs):
        prediction = self.W.dot(x_i).argmax()
        if prediction != y_i:
            self.W[y_i] += x_i
            self.W[prediction] -= x_i


class LogisticRegression(LinearModel):
    def update_weight(self, x_i, y_i, learning_rate=0.001, l2_penalty=0.0, **kwargs):
        eta = 0.001  # as the handout says
        p = np.exp(self.W @ x_i)
        p /= np.sum(p)
        gradient = np.outer(p, x_i)
        gradient[y_i] -= x_i
        self.W -= eta * (gradient + l2_penalty * self.W)


class MLP(object):
    def __init__(self, n_classes, n_features, hidden_size):
        self.weights_1 = np.random.normal(0.1, 0.1, (hidden_size, n_features))
        self.biases_1 = np.zeros(hidden_size)
        self.weights_2 = np.random.normal(0.1, 0.1, (n_classes, hidden_size))
        self.biases_2 = np.zeros(n_classes)

    def forward(self, x):
        hidden = np.maximum(0, self.weights_1 @ x + self.biases_1)
        scores = self.weights_2 @ hidden + self.biases_2
        p = np.exp(scores - scores.max())
        return hidden, np.clip(p / p.sum(), EPSILON, 1 - EPSILON)

    def predict(self, X):
        return np.array([np.argmax(self.forward(x)[1]) for x in X])

    def evaluate(self, X, y):
        return np.mean(self.predict(X) == y)

    def train_epoch(self, X, y, learning_rate=0.001, **kwargs):
        loss = 0.0
        for x, label in zip(X, y):
            hidden, p = self.forward(x)
            loss -= np.log(p[label])
            error = p - np.eye(6)[label]
            back = (error @ self.weights_2) * (hidden > 0)
            self.weights_2 -= learning_rate * np.outer(error, hidden)
            self.biases_2 -= learning_rate * error
            self.weights_1 -= learning_rate * np.outer(back, x)
            self.biases_1 -= learning_rate * back
        return loss / len(X)
