"""A vLLM that draws completions for another process; run by the Python of the environment that has vLLM.

It stands alone, since that environment has no mathmill: it imports the standard library and vLLM. `VllmEngine` starts
it with the number of an open socket and sends it one tuple after another, each answered before the next:

| asked | answered |
|---|---|
| `start`, options | `ready`, vLLM's version, whether it sleeps between batches; or `absent` where it is not installed |
| `load`, version, folder | `loaded`, version |
| `draw`, [(prompt, seed), ...], sampling | `drawn`, version, [(token ids, log-probs, finish reason), ...] |

It ends when the socket closes. An exception ends it as well: its traceback is the message.
"""

import importlib.util
import sys
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

Request = tuple[list[int], int]
"""Token ids of a prompt, and the seed of the completion."""
Drawn = tuple[list[int], list[float], str]
"""Token ids with the one that ended it, their log-probabilities, and `stop` or `length`."""


class Server:
    """The model in vLLM, and which weights it has."""

    def __init__(self, options: dict[str, Any]) -> None:
        """Load the model.

        Args:
            options: `model`, its folder; `dtype`; `context`, the greatest length in tokens; `memory`, the share of the
                device's to take; `sleep`, whether to leave the device between batches where it is a GPU.
        """
        import vllm
        from vllm.platforms import current_platform

        self.vllm_version = vllm.__version__
        self.sleeps = options["sleep"] and not current_platform.is_cpu()
        self._llm = vllm.LLM(
            model=options["model"],
            dtype=options["dtype"],
            max_model_len=options["context"],
            gpu_memory_utilization=options["memory"],
            enable_sleep_mode=self.sleeps,
            # Where it has evaluated a prompt in part, vLLM winds back the request's generator, which CPUs cannot.
            enable_chunked_prefill=not current_platform.is_cpu(),
            # Of softmax(logits / temperature); it would be after the cut of top-p as well, which is never asked for.
            logprobs_mode="processed_logprobs",
            generation_config="vllm",
        )
        self._version = 0
        self._asleep = False
        self._sleep()

    def load(self, version: int, folder: str) -> int:
        """Take the weights in the safetensors files of `folder`; the version it has then."""
        self._wake()
        self._llm.collective_rpc("reload_weights", kwargs={"weights_path": folder})
        # Keys and values of prompts seen before are those of the old weights.
        if not self._llm.reset_prefix_cache():
            raise RuntimeError("vLLM did not forget the prompts that it evaluated with the old weights")
        self._version = version
        return version

    def draw(self, requests: list[Request], sampling: dict[str, Any]) -> tuple[int, list[Drawn]]:
        """The version of the weights, and a completion for each request."""
        from vllm import SamplingParams

        self._wake()
        outputs = self._llm.generate(
            [{"prompt_token_ids": prompt} for prompt, _ in requests],
            [
                SamplingParams(
                    **sampling,
                    seed=seed,
                    logprobs=0,  # none but the drawn token's
                    ignore_eos=True,  # the tokens that end a completion are in `stop_token_ids`, all of them
                    detokenize=bool(sampling["stop"]),
                    include_stop_str_in_output=True,
                )
                for _, seed in requests
            ],
            use_tqdm=False,
        )
        self._sleep()
        return self._version, [_drawn(output.outputs[0]) for output in outputs]

    def _sleep(self) -> None:
        """Move the weights to the machine's memory and drop the cache of keys and values."""
        if self.sleeps:
            self._llm.sleep(level=1)
            self._asleep = True

    def _wake(self) -> None:
        if self._asleep:
            self._llm.wake_up()
            self._asleep = False


def _drawn(completion: Any) -> Drawn:
    token_ids = list(completion.token_ids)
    log_probs = [choices[token].logprob for choices, token in zip(completion.logprobs, token_ids, strict=True)]
    return token_ids, log_probs, completion.finish_reason


def serve(connection: Connection) -> None:
    """Answer until the other side closes `connection`."""
    _, options = connection.recv()
    if importlib.util.find_spec("vllm") is None:
        connection.send(("absent",))
        return
    server = Server(options)
    connection.send(("ready", server.vllm_version, server.sleeps))
    while True:
        message = connection.recv()
        if message[0] == "load":
            connection.send(("loaded", server.load(*message[1:])))
        else:
            connection.send(("drawn", *server.draw(*message[1:])))


if __name__ == "__main__":
    with suppress(EOFError):
        serve(Connection(int(sys.argv[1])))
