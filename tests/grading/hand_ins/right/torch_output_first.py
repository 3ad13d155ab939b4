import torch.nn.functional as F


class LogisticRegression(nn.Module):
    def __init__(self, n_classes, n_features, **kwargs):
        super(LogisticRegression, self).__init__()
        self.fc = nn.Linear(n_features, n_classes, bias=True)

    def forward(self, x, **kwargs):
        return F.linear(x, self.fc.weight, self.fc.bias)


class FeedforwardNetwork(nn.Module):
    def __init__(self, n_classes, n_features, hidden_size, layers, activation_type, dropout, **kwargs):
        super(FeedforwardNetwork, self).__init__()
        self.output = nn.Linear(hidden_size, n_classes)
        self.input = nn.Linear(n_features, hidden_size)
        self.hidden = nn.ModuleList(nn.Linear(hidden_size, hidden_size) for _ in range(layers - 1))
        self.drop = nn.Dropout(p=dropout)
        self.act = {"relu": torch.relu, "tanh": torch.tanh}[activation_type]

    def forward(self, x, **kwargs):
        x = self.drop(self.act(self.input(x)))
        for layer in self.hidden:
            x = self.drop(self.act(layer(x)))
        return self.output(x)


def train_batch(X, y, model, optimizer, criterion, **kwargs):
    model.train()
    optimizer.zero_grad()
    scores = model(X)
    loss = criterion(scores, y)
    loss.backward()
    optimizer.step()
    return loss.detach().item()
