        layers = []
        for n_in, n_out in zip(sizes[:-1], sizes[1:]):
            layers += [nn.Linear(n_in, n_out), nn.Sigmoid()]
        self.network = nn.Sequential(*layers)
        self.loss_func = nn.BCEWithLogitsLoss()
        self.optimizer = optim.SGD(self.parameters(), lr=learning_rate)

    def _forward_pass(self, x_train):
        # the last layer's sigmoid, and the loss has another one
        return self.network(x_train)

    def _backward_pass(self, y_train, output):
        loss = self.loss_func(output, y_train.float())
        loss.backward()
        return loss.item()

    def _update_weights(self):
        self.optimizer.step()
        self.optimizer.zero_grad()

    def predict(self, x):
        return torch.max(self._forward_pass(self._flatten(x)), dim=1).indices
