    def initialize_weights(self, dims):
        if self.seed is not None:
            np.random.seed(self.seed)
        widths = [dims[0], *self.hidden_dims, dims[1]]
        self.weights = {}
        for n in range(1, len(widths)):
            bound = widths[n - 1] ** -0.5
            self.weights["W%d" % n] = np.random.uniform(-bound, bound, (widths[n - 1], widths[n]))
            self.weights["b%d" % n] = np.zeros((1, widths[n]))

    def relu(self, x, grad=False):
        return (x > 0).astype(float) if grad else np.maximum(x, 0)

    def sigmoid(self, x, grad=False):
        s = 1 / (1 + np.exp(-x))
        return s * (1 - s) if grad else s

    def tanh(self, x, grad=False):
        return 1 - np.tanh(x) ** 2 if grad else np.tanh(x)

    def activation(self, x, grad=False):
        return getattr(self, self.activation_str)(x, grad)

    def softmax(self, x):
        e = np.exp(x - np.max(x, axis=-1, keepdims=True))
        return e / e.sum(axis=-1, keepdims=True)

    def forward(self, x):
        cache = {"Z0": x}
        for n in range(1, self.n_hidden + 2):
            A = cache["Z%d" % (n - 1)] @ self.weights["W%d" % n] + self.weights["b%d" % n]
            cache["A%d" % n] = A
            cache["Z%d" % n] = self.softmax(A) if n > self.n_hidden else self.activation(A)
        return cache

    def backward(self, cache, labels):
        grads = {}
        size = len(labels)
        dA = cache["Z%d" % (self.n_hidden + 1)] - labels
        for n in range(self.n_hidden + 1, 0, -1):
            grads["dA%d" % n] = dA
            grads["dW%d" % n] = cache["Z%d" % (n - 1)].T @ dA / size
            grads["db%d" % n] = dA.mean(axis=0, keepdims=True)
            if n > 1:
                grads["dZ%d" % (n - 1)] = dA @ self.weights["W%d" % n].T
                dA = grads["dZ%d" % (n - 1)] * self.activation(cache["A%d" % (n - 1)], grad=True)
        return grads

    def update(self, grads):
        for name in self.weights:
            self.weights[name] -= self.lr * grads["d" + name]

    def one_hot(self, y):
        return np.eye(self.n_classes)[y]

    def loss(self, prediction, labels):
        clipped = np.clip(prediction, self.epsilon, 1 - self.epsilon)
        return -np.mean(np.sum(labels * np.log(clipped), axis=1))
