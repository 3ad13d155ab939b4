        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes[:-2], sizes[1:-1]))
        self.out = nn.Linear(sizes[-2], sizes[-1])
        self.layers = [*self.hidden, self.out]
        self.loss_func = nn.BCEWithLogitsLoss()
        self.optimizer = optim.SGD(self.parameters(), lr=learning_rate)

    def _forward_pass(self, x_train):
        for layer in self.hidden:
            x_train = torch.sigmoid(layer(x_train))
        return self.out(x_train)

    def _backward_pass(self, y_train, output):
        self.loss_func(output, y_train.to(output.dtype)).backward()

    def _update_weights(self):
        self.optimizer.step()

    @torch.no_grad()
    def predict(self, x):
        return self._forward_pass(self._flatten(x)).argmax(dim=-1)
