"""Policies for stable-baselines3 that score each candidate by the same network."""

from functools import partial
from itertools import pairwise

import torch
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.dqn.policies import DQNPolicy, QNetwork
from torch import nn

from skal.learned._features import CANDIDATE_FEATURES, STATE_FEATURES


class SharedScorer(nn.Module):
    """One network for every candidate: (B, K F + S) becomes (B, K)."""

    def __init__(self, hidden):
        super().__init__()
        self.width, self.n_state = len(CANDIDATE_FEATURES), len(STATE_FEATURES)
        widths = [self.width + self.n_state, *hidden]
        pairs = pairwise(widths)
        layers = [layer for a, b in pairs for layer in (nn.Linear(a, b), nn.ReLU())]
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(widths[-1], 1)

    def features(self, observation):
        """Return what the body makes of each candidate: (B, K, hidden)."""
        rows, state = observation[:, : -self.n_state], observation[:, -self.n_state :]
        rows = rows.reshape(len(rows), -1, self.width)
        state = state[:, None].expand(-1, rows.shape[1], -1)
        return self.body(torch.cat([rows, state], dim=2))

    def forward(self, observation):
        return self.head(self.features(observation))[..., 0]

    def weights(self):
        """Return matrix and offset of each layer, as a Scorer has them."""
        linear = [layer for layer in self.body if isinstance(layer, nn.Linear)]
        return [
            (layer.weight.detach().cpu().numpy().T, layer.bias.detach().cpu().numpy())
            for layer in (*linear, self.head)
        ]


class SetQNetwork(QNetwork):
    """A Q network without an order of actions."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.q_net = SharedScorer(self.net_arch)


class SetDQNPolicy(DQNPolicy):
    """DQN that scores each candidate by the same network."""

    def make_q_net(self):
        """Make a network, or its target."""
        args = self._update_features_extractor(self.net_args, features_extractor=None)
        return SetQNetwork(**args).to(self.device)


class SetExtractor(nn.Module):
    """Scores of the candidates for the actor, their mean features for the critic."""

    def __init__(self, hidden):
        super().__init__()
        self.actor, self.critic = SharedScorer(hidden), SharedScorer(hidden)
        self.latent_dim_pi = self.latent_dim_vf = hidden[-1]

    def forward(self, observation):
        return self.forward_actor(observation), self.forward_critic(observation)

    def forward_actor(self, observation):
        """Return scores: (B, K)."""
        return self.actor(observation)

    def forward_critic(self, observation):
        """Return what the round is like: (B, hidden)."""
        return self.critic.features(observation).mean(dim=1)


class SetActorCriticPolicy(ActorCriticPolicy):
    """PPO that scores each candidate by the same network."""

    def _build_mlp_extractor(self):
        self.mlp_extractor = SetExtractor(self.net_arch)

    def _build(self, lr_schedule):
        super()._build(lr_schedule)
        self.action_net = nn.Identity()  # the scores are the logits
        make = partial(self.optimizer_class, **self.optimizer_kwargs)
        self.optimizer = make(self.parameters(), lr=lr_schedule(1))


def weights_of(model):
    """Return the weights of the scorer inside a trained model."""
    policy = model.policy
    scorer = getattr(policy, "q_net", None)
    scorer = policy.mlp_extractor.actor if scorer is None else scorer.q_net
    return scorer.weights()
