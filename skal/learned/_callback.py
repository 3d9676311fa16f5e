"""What happens between the steps of a training: a bar moves, the agent is kept."""

from stable_baselines3.common.callbacks import BaseCallback

#: Steps between two checkpoints.
_EVERY = 2000


class Watch(BaseCallback):
    """Move a progress bar, and keep the agent now and then."""

    def __init__(self, folder, step):
        super().__init__()
        self.folder, self.step = folder, step

    def _on_step(self):
        self.step(1)
        if self.n_calls % _EVERY == 0:
            self.keep()
        return True

    def keep(self):
        """Keep the agent, and what it remembers."""
        if self.folder is None:
            return
        if hasattr(self.model, "save_replay_buffer"):
            self.model.save_replay_buffer(self.folder / "buffer.pkl")
        unfinished = self.folder / "agent.part.zip"
        self.model.save(unfinished)
        unfinished.replace(self.folder / "agent.zip")
