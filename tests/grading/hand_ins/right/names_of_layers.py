class Perceptron(LinearModel):
    def train_epoch(self, X, y, **kwargs):
        self.mistakes = 0
        super().train_epoch(X, y, **kwargs)
        print("mistakes:", self.mistakes)

    def update_weight(self, x_i, y_i, **kwargs):
        eta = kwargs["learning_rate"] / kwargs["learning_rate"]
        y_hat = (self.W * x_i).sum(axis=1).argmax()
        if y_hat != y_i:
            self.mistakes += 1
            self.W[y_i] += eta * x_i
            self.W[y_hat] -= eta * x_i


class LogisticRegression(LinearModel):
    def update_weight(self, x_i, y_i, learning_rate=0.001):
        exponentials = [np.exp(w_k @ x_i) for w_k in self.W]
        Z = sum(exponentials)
        for k, e_k in enumerate(exponentials):
            indicator = 1 if k == y_i else 0
            self.W[k] += learning_rate * (indicator - e_k / Z) * x_i


class MLP(object):
    def __init__(self, n_classes, n_features, hidden_size):
        self.w_hidden = np.random.normal(0.1, 0.1, size=(hidden_size, n_features))
        self.bias_hidden = np.zeros(hidden_size)
        self.w_out = np.random.normal(0.1, 0.1, size=(n_classes, hidden_size))
        self.bias_out = np.zeros(n_classes)

    def predict(self, X):
        labels = []
        for x in X:
            hidden = np.clip(self.w_hidden @ x + self.bias_hidden, 0, None)
            labels.append((self.w_out @ hidden + self.bias_out).argmax())
        return labels

    def evaluate(self, X, y):
        return np.mean(np.array(self.predict(X)) == y)

    def train_epoch(self, X, y, learning_rate=0.001):
        loss = 0
        for x_i, y_i in zip(X, y):
            before = self.w_hidden.dot(x_i) + self.bias_hidden
            hidden = np.clip(before, 0, None)
            out = self.w_out.dot(hidden) + self.bias_out
            out -= out.max()
            p = np.exp(out) / np.exp(out).sum()
            loss -= np.log(p[y_i]) / len(X)
            d_out = p - np.eye(len(p))[y_i]
            d_hidden = self.w_out.T.dot(d_out) * np.heaviside(before, 0)
            self.w_out -= learning_rate * d_out[:, None] * hidden[None, :]
            self.bias_out -= learning_rate * d_out
            self.w_hidden -= learning_rate * d_hidden[:, None] * x_i[None, :]
            self.bias_hidden -= learning_rate * d_hidden
        return loss
