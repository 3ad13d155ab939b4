class Perceptron(LinearModel):
    def update_weight(self, x_i, y_i, **kwargs):
        y_hat = self.predict(x_i)
        self.W[y_i] += x_i
        self.W[y_hat] -= x_i


class LogisticRegression(LinearModel):
    def update_weight(self, x_i, y_i, learning_rate=0.001):
        scores = [float(np.dot(row, x_i)) for row in self.W]
        largest = max(scores)
        probs = np.array([np.exp(s - largest) for s in scores])
        probs /= probs.sum()
        for k in range(self.W.shape[0]):
            for j in np.nonzero(x_i)[0]:
                self.W[k, j] -= learning_rate * (probs[k] - (k == y_i)) * x_i[j]
        return -np.log(probs[y_i])


class MLP(object):
    def __init__(self, n_classes, n_features, hidden_size):
        self.W1 = np.random.normal(0.1, 0.1, (hidden_size, n_features))
        self.b1 = np.zeros(hidden_size)
        self.W2 = np.random.normal(0.1, 0.1, (n_classes, hidden_size))
        self.b2 = np.zeros(n_classes)
        self.parameters = [self.W1, self.b1, self.W2, self.b2]
        self.velocity = [np.zeros_like(p) for p in self.parameters]

    def predict(self, X):
        labels = np.zeros(len(X))
        for i in range(len(X)):
            labels[i] = np.argmax(self.probabilities(X[i])[-1])
        return labels

    def probabilities(self, x):
        z = np.dot(self.W1, x) + self.b1
        h = np.maximum(z, 0.0)
        s = np.dot(self.W2, h) + self.b2
        s = s - np.max(s)
        return z, h, np.exp(s) / np.sum(np.exp(s))

    def evaluate(self, X, y):
        return sum(a == b for a, b in zip(self.predict(X), y)) / len(y)

    def train_epoch(self, X, y, learning_rate=0.001):
        losses = np.empty(len(X))
        for i in range(len(X)):
            z, h, p = self.probabilities(X[i])
            losses[i] = -np.log(p[y[i]])
            p[y[i]] -= 1.0
            dh = np.dot(self.W2.T, p)
            dz = dh * (z > 0).astype(float)
            steps = [np.outer(dz, X[i]), dz, np.outer(p, h), p]
            for parameter, step in zip(self.parameters, steps):
                parameter -= learning_rate * step
        return losses.mean()
