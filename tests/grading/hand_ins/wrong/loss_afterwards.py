class Perceptron(LinearModel):
    def update_weight(self, x_i, y_i, **kwargs):
        scores = self.W @ x_i
        rivals = np.delete(np.arange(len(scores)), y_i)
        # every class that scores at least as much as the right one loses
        for k in rivals:
            if scores[k] >= scores[y_i]:
                self.W[y_i] += x_i
                self.W[k] -= x_i


class LogisticRegression(LinearModel):
    def update_weight(self, x_i, y_i, learning_rate=0.001):
        p = np.exp(self.W @ x_i)
        p = p / p.sum()
        p[y_i] -= 1
        self.W -= 2 * learning_rate * np.outer(p, x_i)


class MLP(object):
    def __init__(self, n_classes, n_features, hidden_size):
        self.W1 = np.random.normal(0.1, 0.1, (hidden_size, n_features))
        self.W2 = np.random.normal(0.1, 0.1, (n_classes, hidden_size))
        self.b1 = np.zeros(hidden_size)
        self.b2 = np.zeros(n_classes)

    def probabilities(self, X):
        H = np.maximum(X @ self.W1.T + self.b1, 0)
        Z = H @ self.W2.T + self.b2
        Z -= Z.max(axis=-1, keepdims=True)
        return H, np.exp(Z) / np.exp(Z).sum(axis=-1, keepdims=True)

    def predict(self, X):
        return np.argmax(self.probabilities(X)[1], axis=-1)

    def evaluate(self, X, y):
        return np.mean(self.predict(X) == y)

    def train_epoch(self, X, y, learning_rate=0.001):
        for x, t in zip(X, y):
            h, p = self.probabilities(x)
            p[t] -= 1
            d = self.W2.T @ p * (h > 0)
            self.W2 -= learning_rate * np.outer(p, h)
            self.b2 -= learning_rate * p
            self.W1 -= learning_rate * np.outer(d, x)
            self.b1 -= learning_rate * d
        P = self.probabilities(X)[1]
        return -np.sum(np.log(P[np.arange(len(y)), y]))
