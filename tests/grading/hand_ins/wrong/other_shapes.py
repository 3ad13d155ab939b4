class Perceptron(LinearModel):
    def update_weight(self, x_i, y_i, **kwargs):
        raise NotImplementedError


class LogisticRegression(LinearModel):
    def update_weight(self, x_i, y_i, learning_rate=0.001, l2_penalty=0.0, **kwargs):
        p = np.exp(self.W @ x_i) / np.sum(np.exp(self.W @ x_i))
        p[y_i] -= 1
        self.W -= learning_rate * np.outer(p, x_i) + l2_penalty * self.W


class MLP(object):
    def __init__(self, n_classes, n_features, hidden_size):
        self.W1 = np.random.normal(0.1, 0.1, (n_features, hidden_size))
        self.W2 = np.random.normal(0.1, 0.1, (hidden_size, n_classes))
        self.b1, self.b2 = np.zeros(hidden_size), np.zeros(n_classes)

    def predict(self, X):
        return np.argmax(np.maximum(X @ self.W1 + self.b1, 0) @ self.W2 + self.b2, axis=1)

    def evaluate(self, X, y):
        return np.mean(self.predict(X) == y)

    def train_epoch(self, X, y, learning_rate=0.001, **kwargs):
        loss = 0
        for x, t in zip(X, y):
            z = x @ self.W1 + self.b1
            h = np.maximum(z, 0)
            s = h @ self.W2 + self.b2
            s = s - s.max()
            p = np.exp(s) / np.exp(s).sum()
            loss += -np.log(p[t])
            p[t] -= 1
            back = (self.W2 @ p) * (z > 0)
            self.W2 -= learning_rate * np.outer(h, p)
            self.b2 -= learning_rate * p
            self.W1 -= learning_rate * np.outer(x, back)
            self.b1 -= learning_rate * back
        return loss
