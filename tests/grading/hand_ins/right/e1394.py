    def _forward_pass(self, x_train):
        self.A[0] = x_train
        for layer, W in enumerate(self.weights):
            self.Z[layer] = W @ self.A[layer]
            last = layer == len(self.weights) - 1
            squash = self.output_func if last else self.activation_func
            self.A[layer + 1] = squash(self.Z[layer])
        return self.A[-1]

    def _backward_pass(self, y_train, output):
        delta = self.cost_func_deriv(y_train, output) * self.output_func_deriv(self.Z[-1])
        gradients = [np.outer(delta, self.A[-2])]
        for layer in range(len(self.weights) - 1, 0, -1):
            delta = self.weights[layer].T @ delta * self.activation_func_deriv(self.Z[layer - 1])
            gradients.append(np.outer(delta, self.A[layer - 1]))
        return gradients[::-1]

    def _update_weights(self, weight_gradients):
        self.weights = [W - self.learning_rate * dW for W, dW in zip(self.weights, weight_gradients)]

    def predict(self, x):
        return np.argmax(self._forward_pass(x))
