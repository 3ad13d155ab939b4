class Perceptron(LinearModel):
    def update_weight(self, x_i, y_i, **kwargs):
        y_hat = self.predict(x_i)
        if y_hat != y_i:
            self.W[y_i] += x_i
            self.W[y_hat] -= x_i


class LogisticRegression(LinearModel):
    def __init__(self, n_classes, n_features, **kwargs):
        super().__init__(n_classes, n_features)
        self.b = np.zeros(n_classes)

    def predict(self, X):
        return np.argmax(X @ self.W.T + self.b, axis=1)

    def update_weight(self, x_i, y_i, learning_rate=0.001):
        z = self.W @ x_i + self.b
        p = np.exp(z) / np.exp(z).sum()
        p[y_i] -= 1
        self.W -= learning_rate * np.outer(p, x_i)
        self.b -= learning_rate * p


class MLP(object):
    def __init__(self, n_classes, n_features, hidden_size):
        self.W1 = np.random.normal(0.1, 0.1, (hidden_size, n_features))
        self.W2 = np.random.normal(0.1, 0.1, (n_classes, hidden_size))
        self.b1 = np.zeros(hidden_size)
        self.b2 = np.zeros(n_classes)

    def predict(self, X):
        return np.argmax(np.maximum(X @ self.W1.T + self.b1, 0) @ self.W2.T + self.b2, axis=1)

    def evaluate(self, X, y):
        return np.mean(self.predict(X) == y)

    def train_epoch(self, X, y, learning_rate=0.001):
        for x, t in zip(X, y):
            h = np.maximum(self.W1 @ x + self.b1, 0)
            z = self.W2 @ h + self.b2
            p = np.exp(z - z.max())
            p = p / np.sum(p)
            loss = -np.log(p[t])
            p[t] -= 1
            d = self.W2.T @ p * (h > 0)
            self.W2 -= learning_rate * np.outer(p, h)
            self.W1 -= learning_rate * np.outer(d, x)
        return loss
