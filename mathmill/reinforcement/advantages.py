"""From the rewards of a group's completions to the weight of each completion in the objective."""

import torch


def group_normalised(rewards: torch.Tensor, epsilon: float) -> torch.Tensor:
    """GRPO's advantage under outcome supervision (section 4.1.2): (r - mean(r)) / std(r) within the group.

    The paper does not say which standard deviation it takes. This one is the population's, divided by G; where all
    rewards of a group are equal, `epsilon` makes the advantages 0 instead of 0/0.

    Args:
        rewards: [questions, G], floating.
        epsilon: added to the standard deviation.

    Returns:
        Advantages [questions, G], the same for every token of a completion.
    """
    centred = rewards - rewards.mean(dim=1, keepdim=True)
    return centred / (rewards.std(dim=1, correction=0, keepdim=True) + epsilon)


def right_only(right: torch.Tensor) -> torch.Tensor:
    """Online RFT's coefficient (Eq. 10): 1 where the answer is right, else 0.

    Args:
        right: [questions, G] bool.

    Returns:
        Coefficients [questions, G] float32.
    """
    return right.float()
