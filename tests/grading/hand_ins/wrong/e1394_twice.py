    def _forward_pass(self, x_train):
        self.A[0] = x_train
        for i, W in enumerate(self.weights[:-1]):
            self.Z[i] = W.dot(self.A[i])
            self.A[i + 1] = self.activation_func(self.Z[i])
        self.Z[-1] = self.weights[-1].dot(self.A[-2])
        self.A[-1] = self.output_func(self.Z[-1])
        return self.A[-1]

    def _backward_pass(self, y_train, output):
        # the derivative of the cross-entropy with the softmax
        delta = output - y_train
        gradients = []
        for i in range(len(self.weights) - 1, -1, -1):
            gradients.insert(0, np.outer(delta, self.A[i]))
            if i > 0:
                delta = self.weights[i].T.dot(delta) * self.activation_func_deriv(self.Z[i - 1])
        return gradients

    def _update_weights(self, weight_gradients):
        for i in range(len(self.weights)):
            self.weights[i] = self.weights[i] - self.learning_rate * weight_gradients[i]

    def predict(self, x):
        return np.argmax(self._forward_pass(x))
