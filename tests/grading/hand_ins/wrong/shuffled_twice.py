class Perceptron(LinearModel):
    def train_epoch(self, X, y, **kwargs):
        order = np.random.permutation(len(X))
        for x_i, y_i in zip(X[order], y[order]):
            self.update_weight(x_i, y_i, **kwargs)

    def update_weight(self, x_i, y_i, **kwargs):
        y_hat = np.argmax(self.W @ x_i)
        if y_hat != y_i:
            self.W[y_i] += x_i
            self.W[y_hat] -= x_i


class LogisticRegression(LinearModel):
    def update_weight(self, x_i, y_i, learning_rate=0.001, l2_penalty=0.01, **kwargs):
        p = np.exp(self.W @ x_i) / np.exp(self.W @ x_i).sum()
        p[y_i] -= 1
        penalty = 0.01 * self.W
        self.W -= learning_rate * (np.outer(p, x_i) + penalty)


class MLP(object):
    def __init__(self, n_classes, n_features, hidden_size):
        hidden_size = 100
        self.W1 = np.random.normal(0.1, 0.1, (hidden_size, n_features))
        self.W2 = np.random.normal(0.1, 0.1, (n_classes, hidden_size))
        self.b1 = np.zeros(hidden_size)
        self.b2 = np.zeros(n_classes)

    def predict(self, X):
        H = np.maximum(X @ self.W1.T + self.b1, 0)
        return np.argmax(H @ self.W2.T + self.b2)

    def evaluate(self, X, y):
        return np.mean(self.predict(X) == y)

    def train_epoch(self, X, y, learning_rate=0.001, **kwargs):
        loss = 0
        for x, t in zip(X, y):
            z = self.W1 @ x + self.b1
            h = np.maximum(z, 0)
            s = self.W2 @ h + self.b2
            p = np.exp(s - s.max()) / np.exp(s - s.max()).sum()
            loss += np.log(p[t])
            p[t] -= 1
            d = self.W2.T @ p * (z > 0)
            self.W2 -= learning_rate * np.outer(p, h)
            self.b2 -= learning_rate * p
            self.W1 -= learning_rate * np.outer(d, x)
            self.b1 -= learning_rate * d
        return loss / len(X)
