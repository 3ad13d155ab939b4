    def _forward_pass(self, x_train):
        self.A[0] = x_train
        for i in range(len(self.weights)):
            self.Z[i] = np.dot(self.weights[i], self.A[i])
            self.A[i + 1] = self.activation_func(self.Z[i])
        return self.A[-1]

    def _backward_pass(self, y_train, output):
        gradients = [None] * len(self.weights)
        delta = self.cost_func_deriv(y_train, output) * self.output_func_deriv(self.Z[-1])
        for i in reversed(range(len(self.weights))):
            gradients[i] = np.outer(delta, self.A[i])
            if i:
                delta = np.dot(self.weights[i].T, delta) * self.activation_func_deriv(self.Z[i - 1])
        return gradients

    def _update_weights(self, weight_gradients):
        for W, gradient in zip(self.weights, weight_gradients):
            W -= self.learning_rate * gradient

    def predict(self, x):
        return self._forward_pass(x).argmax()
