class Perceptron(LinearModel):
    def update_weight(self, x_i, y_i, **kwargs):
        for k in range(len(self.W)):
            sign = 1 if k == y_i else -1
            if sign * np.dot(self.W[k], x_i) <= 0:
                self.W[k] += sign * x_i


class LogisticRegression(LinearModel):
    def update_weight(self, x_i, y_i, learning_rate=0.001):
        p = np.exp(self.W @ x_i) / np.exp(self.W @ x_i).sum()
        p[y_i] -= 1
        self.W += learning_rate * np.outer(p, x_i)


class MLP(object):
    def __init__(self, n_classes, n_features, hidden_size):
        self.W1 = np.random.normal(0.1, 0.1, (hidden_size, n_features))
        self.b1 = np.zeros((hidden_size, 1))
        self.W2 = np.random.normal(0.1, 0.1, (n_classes, hidden_size))
        self.b2 = np.zeros((n_classes, 1))

    def forward(self, X):
        z1 = self.W1 @ X + self.b1
        a1 = np.maximum(z1, 0)
        z2 = self.W2 @ a1 + self.b2
        e = np.exp(z2 - np.max(z2, axis=0))
        return z1, a1, e / np.sum(e, axis=0)

    def predict(self, X):
        return self.forward(X.T)[-1].argmax(axis=0)

    def evaluate(self, X, y):
        return np.mean(self.predict(X) == y)

    def train_epoch(self, X, y, learning_rate=0.001):
        loss = 0
        for i in range(len(X)):
            x = X[i : i + 1].T
            z1, a1, p = self.forward(x)
            loss += -np.log(p[y[i]][0])
            dz2 = p
            dz2[y[i]] -= 1
            dz1 = self.W2.T @ dz2 * (z1 > 0)
            self.W2 -= learning_rate * dz2 @ a1.T
            self.b2 -= learning_rate * np.sum(dz2)
            self.W1 -= learning_rate * dz1 @ x.T
            self.b1 -= learning_rate * np.sum(dz1)
        return loss / len(X)
