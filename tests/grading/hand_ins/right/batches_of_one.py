from scipy.special import logsumexp


class Perceptron(LinearModel):
    def update_weight(self, x_i, y_i, learning_rate=0.001, l2_penalty=0.0):
        if self.predict(x_i) != y_i:
            wrong = np.argmax(self.W.dot(x_i))
            self.W[[y_i, wrong]] += np.stack([x_i, -x_i])


class LogisticRegression(LinearModel):
    def update_weight(self, x_i, y_i, learning_rate=0.001, l2_penalty=0.0, **kwargs):
        X = x_i[None, :]
        log_p = X @ self.W.T
        log_p -= logsumexp(log_p, axis=1, keepdims=True)
        error = np.exp(log_p)
        error[np.arange(len(X)), [y_i]] -= 1
        self.W -= learning_rate * (error.T @ X / len(X) + l2_penalty * self.W)


class MLP(object):
    def __init__(self, n_classes, n_features, hidden_size):
        self.first = Layer(n_features, hidden_size)
        self.last = Layer(hidden_size, n_classes)
        self.layers = [self.first, self.last]

    def predict(self, X):
        return self.last(np.maximum(self.first(X), 0)).argmax(axis=-1)

    def evaluate(self, X, y):
        return float((self.predict(X) == y).mean())

    def train_epoch(self, X, y, learning_rate=0.001, **kwargs):
        loss = sum(self.step(X[i : i + 1], y[i : i + 1], learning_rate) for i in range(len(X)))
        return float(loss / len(X))

    def step(self, X, y, eta):
        z = self.first(X)
        h = np.maximum(z, 0)
        scores = self.last(h)
        log_p = scores - logsumexp(scores, axis=1, keepdims=True)
        d = np.exp(log_p)
        d[range(len(y)), y] -= 1
        d_hidden = d @ self.last.W * (z > 0)
        self.last.learn(d, h, eta)
        self.first.learn(d_hidden, X, eta)
        return -log_p[range(len(y)), y].sum()


class Layer:
    def __init__(self, n_in, n_out):
        self.W = np.random.normal(0.1, 0.1, (n_out, n_in))
        self.b = np.zeros((1, n_out))

    def __call__(self, X):
        return X @ self.W.T + self.b

    def learn(self, delta, inputs, eta):
        self.W -= eta * delta.T @ inputs
        self.b -= eta * delta.sum(axis=0, keepdims=True)
