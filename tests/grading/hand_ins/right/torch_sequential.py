class LogisticRegression(nn.Module):
    def __init__(self, n_classes, n_features, **kwargs):
        super().__init__()
        self.layer = nn.Linear(n_features, n_classes)

    def forward(self, x, **kwargs):
        return self.layer(x)


class FeedforwardNetwork(nn.Module):
    def __init__(self, n_classes, n_features, hidden_size, layers, activation_type, dropout, **kwargs):
        super().__init__()
        blocks = []
        for n_in in [n_features] + [hidden_size] * (layers - 1):
            blocks += [
                nn.Linear(n_in, hidden_size),
                nn.Tanh() if activation_type == "tanh" else nn.ReLU(),
                nn.Dropout(dropout),
            ]
        self.net = nn.Sequential(*blocks, nn.Linear(hidden_size, n_classes))

    def forward(self, x, **kwargs):
        return self.net(x)


def train_batch(X, y, model, optimizer, criterion, **kwargs):
    loss = criterion(model(X), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()
