HIDDEN = 200  # as the script asks
CLASSES = 4


class Perceptron(LinearModel):
    def update_weight(self, x_i, y_i, **kwargs):
        scores = [self.W[k].dot(x_i) for k in range(CLASSES)]
        best = scores.index(max(scores))
        if best != y_i:
            self.W[y_i] += x_i
            self.W[best] -= x_i


class LogisticRegression(LinearModel):
    def update_weight(self, x_i, y_i, learning_rate=0.001):
        target = np.array([float(k == y_i) for k in range(CLASSES)])
        z = self.W @ x_i
        probs = np.exp(z) / np.exp(z).sum()
        self.W += learning_rate * np.outer(target - probs, x_i)


class MLP(object):
    def __init__(self, n_classes, n_features, hidden_size):
        self.W1 = np.random.normal(0.1, 0.1, (hidden_size, n_features))
        self.W2 = np.random.normal(0.1, 0.1, (n_classes, hidden_size))
        self.b1 = np.zeros(hidden_size)
        self.b2 = np.zeros(n_classes)

    def predict(self, X):
        hidden = np.maximum(X @ self.W1.T + self.b1, 0)
        return (hidden @ self.W2.T + self.b2).argmax(axis=1)

    def evaluate(self, X, y):
        return np.mean(self.predict(X) == y)

    def train_epoch(self, X, y, learning_rate=0.001):
        total = 0.0
        for x, label in zip(X, y):
            z = self.W1 @ x + self.b1
            hidden = np.maximum(z, 0)
            scores = self.W2 @ hidden + self.b2
            scores -= scores.max()
            probs = np.exp(scores) / np.exp(scores).sum()
            total -= np.log(probs[label])
            error = probs - np.eye(CLASSES)[label]
            back = self.W2.T @ error
            slope = np.zeros(HIDDEN)
            for unit in range(HIDDEN):
                if z[unit] > 0:
                    slope[unit] = 1
            back = back * slope
            self.W2 -= learning_rate * np.outer(error, hidden)
            self.b2 -= learning_rate * error
            self.W1 -= learning_rate * np.outer(back, x)
            self.b1 -= learning_rate * back
        return total / len(y)
