class Perceptron(LinearModel):
    def update_weight(self, x_i, y_i, **kwargs):
        y_hat = self.predict(x_i)
        self.W[y_i] += x_i
        if y_hat != y_i:
            self.W[y_hat] -= x_i


class LogisticRegression(LinearModel):
    def update_weight(self, x_i, y_i, learning_rate=0.001, l2_penalty=0.0, **kwargs):
        p = np.exp(self.W @ x_i)
        p /= p.sum()
        p[y_i] -= 1
        # gradient of lambda * ||W||^2
        self.W -= learning_rate * (np.outer(p, x_i) + 2 * l2_penalty * self.W)


class MLP(object):
    def __init__(self, n_classes, n_features, hidden_size):
        variance = 0.1 ** 2
        self.W1 = np.random.normal(0.1, variance, (hidden_size, n_features))
        self.W2 = np.random.normal(0.1, variance, (n_classes, hidden_size))
        self.b1, self.b2 = np.zeros(hidden_size), np.zeros(n_classes)

    def predict(self, X):
        H = np.maximum(X @ self.W1.T + self.b1, 0)
        return np.argmax(H @ self.W2.T + self.b2, axis=1)

    def evaluate(self, X, y):
        return np.mean(self.predict(X) == y)

    def train_epoch(self, X, y, learning_rate=0.001, **kwargs):
        loss = 0
        for x, label in zip(X, y):
            z = self.W1 @ x + self.b1
            h = np.maximum(z, 0)
            s = self.W2 @ h + self.b2
            p = np.exp(s - s.max())
            p /= p.sum()
            loss -= np.log(p[label] + 1e-6)
            p[label] -= 1
            d = (self.W2.T @ p) * (z > 0)
            self.W2 -= learning_rate * np.outer(p, h)
            self.b2 -= learning_rate * p
            self.W1 -= learning_rate * np.outer(d, x)
            self.b1 -= learning_rate * d
        return loss / len(X)
