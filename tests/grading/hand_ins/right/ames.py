def solve_analytically(X, y):
    return np.linalg.pinv(X) @ y


class LinearRegression(_RegressionModel):
    def __init__(self, n_features, **kwargs):
        self.w = np.zeros(n_features)

    def update_weight(self, x_i, y_i, learning_rate=0.001):
        residual = y_i - self.w.dot(x_i)
        self.w += learning_rate * residual * x_i

    def predict(self, X):
        return X.dot(self.w)


class NeuralRegression(_RegressionModel):
    def __init__(self, n_features, hidden):
        self.W1 = np.random.normal(0.1, 0.1, (hidden, n_features))
        self.b1 = np.zeros((hidden, 1))
        self.W2 = np.random.normal(0.1, 0.1, (1, hidden))
        self.b2 = 0

    def update_weight(self, x_i, y_i, learning_rate=0.001):
        x = x_i.reshape(-1, 1)
        z = self.W1 @ x + self.b1
        h = np.maximum(z, 0)
        error = self.W2 @ h + self.b2 - y_i
        back = self.W2.T @ error * (z > 0)
        self.W2 = self.W2 - learning_rate * error @ h.T
        self.b2 = self.b2 - learning_rate * error
        self.W1 = self.W1 - learning_rate * back @ x.T
        self.b1 = self.b1 - learning_rate * back

    def predict(self, X):
        hidden = np.maximum(self.W1 @ X.T + self.b1, 0)
        return (self.W2 @ hidden + self.b2).ravel()
