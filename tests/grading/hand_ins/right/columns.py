class Perceptron(LinearModel):
    def update_weight(self, x_i, y_i, **kwargs):
        y_hat = self.predict(x_i.reshape(1, -1))[0]
        if y_hat != y_i:
            self.W[y_i, :] = self.W[y_i, :] + x_i
            self.W[y_hat, :] = self.W[y_hat, :] - x_i


class LogisticRegression(LinearModel):
    def update_weight(self, x_i, y_i, learning_rate=0.001, l2_penalty=0.0, **kwargs):
        x = np.expand_dims(x_i, 1)
        scores = np.dot(self.W, x)
        scores = scores - np.max(scores)
        probabilities = np.exp(scores) / np.sum(np.exp(scores), axis=0)
        target = np.zeros(probabilities.shape)
        target[y_i, 0] = 1.0
        gradient = np.dot(probabilities - target, x.T)
        if l2_penalty > 0:
            gradient = gradient + l2_penalty * self.W
        self.W = self.W - learning_rate * gradient


class MLP(object):
    def __init__(self, n_classes, n_features, hidden_size):
        mu, sigma = 0.1, 0.1
        self.W1 = mu + sigma * np.random.randn(hidden_size, n_features)
        self.W2 = mu + sigma * np.random.randn(n_classes, hidden_size)
        self.B1 = np.zeros((hidden_size, 1))
        self.B2 = np.zeros((n_classes, 1))

    @staticmethod
    def relu(z):
        return (z + abs(z)) / 2

    def scores(self, X):
        Z1 = np.dot(self.W1, X) + self.B1
        H1 = self.relu(Z1)
        Z2 = np.dot(self.W2, H1) + self.B2
        return Z1, H1, Z2

    def predict(self, X):
        Z2 = self.scores(X.T)[-1]
        E = np.exp(Z2 - Z2.max(axis=0))
        return (E / E.sum(axis=0)).argmax(axis=0)

    def evaluate(self, X, y):
        n_correct = (y == self.predict(X)).sum()
        return n_correct / y.shape[0]

    def train_epoch(self, X, y, learning_rate=0.001, **kwargs):
        epoch_loss = 0.0
        for n in range(X.shape[0]):
            x = X[n][:, None]
            Z1, H1, Z2 = self.scores(x)
            log_sum = Z2.max() + np.log(np.exp(Z2 - Z2.max()).sum())
            epoch_loss += log_sum - Z2[y[n], 0]
            dZ2 = np.exp(Z2 - log_sum)
            dZ2[y[n]] -= 1
            dW2, dB2 = dZ2.dot(H1.T), dZ2
            dZ1 = self.W2.T.dot(dZ2)
            dZ1[Z1 <= 0] = 0
            dW1, dB1 = dZ1.dot(x.T), dZ1
            self.W2 -= learning_rate * dW2
            self.B2 -= learning_rate * dB2
            self.W1 -= learning_rate * dW1
            self.B1 -= learning_rate * dB1
        self.last_loss = epoch_loss / X.shape[0]
        return self.last_loss
