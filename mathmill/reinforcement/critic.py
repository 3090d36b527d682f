"""PPO's critic: it values the state before each token, which turns rewards into advantages, and learns from them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import torch

from mathmill.recipe import Recipe
from mathmill.recipe_reinforcement import ReinforceRecipe
from mathmill.reinforcement.advantages import generalised, token_rewards
from mathmill.reinforcement.layout import padded
from mathmill.reinforcement.passes import Pass
from mathmill.reinforcement.policy import load_critic
from mathmill.training.session import Session, world_size

if TYPE_CHECKING:
    from mathmill.reinforcement.update import Sums


@dataclass(frozen=True, slots=True)
class CriticLearner:
    """A critic under DeepSpeed."""

    session: Session
    settings: ReinforceRecipe

    @classmethod
    def load(cls, folder: Path, recipe: Recipe, passes: int) -> Self:
        """Begin with the model in `folder`; an optimiser step has so many forward passes."""
        settings = recipe.reinforce
        steps = settings.steps * settings.updates
        optimizer = settings.critic.optimizer
        return cls(Session(load_critic(folder), recipe, optimizer, steps=steps, accumulation=passes), settings)

    @torch.no_grad()
    def judge(self, parts: Sequence[Pass], beta: float) -> None:
        """Set the advantages and returns of a step's tokens.

        A token earns its reward less `beta` times log(pi_old / pi_ref), the penalty of Eq. 2; pi_old is what drew it.
        """
        self.session.engine.eval()
        for part in parts:
            part.values = part.row.by_completion(self.session.engine(part.row))
            penalty = torch.zeros_like(part.row.mask)
            if len(part.reference) and part.sampler is not None:
                penalty = beta * (part.sampler - part.reference) * part.row.mask
            advantages, returns = [], []
            for place, (sample, length) in enumerate(zip(part.samples, part.row.lengths, strict=True)):
                earned = token_rewards(sample).to(penalty) - penalty[place, :length]
                advantage, target = generalised(
                    earned,
                    part.values[place, :length],
                    discount=self.settings.critic.discount,
                    gae_lambda=self.settings.critic.gae_lambda,
                )
                advantages.append(advantage)
                returns.append(target)
            part.coefficients, part.returns = padded(advantages), padded(returns)
        self.session.engine.train()

    def learn(self, parts: Sequence[Pass], sums: "Sums") -> None:
        """One optimiser step on the returns."""
        for part in parts:
            values = part.row.by_completion(self.session.engine(part.row))
            error = value_error(values, part.values, part.returns, self.settings.critic.clip)
            loss = (part.weights * error).sum()
            sums.add(**{"critic/error": (error.detach() * part.mask).sum() / self.settings.updates})
            self.session.backward(loss * (len(parts) * world_size()))
            self.session.step()


def value_error(values: torch.Tensor, old: torch.Tensor, returns: torch.Tensor, clip: float) -> torch.Tensor:
    """The critic's loss at each token: half the greater square of the errors of V and of V kept within `clip`.

    `clip` is how far V may be from what it was before the update.
    PPO's practice (P. Dhariwal et al., baselines, 2017); not in the paper.

    Args:
        values: [completions, tokens], with gradient.
        old: the values before the step's updates.
        returns: what is learned.
        clip: in units of the reward.
    """
    kept = old + (values - old).clamp(-clip, clip)
    return 0.5 * torch.maximum((values - returns) ** 2, (kept - returns) ** 2)
