class Perceptron(LinearModel):
    def update_weight(self, x_i, y_i, **kwargs):
        prediction = self.predict(x_i)
        if prediction != y_i:
            self.W[y_i] += y_i * x_i
            self.W[prediction] -= y_i * x_i


class LogisticRegression(LinearModel):
    def update_weight(self, x_i, y_i, learning_rate=0.001):
        p = 1 / (1 + np.exp(-np.dot(self.W, x_i)))
        target = np.zeros(len(p))
        target[y_i] = 1
        self.W -= learning_rate * np.outer(p - target, x_i)


class MLP(object):
    def __init__(self, n_classes, n_features, hidden_size):
        self.W = [np.random.normal(0.1, 0.1, (hidden_size, n_features)),
                  np.random.normal(0.1, 0.1, (n_classes, hidden_size))]
        self.b = [np.zeros(hidden_size), np.zeros(n_classes)]

    def forward(self, x):
        h = np.maximum(self.W[0].dot(x) + self.b[0], 0)
        z = self.W[1].dot(h) + self.b[1]
        return h, np.exp(z - max(z)) / sum(np.exp(z - max(z)))

    def predict(self, X):
        return np.array([np.argmax(self.forward(x)[1]) for x in X])

    def evaluate(self, X, y):
        return np.mean(self.predict(X) == y)

    def train_epoch(self, X, y, learning_rate=0.001):
        total = 0
        for x, y_true in zip(X, y):
            h, p = self.forward(x)
            total += -np.log(p[y_true])
            grad = p - y_true
            grad_h = self.W[1].T.dot(grad)
            grad_h[h == 0] = 0
            self.W[1] -= learning_rate * np.outer(grad, h)
            self.b[1] -= learning_rate * grad
            self.W[0] -= learning_rate * np.outer(grad_h, x)
            self.b[0] -= learning_rate * grad_h
        return total / len(y)
