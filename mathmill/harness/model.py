"""A model and mathmill's own rollout engine behind the `LM` interface of lm-evaluation-harness.

Texts become tokens, and contexts too long for the model are cut on the left, as the harness's own `hf` model does it,
so that both see the same. Completions are drawn by `TransformersEngine`. Log-likelihoods come from packed forward
passes, which read a text once for all the requests that differ in its last token only, as choices by letter do.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import torch
from lm_eval.api.model import TemplateLM
from lm_eval.models.utils import resolve_max_length
from lm_eval.utils import get_rolling_token_windows, make_disjoint_window
from typing_extensions import override

from mathmill.errors import UserError
from mathmill.harness.settings import read_settings
from mathmill.progress import progress
from mathmill.rollout.continuation import own_seed
from mathmill.rollout.transformers_engine import TransformersEngine
from mathmill.training.segment_attention import segment_attention

if TYPE_CHECKING:
    from mathmill.recipe_sampling import SamplingRecipe

PASS_TOKENS = 4096
"""Tokens of a forward pass, but for a single text that is longer."""


class HarnessModel(TemplateLM):
    """An `LM` of the harness."""

    def __init__(self, network: Any, tokenizer: Any, *, batch: int, seed: int) -> None:
        """Ask `network`.

        Args:
            network: a causal language model of the Transformers library, in evaluation mode.
            tokenizer: its tokenizer.
            batch: completions that are drawn at a time.
            seed: of the completions that are sampled.
        """
        super().__init__()
        self.tokenizer = tokenizer
        self.max_length = resolve_max_length(network.config, tokenizer)
        self._network = network
        self._engine = TransformersEngine(network, tokenizer, batch=batch)
        self._portion = 4 * batch
        self._seed = seed

    @property
    def eot_token_id(self) -> int:
        """The token that ends a text."""
        return int(self.tokenizer.eos_token_id)

    @property
    def prefix_token_id(self) -> int:
        """The token before a text that has no context."""
        begin = self.tokenizer.bos_token_id
        return self.eot_token_id if begin is None else int(begin)

    @property
    def tokenizer_name(self) -> str:
        """Names the tokenizer in the harness's caches."""
        return str(self.tokenizer.name_or_path).replace("/", "__")

    @override
    def tok_encode(self, string: str, add_special_tokens: bool | None = None, **kwargs: Any) -> list[int]:
        """Token ids, by default with the tokenizer's special ones unless the text begins with them already."""
        if add_special_tokens is None:
            add_special_tokens = not string.startswith(self.tokenizer.decode(self.prefix_token_id))
        return list(self.tokenizer.encode(string, add_special_tokens=add_special_tokens))

    @override
    def apply_chat_template(self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
        """Turns of a conversation as one text; without a generation prompt the last turn is left open.

        Where a template knows no system turn, as the paper's, the system's text stands in front of the first question.
        (The harness's own `hf` model leaves it out there.)
        """
        turns = chat_history
        if turns[0]["role"] == "system" and "system" not in self.tokenizer.get_chat_template():
            system, first, *rest = turns
            turns = [{**first, "content": f"{system['content']}\n\n{first['content']}"}, *rest]
        return str(
            self.tokenizer.apply_chat_template(
                turns,
                tokenize=False,
                add_generation_prompt=add_generation_prompt,
                continue_final_message=not add_generation_prompt,
            )
        )

    @override
    def generate_until(self, requests: Sequence[Any], disable_tqdm: bool = False) -> list[str]:
        """The completion of each request's context under the request's own settings.

        Raises:
            UserError: the engine has no such setting, or the context has no room for so long a completion.
        """
        texts = [""] * len(requests)
        drawn = self._completions([request.args for request in requests])
        for number, text in progress(drawn, total=len(requests), unit="completions"):
            texts[number] = text
        return texts

    @override
    def loglikelihood_rolling(self, requests: Sequence[Any], disable_tqdm: bool = False) -> list[float]:
        """The log-likelihood of each whole text in nats; of a long one in windows that tell each token once."""
        windows = [
            (number, make_disjoint_window(window))
            for number, request in enumerate(requests)
            for window in get_rolling_token_windows(
                token_list=self.tok_encode(request.args[0]),
                prefix_token=self.prefix_token_id,
                max_seq_len=self.max_length,
                context_len=1,
            )
        ]
        scores = self._loglikelihood_tokens([(None, *window) for _, window in windows])
        totals = [0.0] * len(requests)
        for (number, _), (log_likelihood, _) in zip(windows, scores, strict=True):
            totals[number] += log_likelihood
        return totals

    @override
    def _loglikelihood_tokens(
        self, requests: Sequence[tuple[Any, list[int], list[int]]], **kwargs: Any
    ) -> list[tuple[float, bool]]:
        """Of each continuation its log-likelihood in nats, and whether greedy decoding would give it."""
        scores = [(0.0, False)] * len(requests)
        told = self._scores([(context, continuation) for _, context, continuation in requests])
        for number, score in progress(told, total=len(requests), unit="continuations"):
            scores[number] = score
        return scores

    def _completions(self, requests: Sequence[tuple[str, Mapping[str, Any]]]) -> Iterator[tuple[int, str]]:
        """Number and completion of each request, those of equal settings together.

        A request that stands several times, as a task's `repeats` make it, gets completions of several seeds.
        """
        end = self.tokenizer.decode(self.eot_token_id)
        alike: dict[tuple[str, ...], tuple[SamplingRecipe, list[int]]] = {}
        for number, (_, asked) in enumerate(requests):
            sampling, stop = read_settings(asked, end)
            alike.setdefault((sampling.model_dump_json(), *stop), (sampling, []))[1].append(number)
        times: Counter[str] = Counter()
        for (_, *stops), (sampling, numbers) in alike.items():
            for start in range(0, len(numbers), self._portion):
                portion = numbers[start : start + self._portion]
                prompts, seeds = [], []
                for context in (requests[number][0] for number in portion):
                    prompts.append(self._prompt(context, sampling.max_new_tokens))
                    seeds.append(own_seed(self._seed, times[context]))
                    times[context] += 1
                groups = self._engine.generate(prompts, sampling, samples=1, seed=seeds, stop=stops)
                yield from zip(portion, (one.text for [one] in groups), strict=True)

    def _prompt(self, context: str, new_tokens: int) -> list[int]:
        """The end of the context that leaves room for a completion."""
        room = self.max_length - new_tokens
        if room <= 0:
            raise UserError(
                f"a task asks for {new_tokens} new tokens (max_gen_toks) and the model's whole context is"
                f" {self.max_length}: lower it in a task file of your own (--include)"
            )
        return self.tok_encode(context)[-room:]

    @torch.no_grad()
    def _scores(self, asked: Sequence[tuple[list[int], list[int]]]) -> Iterator[tuple[int, tuple[float, bool]]]:
        """Number and score of each context with continuation."""
        read: dict[tuple[int, ...], list[int]] = {}
        for number, (context, continuation) in enumerate(asked):
            if len(continuation) > self.max_length:
                raise UserError(
                    f"a continuation of {len(continuation)} tokens exceeds the model's context of {self.max_length}"
                )
            tokens = (context + continuation)[-(self.max_length + 1) : -1]
            read.setdefault(tuple(tokens), []).append(number)
        for texts in portions(list(read)):
            counts = [max(len(asked[number][1]) for number in read[text]) for text in texts]
            for text, logits in zip(texts, self._logits(texts, counts), strict=True):
                for number in read[text]:
                    yield number, score(logits, asked[number][1])

    def _logits(self, texts: Sequence[Sequence[int]], counts: Sequence[int]) -> tuple[torch.Tensor, ...]:
        """Of each text the logits after its last `counts` tokens: [count, vocabulary] each."""
        device = self._network.device
        ends = list(accumulate(map(len, texts)))
        kept = [place for end, count in zip(ends, counts, strict=True) for place in range(end - count, end)]
        with segment_attention(self._network):
            logits = self._network(
                input_ids=torch.tensor([[token for text in texts for token in text]], device=device),
                position_ids=torch.tensor([[place for text in texts for place in range(len(text))]], device=device),
                segment_lengths=tuple(map(len, texts)),
                logits_to_keep=torch.tensor(kept, device=device),
                use_cache=False,
            ).logits[0]
        rows: tuple[torch.Tensor, ...] = logits.split(list(counts))
        return rows


def score(logits: torch.Tensor, continuation: Sequence[int]) -> tuple[float, bool]:
    """Log-likelihood of a continuation in nats, and whether each of its tokens is the likeliest one.

    Args:
        logits: [tokens at least as many as the continuation's, vocabulary], the last ones before each of these.
        continuation: token ids.
    """
    exact = logits[-len(continuation) :].to(torch.promote_types(logits.dtype, torch.float32))
    targets = torch.tensor(continuation, device=logits.device)
    log_probs = exact.gather(-1, targets[:, None])[:, 0] - exact.logsumexp(-1)
    return float(log_probs.sum()), bool((exact.argmax(-1) == targets).all())


def portions(texts: Sequence[tuple[int, ...]]) -> Iterator[list[tuple[int, ...]]]:
    """The texts in parts of at most `PASS_TOKENS` tokens; a longer one is a part by itself."""
    part: list[tuple[int, ...]] = []
    tokens = 0
    for text in texts:
        if part and tokens + len(text) > PASS_TOKENS:
            yield part
            part, tokens = [], 0
        part.append(text)
        tokens += len(text)
    if part:
        yield part
