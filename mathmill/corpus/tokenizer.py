"""The tokenizer of a corpus: taken from a folder or the Hugging Face hub, or trained; and how it encodes documents.

Only `tokenizers` is used, so any tokenizer with a `tokenizer.json` will do.
"""

import fnmatch
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from mathmill.errors import UserError

BEGIN, END, PAD = "<|begin|>", "<|end|>", "<|pad|>"
FILE = "tokenizer.json"
SETTINGS = ("tokenizer_config.json", "special_tokens_map.json")
"""Files that name the end-of-text token as `eos_token`, in the order they are asked."""
FILES = (FILE, *SETTINGS, "added_tokens.json", "vocab.json", "merges.txt", "*.model", "chat_template*", "config.json")
"""What of a folder belongs to its tokenizer."""

Tokens = npt.NDArray[np.int32]


def take_tokenizer(name: str, folder: Path) -> None:
    """Make `folder` with the tokenizer that the folder or hub repository `name` has.

    Raises:
        UserError: there is none, or it has no `tokenizer.json`.
    """
    source = Path(name) if Path(name).is_dir() else _from_hub(name)
    if not (source / FILE).is_file():
        raise UserError(f"{name} holds no {FILE}: name a folder or hub repository that has one")
    folder.mkdir()
    for file in sorted(source.iterdir()):
        if file.is_file() and any(fnmatch.fnmatch(file.name, pattern) for pattern in FILES):
            shutil.copyfile(file, folder / file.name)


def _from_hub(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError

    try:
        return Path(snapshot_download(name, allow_patterns=list(FILES)))
    except (OSError, HFValidationError) as error:
        reason = " ".join(str(error).split())[:300]
        raise UserError(f"tokenizer {name} is no folder and cannot be loaded from the hub: {reason}") from error


def train_tokenizer(texts: Iterator[str], vocabulary: int) -> Tokenizer:
    """A byte-level BPE in which every digit is a token of its own."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[BEGIN, END, PAD],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def save_trained(tokenizer: Tokenizer, folder: Path) -> None:
    """Make `folder` with a trained tokenizer, as `transformers` loads it."""
    folder.mkdir()
    tokenizer.save(str(folder / FILE))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": BEGIN,
        "eos_token": END,
        "pad_token": PAD,
        "clean_up_tokenization_spaces": False,
    }
    (folder / SETTINGS[0]).write_text(json.dumps(settings, indent=2), encoding="utf-8")


class Encoder:
    """Encodes documents: the tokens of the text as it is, then the end-of-text token where the tokenizer has one."""

    def __init__(self, folder: Path) -> None:
        """Load the tokenizer in `folder`.

        Raises:
            UserError: it is damaged, or does not know its own end-of-text token.
        """
        # Spark runs a worker on every core, and forks them, which the library's threads do not outlive.
        os.environ["TOKENIZERS_PARALLELISM"] = "false"
        content = (folder / FILE).read_bytes()
        try:
            self._tokenizer = Tokenizer.from_buffer(content)
        except Exception as error:
            raise UserError(f"{folder / FILE} is no tokenizer: {error}") from error
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        # A page that quotes a special token has not ended.
        self._tokenizer.encode_special_tokens = True
        self.vocabulary: int = self._tokenizer.get_vocab_size()
        self.end_token = _end_token(folder)
        end = self._tokenizer.token_to_id(self.end_token) if self.end_token else None
        if self.end_token and end is None:
            raise UserError(f"{folder}: the eos_token {self.end_token} is not in the vocabulary of {FILE}")
        self._end = [] if end is None else [end]
        self.digest = hashlib.sha256(content + (self.end_token or "").encode()).hexdigest()
        """SHA-256 of all that decides how a document is encoded."""

    def encode(self, texts: Sequence[str]) -> list[Tokens]:
        """The documents of `texts`."""
        encoded = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [np.array(one.ids + self._end, np.int32) for one in encoded]


@cache
def loaded(folder: Path, digest: str) -> Encoder:
    """The encoder in `folder`, once a process; `digest` is its own, lest another that lay there is meant."""
    encoder = Encoder(folder)
    if encoder.digest != digest:
        raise RuntimeError(f"{folder}: this is not the tokenizer that the job began with")
    return encoder


def _end_token(folder: Path) -> str | None:
    for name in SETTINGS:
        if (folder / name).is_file():
            settings: dict[str, Any] = json.loads((folder / name).read_text(encoding="utf-8"))
            token = settings.get("eos_token")
            if token:
                return str(token["content"] if isinstance(token, dict) else token)
    return None
