class LogisticRegression(nn.Module):
    def __init__(self, n_classes, n_features, **kwargs):
        super().__init__()
        self.linear = nn.Linear(n_features, n_classes)

    def forward(self, x, **kwargs):
        return torch.softmax(self.linear(x), dim=1)


class FeedforwardNetwork(nn.Module):
    def __init__(self, n_classes, n_features, hidden_size, layers, activation_type, dropout, **kwargs):
        super().__init__()
        self.first = nn.Linear(n_features, hidden_size)
        self.hidden = nn.ModuleList([nn.Linear(hidden_size, hidden_size) for _ in range(layers)])
        self.last = nn.Linear(hidden_size, n_classes)
        self.activation = nn.ReLU() if activation_type == "relu" else nn.Tanh()
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, **kwargs):
        x = self.dropout(self.activation(self.first(x)))
        for layer in self.hidden:
            x = self.dropout(self.activation(layer(x)))
        return self.last(x)


def train_batch(X, y, model, optimizer, criterion, **kwargs):
    optimizer.zero_grad()
    loss = criterion(model(X), y)
    loss.backward()
    optimizer.step()
    return loss.item()
