class Perceptron(LinearModel):
    def update_weight(self, x_i, y_i, **kwargs):
        y_hat = self.predict(x_i)
        if y_hat != y_i:
            self.W[y_i] += x_i
            self.W[prediction] -= x_i


class LogisticRegression(LinearModel):
    def update_weight(self, x_i, y_i, learning_rate=0.001):
        p = np.exp(self.W @ x_i) / np.exp(self.W @ x_i).sum()
        target = np.zeros(len(p), dtype=np.float)
        target[y_i] = 1
        self.W -= learning_rate * np.outer(p - target, x_i)


class MLP(object):
    def __init__(self, n_classes, n_features, hidden_size):
        self.W1 = np.random.normal(0.1, 0.1, (hidden_size, n_features))
        self.W2 = np.random.normal(0.1, 0.1, (n_classes, hidden_size))
        self.b1 = np.zeros(hidden_size)
        self.b2 = np.zeros(n_classes)

    def predict(self, X):
        print(X)
        exit(0)

    def evaluate(self, X, y):
        return np.mean(self.predict(X) == y)

    def train_epoch(self, X, y, learning_rate=0.001):
        for x, t in zip(X, y):
            h = np.maximum(self.W1.T @ x + self.b1, 0)
            self.W2 -= learning_rate * np.outer(t, h)
        return 0.0
