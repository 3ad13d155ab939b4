class Perceptron(LinearModel):
    def update_weight(self, x_i, y_i, **kwargs):
        eta = kwargs.get("learning_rate", 1)
        y_hat = np.argmax(self.W.dot(x_i))
        if y_hat != y_i:
            self.W[y_i, :] += eta * x_i
            self.W[y_hat, :] -= eta * x_i


class LogisticRegression(LinearModel):
    def update_weight(self, x_i, y_i, learning_rate=0.001):
        p = np.exp(self.W @ x_i)
        p = p / p.sum()
        target = np.zeros(10)
        target[y_i] = 1
        self.W += learning_rate * (target - p)[:, np.newaxis] * x_i


class MLP(object):
    def __init__(self, n_classes, n_features, hidden_size, layers):
        assert layers == 1
        self.W = [np.random.normal(0.1, 0.1, (hidden_size, n_features)),
                  np.random.normal(0.1, 0.1, (n_classes, hidden_size))]
        self.b = [np.zeros(hidden_size), np.zeros(n_classes)]

    def forward(self, x):
        z = self.W[0] @ x + self.b[0]
        h = z * (z > 0)
        return h, self.W[1] @ h + self.b[1]

    def predict(self, X):
        rows = np.zeros((len(X), len(self.b[1])))
        for n, x in enumerate(X):
            rows[n, self.forward(x)[1].argmax()] = 1
        return rows

    def evaluate(self, X, y):
        return (self.predict(X).argmax(axis=1) == y).mean()

    def train_epoch(self, X, y, learning_rate=0.001):
        targets = np.zeros((len(y), len(self.b[1])))
        for n in range(len(y)):
            targets[n, y[n]] = 1
        for x, t in zip(X, targets):
            h, z = self.forward(x)
            e = np.exp(z - max(z))
            d = e / sum(e) - t
            back = self.W[1].T @ d * (h > 0)
            self.W[1] -= learning_rate * np.outer(d, h)
            self.b[1] -= learning_rate * d
            self.W[0] -= learning_rate * np.outer(back, x)
            self.b[0] -= learning_rate * back
