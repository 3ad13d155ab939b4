class Perceptron(LinearModel):
    def update_weight(self, x_i, y_i, **kwargs):
        eta = kwargs.get("learning_rate", 0.001)
        y_hat = self.predict(x_i)
        if y_hat != y_i:
            self.W[y_i] += eta * x_i
            self.W[y_hat] -= eta * x_i


class LogisticRegression(LinearModel):
    def update_weight(self, x_i, y_i, learning_rate=0.001, l2_penalty=0.0, **kwargs):
        scores = self.W @ x_i
        probs = np.exp(scores) / np.sum(np.exp(scores))
        probs[y_i] -= 1
        self.W = self.W - learning_rate * np.outer(probs, x_i)


class MLP(object):
    def __init__(self, n_classes, n_features, hidden_size):
        self.W1 = np.random.normal(0.1, 0.1, (hidden_size, n_features))
        self.W2 = np.random.normal(0.1, 0.1, (n_classes, hidden_size))
        self.b1 = np.zeros(hidden_size)
        self.b2 = np.zeros(n_classes)

    def relu(self, z):
        return np.maximum(0, z)

    def relu_prime(self, z):
        return np.where(z > 0, 1, 0)

    def softmax(self, z):
        return np.exp(z - z.max()) / np.exp(z - z.max()).sum()

    def predict(self, X):
        return np.array([
            np.argmax(self.W2 @ self.relu(self.W1 @ x + self.b1) + self.b2) for x in X
        ])

    def evaluate(self, X, y):
        return np.mean(self.predict(X) == y)

    def train_epoch(self, X, y, learning_rate=0.001, **kwargs):
        loss = 0
        for x, t in zip(X, y):
            z1 = self.W1 @ x + self.b1
            h1 = self.relu(z1)
            scores = self.W2 @ h1 + self.b2
            p = self.softmax(scores)
            loss += scores.max() + np.log(np.exp(scores - scores.max()).sum()) - scores[t]
            delta2 = p - np.eye(len(p))[t]
            delta1 = self.W2.T @ delta2
            # derivative of the activation
            delta1 = delta1 * self.relu_prime(delta1)
            self.W1 -= learning_rate * np.outer(delta1, x)
            self.b1 -= learning_rate * delta1
            self.W2 -= learning_rate * np.outer(delta2, h1)
            self.b2 -= learning_rate * delta2
        return loss / len(X)
