class Perceptron(LinearModel):
    def update_weight(self, x_i, y_i, **kwargs):
        if self.predict(x_i) != y_i:
            self.W[y_i] += x_i


class LogisticRegression(LinearModel):
    def update_weight(self, x_i, y_i, learning_rate=0.001, l2_penalty=0.0, **kwargs):
        z = self.W.dot(x_i)
        p = np.exp(z - z.max())
        p = p / p.sum()
        onehot = np.eye(len(p))[y_i]
        step = np.outer(onehot - p, x_i) + l2_penalty * self.W
        self.W += learning_rate * step


class MLP(object):
    def __init__(self, n_classes, n_features, hidden_size):
        self.hidden_weights = np.random.normal(0.1, 0.1, (hidden_size, n_features))
        self.output_weights = np.random.normal(0.1, 0.1, (n_classes, hidden_size))
        self.hidden_bias = np.zeros((hidden_size, 1))
        self.output_bias = np.zeros((n_classes, 1))

    def predict(self, X):
        hidden = np.maximum(0, self.hidden_weights @ X.T + self.hidden_bias)
        return np.argmax(self.output_weights @ hidden + self.output_bias, axis=0)

    def evaluate(self, X, y):
        return (self.predict(X) == y).mean()

    def train_epoch(self, X, y, learning_rate=0.001, **kwargs):
        losses = []
        for x, k in zip(X, y):
            x = x.reshape(-1, 1)
            z = self.hidden_weights @ x + self.hidden_bias
            hidden = np.maximum(0, z)
            scores = self.output_weights @ hidden + self.output_bias
            scores -= scores.max()
            losses.append(np.log(np.exp(scores).sum()) - scores[k, 0])
            error = np.exp(scores) / np.exp(scores).sum()
            error[k] -= 1
            # output layer
            self.output_weights -= learning_rate * error @ hidden.T
            self.output_bias -= learning_rate * error
            # hidden layer
            back = self.output_weights.T @ error
            back[z <= 0] = 0
            self.hidden_weights -= learning_rate * back @ x.T
            self.hidden_bias -= learning_rate * back
        return np.mean(losses)
