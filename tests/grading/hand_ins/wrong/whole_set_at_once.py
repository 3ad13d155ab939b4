class Perceptron(LinearModel):
    def update_weight(self, x_i, y_i, **kwargs):
        y_hat = self.predict(x_i)
        if y_hat != y_i:
            self.W[y_i] -= x_i
            self.W[y_hat] += x_i


class LogisticRegression(LinearModel):
    def update_weight(self, x_i, y_i, learning_rate=0.001):
        predicted = self.predict(x_i)
        self.W -= learning_rate * (predicted - y_i) * x_i


class MLP(object):
    def __init__(self, n_classes, n_features, hidden_size):
        self.W1 = np.random.normal(0.1, 0.1, (hidden_size, n_features))
        self.W2 = np.random.normal(0.1, 0.1, (n_classes, hidden_size))
        self.b1 = np.zeros((1, hidden_size))
        self.b2 = np.zeros((1, n_classes))

    def forward(self, X):
        H = np.maximum(X @ self.W1.T + self.b1, 0)
        S = H @ self.W2.T + self.b2
        E = np.exp(S - S.max(axis=1, keepdims=True))
        return H, E / E.sum(axis=1, keepdims=True)

    def predict(self, X):
        return self.forward(X)[1].argmax(axis=1)

    def evaluate(self, X, y):
        return np.mean(self.predict(X) == y)

    def train_epoch(self, X, y, learning_rate=0.001):
        n = len(X)
        H, P = self.forward(X)
        loss = -np.mean(np.log(P[np.arange(n), y]))
        P[np.arange(n), y] -= 1
        P /= n
        D = P @ self.W2 * (H > 0)
        self.W2 -= learning_rate * P.T @ H
        self.b2 -= learning_rate * P.sum(axis=0, keepdims=True)
        self.W1 -= learning_rate * D.T @ X
        self.b1 -= learning_rate * D.sum(axis=0, keepdims=True)
        return loss
