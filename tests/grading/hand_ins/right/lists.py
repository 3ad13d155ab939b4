class Perceptron(LinearModel):
    def update_weight(self, x_i, y_i, **kwargs):
        guess = self.predict(x_i)
        if guess == y_i:
            return
        self.W[y_i] += x_i
        self.W[guess] -= x_i


class LogisticRegression(LinearModel):
    def update_weight(self, x_i, y_i, learning_rate=0.001, l2_penalty=0.0, **kwargs):
        scores = self.W.dot(x_i)
        probs = np.exp(scores) / np.exp(scores).sum()
        # weight decay first, then the step
        decay = 1 - learning_rate * l2_penalty
        probs[y_i] -= 1
        self.W = decay * self.W - learning_rate * np.outer(probs, x_i)


class MLP(object):
    def __init__(self, n_classes, n_features, hidden_size):
        sizes = [n_features, hidden_size, n_classes]
        self.weights = []
        self.biases = []
        for n_in, n_out in zip(sizes[:-1], sizes[1:]):
            self.weights.append(np.random.normal(0.1, 0.1, (n_out, n_in)))
            self.biases.append(np.zeros(n_out))

    def forward(self, x):
        activations = [x]
        for layer, (W, b) in enumerate(zip(self.weights, self.biases)):
            z = W @ activations[-1] + b
            activations.append(np.maximum(z, 0) if layer == 0 else z)
        return activations

    def predict(self, X):
        return np.array([self.forward(x)[-1].argmax() for x in X])

    def evaluate(self, X, y):
        return (self.predict(X) == y).sum() / len(y)

    def train_epoch(self, X, y, learning_rate=0.001, **kwargs):
        total = 0
        for x, target in zip(X, y):
            activations = self.forward(x)
            logits = activations[-1] - activations[-1].max()
            log_sum = np.log(np.sum(np.exp(logits)))
            total += log_sum - logits[target]
            probs = np.exp(logits - log_sum)
            delta = probs
            delta[target] -= 1
            gradients = []
            for layer in reversed(range(2)):
                gradients.insert(0, (np.outer(delta, activations[layer]), delta))
                delta = (self.weights[layer].T @ delta) * (activations[layer] > 0)
            for layer, (dW, db) in enumerate(gradients):
                self.weights[layer] -= learning_rate * dW
                self.biases[layer] -= learning_rate * db
        return total / len(X)
