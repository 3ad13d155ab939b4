def one_hot(labels, n_classes):
    encoded = np.zeros((len(labels), n_classes))
    encoded[np.arange(len(labels)), labels] = 1
    return encoded


def softmax(z):
    shifted = np.exp(z - z.max())
    return shifted / shifted.sum()


class Perceptron(LinearModel):
    def update_weight(self, x_i, y_i, **kwargs):
        scores = np.dot(self.W, x_i)
        best = int(np.argmax(scores))
        update = np.zeros_like(self.W)
        update[y_i] = update[y_i] + x_i
        update[best] = update[best] - x_i
        self.W += update


class LogisticRegression(LinearModel):
    def update_weight(self, x_i, y_i, learning_rate=0.001):
        n_classes = self.W.shape[0]
        p = softmax(self.W @ x_i).reshape(n_classes, 1)
        t = one_hot([y_i], n_classes).T
        self.W -= learning_rate * (p - t) @ x_i.reshape(1, -1)


class MLP(object):
    def __init__(self, n_classes, n_features, hidden_size):
        self.params = {
            "W1": np.random.normal(loc=0.1, scale=0.1, size=(hidden_size, n_features)),
            "W2": np.random.normal(loc=0.1, scale=0.1, size=(n_classes, hidden_size)),
            "b1": np.zeros(hidden_size),
            "b2": np.zeros(n_classes),
        }
        self.n_classes = n_classes

    def predict(self, X):
        P = self.params
        hidden = np.maximum(0, X @ P["W1"].T + P["b1"])
        return np.argmax(hidden @ P["W2"].T + P["b2"], axis=1)

    def evaluate(self, X, y):
        return np.mean(self.predict(X) == y)

    def gradients(self, x, t):
        P = self.params
        z1 = P["W1"] @ x + P["b1"]
        h1 = np.where(z1 > 0, z1, 0)
        probs = softmax(P["W2"] @ h1 + P["b2"])
        d2 = probs - t
        d1 = np.where(z1 > 0, d2 @ P["W2"], 0)
        loss = -np.sum(t * np.log(probs))
        return loss, {"W1": np.outer(d1, x), "W2": np.outer(d2, h1), "b1": d1, "b2": d2}

    def train_epoch(self, X, y, learning_rate=0.001):
        losses = []
        for x, t in zip(X, one_hot(y, self.n_classes)):
            loss, grads = self.gradients(x, t)
            losses.append(loss)
            for name in self.params:
                self.params[name] = self.params[name] - learning_rate * grads[name]
        return np.mean(losses)
